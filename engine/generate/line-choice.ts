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
  /** Where it stands in code that is remembered, and in the file around the cursor. */
  readonly remembered: FoundLine | null;
  readonly visible: FoundLine | null;
}

/** What the file around the cursor says about any line. */
export interface LinePlace {
  /** Whether the cursor's line has begun. */
  readonly hasBegun: boolean;
  /** Names that stand near the cursor. */
  readonly names: ReadonlySet<string>;
}

/** Length of `featuresOf`, and so of the weights. */
export const LINE_FEATURES = 37;

/** What speaks for a line, weighed; the line with the highest score is the one to offer. */
export const scoreOf = (option: LineOption, place: LinePlace, weights: readonly number[]): number =>
  featuresOf(option, place).reduce((sum, value, i) => sum + value * weights[i]!, 0);

/**
 * Whether a line that was not written now can only score less where it is less likely. Then its score with the
 * probability of its first token alone is one that it cannot exceed.
 */
export function risesWithProbability(weights: readonly number[], { hasBegun }: LinePlace): boolean {
  const whenBegun = (feature: number): number => (hasBegun ? weights[feature]! : 0);
  return (
    weights[LOG_PROBABILITY]! + whenBegun(BEGUN_LOG_PROBABILITY) >= 0 &&
    weights[PER_TOKEN]! + whenBegun(BEGUN_PER_TOKEN) >= 0 &&
    weights[PROBABILITY]! >= 0
  );
}

/** Features of `featuresOf` that the probability of a line decides, of one that was not written now. */
const LOG_PROBABILITY = 0;
const PER_TOKEN = 1;
const PROBABILITY = 15;
const BEGUN_LOG_PROBABILITY = 28;
const BEGUN_PER_TOKEN = 29;

/** In the order of `line_choice_weights` of a model's `generation_config.json`. */
export function featuresOf(option: LineOption, { hasBegun, names }: LinePlace): number[] {
  const { logProbability, nTokens, remembered, visible } = option;
  const perToken = logProbability / Math.max(1, nTokens);
  const written = Number(option.isWritten);
  const begun = Number(hasBegun);
  const likeness = (found: FoundLine | null) => [found?.likeAbove ?? 0, found?.likeAboveThat ?? 0] as const;
  const [above, aboveThat] = likeness(remembered);
  const [visibleAbove, visibleAboveThat] = likeness(visible);
  const used = namesIn(option.text);
  const nNew = used.filter((name) => !names.has(name)).length;
  const hasNew = Number(nNew > 0);
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
    remembered?.share ?? 0,
    Math.log((remembered?.share ?? 0) + LEAST_SHARE),
    visible?.share ?? 0,
    Math.log((visible?.share ?? 0) + LEAST_SHARE),
    Number(remembered?.rank === 0),
    Number(remembered?.rankByVotes === 0),
    Number(visible?.rank === 0),
    written * (1 - begun),
    Number(remembered !== null) * begun,
    logProbability * begun,
    perToken * begun,
    used.length / 5,
    nNew / 3,
    nNew / Math.max(1, used.length),
    hasNew,
    written * hasNew,
    Number(remembered?.isRenamed ?? false),
    Number(visible?.isRenamed ?? false),
  ];
}

/** Of a line that got no votes, so that its logarithm is finite. */
const LEAST_SHARE = 1e-3;

/** How far from the cursor names are near, characters before it; all of the suffix is near. */
const NEAR_CHARS = 3_000;

export function placeOf({ prefix, suffix }: { readonly prefix: string; readonly suffix: string }): LinePlace {
  const head = prefix.slice(prefix.lastIndexOf("\n") + 1);
  return { hasBegun: head.trim() !== "", names: new Set(namesIn(`${prefix.slice(-NEAR_CHARS)} ${suffix}`)) };
}

/** Names in the order of the text, words of the language left out. */
const namesIn = (text: string): string[] => (text.match(/[A-Za-z_$][\w$]*/g) ?? []).filter((word) => !WORDS.has(word));

/** Words that stand everywhere: where one of them is new, that says nothing. */
const WORDS = new Set(
  (
    "const let var function return if else for while import from export default class new await async of in typeof " +
    "true false null undefined this throw try catch switch case break interface type extends as number string " +
    "boolean void static public private readonly test expect describe it"
  ).split(" "),
);
