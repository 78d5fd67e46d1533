import type { Region } from "../lifecycle/region.ts";
import { hasSignificant, ownSpans, type OwnedInterval } from "./buffer-places.ts";
import { strictSpans } from "./token-spans.ts";
import {
  commonHead,
  commonTail,
  onlySignificant,
  pairHunk,
  pairTokens,
  readTokens,
  type TokenPairs,
} from "./token-pairs.ts";

/** `before[block.before + k]` equals `after[block.after + k]` for k below `length`. */
export interface EqualBlock {
  readonly before: number;
  readonly after: number;
  readonly length: number;
}

/**
 * A shortest edit script between two sequences, as its ascending equal blocks, or null when its limits of time
 * or size were reached. Hosts pass one in: `core` computes none.
 */
export type DiffSequences = (before: readonly string[], after: readonly string[]) => readonly EqualBlock[] | null;

/** Where the text of a replaced part went: stretches that are the same, and stretches that differ. */
export interface Replacement {
  readonly equal: readonly EqualBlock[];
  readonly hunks: readonly Hunk[];
  /** The significant tokens that a single hunk keeps, when they were compared already. */
  readonly pairs: TokenPairs | null;
}

/** Text that gave way to other text, both in offsets of their whole texts. */
export interface Hunk {
  readonly before: Region;
  readonly after: Region;
}

/**
 * Compares the old text of a replaced part with the new one: format on save, reload from disk, undo of many edits.
 * Between the lines that are the same at both ends the significant tokens decide; where they are too many or too
 * different, the lines; and when `diff` gives up on these too, one hunk spans all of them. Yields between steps.
 */
export function* compareTexts(before: string, after: string, diff: DiffSequences): Generator<void, Replacement> {
  const old = splitLines(before);
  const now = splitLines(after);
  const head = commonHead(old.lines, now.lines);
  const tail = commonTail(old.lines, now.lines, head);
  const outer = [
    { before: 0, after: 0, length: head },
    { before: old.lines.length - tail, after: now.lines.length - tail, length: tail },
  ] as const;
  const whole = betweenBlocks(old, now, outer);
  const [hunk] = whole.hunks;
  if (hunk === undefined || isEmpty(hunk.before) || isEmpty(hunk.after)) return whole;
  yield;
  const oldTokens = yield* readTokens(before.slice(hunk.before.start, hunk.before.end), hunk.before.start);
  const nowTokens = yield* readTokens(after.slice(hunk.after.start, hunk.after.end), hunk.after.start);
  const pairs = pairTokens(onlySignificant(oldTokens), onlySignificant(nowTokens), diff);
  if (pairs !== null) return { ...whole, pairs };
  yield;
  const lines = diff(old.lines.slice(head, old.lines.length - tail), now.lines.slice(head, now.lines.length - tail));
  const inner = (lines ?? []).map((block) => ({ ...block, before: block.before + head, after: block.after + head }));
  return betweenBlocks(old, now, [outer[0], ...inner, outer[1]]);
}

const isEmpty = ({ start, end }: Region): boolean => start === end;

/** Equal lines as equal text, and what lies between them as hunks. */
const betweenBlocks = (old: Lines, now: Lines, blocks: readonly EqualBlock[]): Replacement => {
  const equal: EqualBlock[] = [];
  const hunks: Hunk[] = [];
  let lineBefore = 0;
  let lineAfter = 0;
  for (const block of blocks) {
    if (block.before > lineBefore || block.after > lineAfter) {
      hunks.push({
        before: { start: old.starts[lineBefore] as number, end: old.starts[block.before] as number },
        after: { start: now.starts[lineAfter] as number, end: now.starts[block.after] as number },
      });
    }
    lineBefore = block.before + block.length;
    lineAfter = block.after + block.length;
    const start = old.starts[block.before] as number;
    const length = (old.starts[lineBefore] as number) - start;
    if (length > 0) equal.push({ before: start, after: now.starts[block.after] as number, length });
  }
  return { equal, hunks, pairs: null };
};

export interface IntervalMapper {
  /** Text that is the same moves, and tokens that a hunk keeps go where they went. */
  intervals(snippet: string, intervals: readonly OwnedInterval[]): MappedIntervals;
  region(region: Region): Region;
  /** Text that is new, after all snippets were mapped: code that was moved may stand there. */
  arrived(): readonly Region[];
}

/** A snippet's tokens behind a replacement: those found again, and whether all were. */
export interface MappedIntervals {
  readonly intervals: readonly OwnedInterval[];
  readonly isComplete: boolean;
}

/** Carries snippets through a replacement. The hunks' tokens are compared once for all of them. */
export const intervalMapper = (
  before: string,
  after: string,
  { equal, hunks, pairs }: Replacement,
  diff: DiffSequences,
): IntervalMapper => {
  const known = { significant: new Map<Hunk, TokenPairs>(), strict: new Map<Hunk, TokenPairs>() };
  const [first] = hunks;
  if (pairs !== null && first !== undefined) known.significant.set(first, pairs);
  const pairsOf = (hunk: Hunk, kind: "significant" | "strict"): TokenPairs => {
    const found = known[kind].get(hunk) ?? pairHunk(before, after, hunk, kind, diff);
    known[kind].set(hunk, found);
    return found;
  };
  const blockAt = (offset: number) => equal[lastAtOrBefore(equal, offset, (one) => one.before)];
  const hunkAt = (offset: number) => hunks[lastAtOrBefore(hunks, offset, (one) => one.before.start)];

  const placeOf = (start: number, end: number, kind: "significant" | "strict"): Region | null => {
    const block = blockAt(start);
    if (block !== undefined && end <= block.before + block.length) {
      const shift = block.after - block.before;
      return { start: start + shift, end: end + shift };
    }
    const hunk = hunkAt(start);
    if (hunk === undefined || start >= hunk.before.end) return null;
    const { oldStarts, newStarts, newEnds } = pairsOf(hunk, kind);
    const at = lastAtOrBefore(oldStarts, start, (one) => one);
    return oldStarts[at] === start ? { start: newStarts[at] as number, end: newEnds[at] as number } : null;
  };
  const intervals = (snippet: string, owned: readonly OwnedInterval[]): MappedIntervals => {
    const kind = hasSignificant(snippet) ? "significant" : "strict";
    const mapped: OwnedInterval[] = [];
    let isComplete = true;
    for (const interval of owned) {
      const block = blockAt(interval.start);
      if (block !== undefined && interval.end <= block.before + block.length) {
        const shift = block.after - block.before;
        mapped.push({ ...interval, start: interval.start + shift, end: interval.end + shift });
        continue;
      }
      const spans = ownSpans(snippet, before.slice(interval.start, interval.end), interval.start);
      if (spans.tokens.length !== interval.nTokens) {
        isComplete = false;
        continue;
      }
      const parts: OwnedInterval[] = [];
      for (let at = 0; at < spans.tokens.length; at += 1) {
        const place = placeOf(spans.starts[at] as number, spans.ends[at] as number, kind);
        if (place !== null) parts.push({ token: interval.token + at, nTokens: 1, ...place });
      }
      if (parts.length < interval.nTokens) isComplete = false;
      mapped.push(...joinParts(snippet, after, parts));
    }
    return { intervals: mapped, isComplete };
  };

  /** Beside the nearest token that was kept, or the hunk's own border. */
  const carry = (offset: number, side: "start" | "end"): number => {
    const block = blockAt(offset);
    if (block !== undefined && offset <= block.before + block.length) return offset - block.before + block.after;
    const hunk = hunkAt(offset);
    if (hunk === undefined) return 0;
    const { oldStarts, newStarts, newEnds } = pairsOf(hunk, "significant");
    const at = lastAtOrBefore(oldStarts, offset - 1, (one) => one);
    if (side === "start") return newStarts[at + 1] ?? hunk.after.end;
    return newEnds[at] ?? hunk.after.start;
  };
  const region = ({ start, end }: Region): Region => {
    const from = carry(start, "start");
    return { start: from, end: Math.max(from, carry(end, "end")) };
  };
  const arrived = (): Region[] =>
    hunks.flatMap((hunk) => {
      const kept = (["significant", "strict"] as const).flatMap((kind) => known[kind].get(hunk)?.newStarts ?? []);
      return kept.length === 0 ? [hunk.after] : newStretches(after, hunk, new Set(kept));
    });
  return { intervals, region, arrived };
};

/** Stretches of a hunk's new text whose tokens came from no token of its old text. */
const newStretches = (after: string, hunk: Hunk, kept: ReadonlySet<number>): Region[] => {
  const spans = strictSpans(after.slice(hunk.after.start, hunk.after.end), hunk.after.start);
  const stretches: Region[] = [];
  let isOpen = false;
  for (let at = 0; at < spans.tokens.length; at += 1) {
    const start = spans.starts[at] as number;
    const end = spans.ends[at] as number;
    if (kept.has(start)) isOpen = false;
    else if (isOpen) stretches[stretches.length - 1] = { start: (stretches.at(-1) as Region).start, end };
    else {
      stretches.push({ start, end });
      isOpen = true;
    }
  }
  return stretches;
};

/** One interval for tokens that still stand side by side; otherwise one for each. */
const joinParts = (snippet: string, text: string, parts: readonly OwnedInterval[]): readonly OwnedInterval[] => {
  const joined: OwnedInterval[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    const follows =
      last !== undefined &&
      part.token === last.token + last.nTokens &&
      part.start >= last.end &&
      ownSpans(snippet, text.slice(last.end, part.start)).tokens.length === 0;
    if (follows) joined[joined.length - 1] = { ...last, nTokens: last.nTokens + 1, end: part.end };
    else joined.push(part);
  }
  return joined;
};

interface Lines {
  readonly lines: readonly string[];
  /** Offset where each begins; one more entry is the text's length. */
  readonly starts: Int32Array;
}

const splitLines = (text: string): Lines => {
  const lines = text.split("\n");
  const starts = new Int32Array(lines.length + 1);
  for (let line = 0; line < lines.length; line += 1)
    starts[line + 1] = Math.min(text.length, (starts[line] as number) + (lines[line] as string).length + 1);
  return { lines, starts };
};

/** Index of the last item that begins at or before `offset`, or -1. */
const lastAtOrBefore = <T>(items: readonly T[], offset: number, startOf: (item: T) => number): number => {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startOf(items[middle] as T) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};
