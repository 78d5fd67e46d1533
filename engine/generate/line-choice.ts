import type { FoundLine } from "../retrieve/line-index.ts";

/**
 * Chooses between the line that the model wrote and lines that were written before in such a place. What a
 * small model writes token by token is often not the likeliest line, and where it is, it is often not what this
 * repository does: each line is scored by what the model thinks of it and by what speaks for it, with weights
 * that were fitted on earlier commits of histories (a conditional logit, McFadden 1974).
 */
export interface LineOption {
  /** What follows the cursor, up to the line's end. */
  readonly text: string;
  /** Natural-log probability of the line with its end, priors included, and its tokens. */
  readonly logProbability: number;
  readonly nTokens: number;
  /** Whether the model wrote it. */
  readonly isWritten: boolean;
  /** Where it stands in code that is remembered, and before the cursor. */
  readonly remembered: FoundLine | null;
  readonly visible: FoundLine | null;
}

/** Length of `featuresOf`, and so of the weights. */
export const LINE_FEATURES = 19;

/** The option with the highest score; the first of equals. At least one option. */
export function chooseLine(options: readonly LineOption[], weights: readonly number[]): LineOption {
  let best = options[0]!;
  let bestScore = -Infinity;
  for (const option of options) {
    const score = featuresOf(option).reduce((sum, value, i) => sum + value * weights[i]!, 0);
    if (score <= bestScore) continue;
    best = option;
    bestScore = score;
  }
  return best;
}

/** In the order of `line_choice_weights` of a model's `generation_config.json`. */
export function featuresOf(option: LineOption): number[] {
  const { logProbability, nTokens, remembered, visible } = option;
  const perToken = logProbability / Math.max(1, nTokens);
  const written = Number(option.isWritten);
  const likeness = (found: FoundLine | null) => [found?.likeAbove ?? 0, found?.likeAboveThat ?? 0] as const;
  const [above, aboveThat] = likeness(remembered);
  const [visibleAbove, visibleAboveThat] = likeness(visible);
  return [
    logProbability,
    perToken,
    written,
    above,
    aboveThat,
    Number(remembered?.isSameFile ?? false),
    Number(remembered?.isSameAbove ?? false),
    Math.log(remembered?.nPlaces ?? 1),
    Number(remembered !== null),
    visibleAbove,
    visibleAboveThat,
    Number(visible?.isSameAbove ?? false),
    Number(visible !== null),
    written * logProbability,
    written * perToken,
    Math.exp(logProbability),
    above * aboveThat,
    visibleAbove * visibleAboveThat,
    nTokens / 10,
  ];
}
