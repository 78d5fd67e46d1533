import { DEFAULT_LABEL_TABLE, type LabelTable } from "../labels/label-table.ts";
import type { LossCause } from "../survival/causes.ts";
import { qualityOf } from "../survival/quality.ts";
import { ENDED_BELOW } from "../survival/snippet-life.ts";

/** Why mined code is no example to follow. */
export interface MinedLoss {
  readonly cause: LossCause;
  /** From when it was written, milliseconds. */
  readonly afterMs: number;
  /** Commit that took it away. */
  readonly commit: string;
}

/** What later commits say of code that a history wrote. */
export type HistoryVerdict =
  | { readonly kind: "good" }
  /** It went for reasons that say little of it: nothing is learnt from it. */
  | { readonly kind: "unknown" }
  | { readonly kind: "bad"; readonly loss: MinedLoss; readonly lostAt: number; readonly confidence: number };

export interface MinedLife {
  readonly writtenAt: number;
  /** Fraction of its tokens that is there now; null when that is not known. */
  readonly retained: number | null;
  readonly nTokens: number;
  /** In the order of time: how much each took, and what was left then. */
  readonly losses: readonly {
    readonly commit: string | null;
    readonly lostAt: number;
    readonly lost: number;
    readonly left: number;
    readonly cause: LossCause;
  }[];
}

/** Shorter pieces, such as one closing line, are in every file: what becomes of them says nothing. */
const MIN_JUDGED_TOKENS = 8;
/** Rewritten within a day, for no named reason: committed before it was finished. */
const QUICK_MS = 86_400_000;

/**
 * The label of mined code: nobody was asked, so survival alone counts, by the table of suggestions (survival.md
 * section 2.3). Code that is still there is good; code that was reverted, fixed or rewritten soon after is bad, and
 * what a later refactoring took is neither.
 */
export function historyVerdict(life: MinedLife, table: LabelTable = DEFAULT_LABEL_TABLE): HistoryVerdict {
  const { writtenAt, retained, nTokens, losses } = life;
  if (retained === null || retained >= ENDED_BELOW || nTokens < MIN_JUDGED_TOKENS) return { kind: "good" };
  const last = losses.findLast(({ lost, left }) => left + lost >= ENDED_BELOW && left < ENDED_BELOW);
  if (last === undefined) return { kind: "good" };
  const blamed = losses.map(({ lost, lostAt, cause }) => {
    const afterMs = Math.max(0, lostAt - writtenAt);
    return { fraction: lost, afterMs, cause: afterMs <= QUICK_MS && cause === "other" ? "quick_rewrite" : cause };
  });
  const quality = qualityOf(blamed, table.blame);
  const probability = 1 / (1 + Math.exp(-table.survival * (2 * quality - 1)));
  if (probability >= table.goodFrom) return { kind: "good" };
  if (probability > table.badUpTo || last.commit === null) return { kind: "unknown" };
  const { cause, afterMs } = blamed[losses.indexOf(last)]!;
  return {
    kind: "bad",
    loss: { cause, afterMs, commit: last.commit },
    lostAt: last.lostAt,
    confidence: 1 - 2 * probability,
  };
}

/** Lines above the cursor by which its place is found again. */
const ANCHOR_LINES = 3;

/**
 * What stands in a later version of a file where `written` stood: as many lines, behind the same text on the same
 * line, below the same three lines. Null when that place is not there once, or holds the same or nothing.
 */
export function writtenInstead(prefix: string, written: string, laterText: string): string | null {
  const before = prefix.split("\n");
  const head = before.pop() ?? "";
  const anchor = before.filter((line) => line.trim() !== "").slice(-ANCHOR_LINES);
  if (anchor.length < ANCHOR_LINES) return null;
  const lines = laterText.split("\n").map((line) => line.trimEnd());
  const places: number[] = [];
  let above: string[] = [];
  for (const [at, line] of lines.entries()) {
    if (line.startsWith(head.trimEnd()) && isSame(above, anchor)) places.push(at);
    if (line !== "") above = [...above, line].slice(-ANCHOR_LINES);
  }
  const [place] = places;
  if (place === undefined || places.length > 1) return null;
  const nLines = written.split("\n").length;
  const text = [lines[place]!.slice(head.length), ...lines.slice(place + 1, place + nLines)].join("\n").trimEnd();
  return text.trim() === "" || text === written.trimEnd() ? null : text;
}

const isSame = (above: readonly string[], anchor: readonly string[]): boolean =>
  above.length === anchor.length && above.every((line, i) => line === anchor[i]!.trimEnd());
