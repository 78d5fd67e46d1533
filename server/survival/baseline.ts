import { lengthBand } from "../../core/survival/snippet-life.ts";
import { retentionIn } from "../../core/survival/retention.ts";
import { countSignificantTokens } from "../../core/survival/tokens.ts";
import type { SnippetLife } from "../../core/survival/survival-summary.ts";
import { mineHistory } from "../../tracker/history.ts";
import { lifeInHistory } from "./history-life.ts";
import { walkHistory, type WalkedCode } from "./history-walk.ts";

export interface BaselineQuestion {
  /** Top folder of the repository. */
  readonly top: string;
  /** Languages of the code that it stands beside. */
  readonly languages: readonly string[];
  /** When that code was accepted, milliseconds since 1970. */
  readonly from: number;
  readonly now: number;
  /** Texts that a tool generated: a human baseline does not hold them. */
  readonly generated: readonly string[];
  readonly signal: AbortSignal;
}

export interface Baseline {
  readonly lives: readonly SnippetLife[];
  /** True when too little was written in the same time, so that older code stands in. */
  readonly widened: boolean;
}

/** Places of a history that stand for it. */
const MAX_POINTS = 400;
/** With fewer from the same time, older ones are taken too. */
const MIN_POINTS = 60;
/** Shorter pieces, such as one closing line, are in every file. */
const MIN_TOKENS = 8;
/** So much of a piece in generated code makes it generated. */
const GENERATED_FROM = 0.5;
const DAY_MS = 86_400_000;

/**
 * Lives of code that people wrote in the same repository, in the same languages and at the same time, followed
 * by the same tracker: what generated code has to be compared with, since code of one repository lives alike.
 * @throws AppError `git-unavailable`
 */
export async function humanBaseline(question: BaselineQuestion): Promise<Baseline> {
  const recent = await minePieces(question, question.from);
  const widened = recent.length < MIN_POINTS;
  const pieces = widened ? await minePieces(question, undefined) : recent;
  if (pieces.length === 0) return { lives: [], widened };
  const found = await walkHistory(question.top, pieces, question.signal);
  const lives = pieces.flatMap((piece): SnippetLife[] => {
    const survival = found.get(piece.id);
    const life = survival === undefined ? null : lifeInHistory(survival, question.now);
    if (life === null) return [];
    const days = Math.max(0, life.endMs - piece.at) / DAY_MS;
    const nTokens = countSignificantTokens(piece.text);
    return [
      {
        time: days,
        ended: life.cause !== null,
        cause: life.cause ?? "",
        nTokens,
        repository: question.top,
        session: piece.commit ?? lengthBand(nTokens),
      },
    ];
  });
  return { lives, widened };
}

async function minePieces(
  { top, languages, generated, signal }: BaselineQuestion,
  since: number | undefined,
): Promise<WalkedCode[]> {
  const isGenerated = generated.map((text) => retentionIn(text));
  const pieces: WalkedCode[] = [];
  for await (const point of mineHistory({ repo: top, languages, limit: MAX_POINTS * 2, since, signal })) {
    const { id, path, target: text, line, writtenAt: at, commit } = point;
    if (countSignificantTokens(text) < MIN_TOKENS || isGenerated.some((retained) => retained(text) >= GENERATED_FROM)) {
      continue;
    }
    pieces.push({ id, path, text, line: line + 1, at, commit });
  }
  return pieces.slice(-MAX_POINTS);
}
