import type { Region } from "../lifecycle/region.ts";
import { ownSpans, type OwnedInterval } from "./buffer-places.ts";
import { strictSpans, type TokenSpans } from "./token-spans.ts";

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
}

/** Text that gave way to other text, both in offsets of their whole texts. */
export interface Hunk {
  readonly before: Region;
  readonly after: Region;
}

/**
 * Compares the old text of a replaced part with the new one by lines: format on save, reload from disk, undo
 * of many edits. When `diff` gives up, one hunk spans all lines that differ at both ends.
 */
export const compareTexts = (before: string, after: string, diff: DiffSequences): Replacement => {
  const old = splitLines(before);
  const now = splitLines(after);
  const head = commonHead(old.lines, now.lines);
  const tail = commonTail(old.lines, now.lines, head);
  const middle = {
    before: old.lines.slice(head, old.lines.length - tail),
    after: now.lines.slice(head, now.lines.length - tail),
  };
  const isOneSided = middle.before.length === 0 || middle.after.length === 0;
  const inner = isOneSided ? [] : (diff(middle.before, middle.after) ?? []);
  const blocks = [
    { before: 0, after: 0, length: head },
    ...inner.map((block) => ({ ...block, before: block.before + head, after: block.after + head })),
    { before: old.lines.length - tail, after: now.lines.length - tail, length: tail },
  ];
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
  return { equal, hunks };
};

export interface IntervalMapper {
  map(snippet: string, intervals: readonly OwnedInterval[]): MappedIntervals;
  /** Text that is new, after all snippets were mapped: code that was moved may stand there. */
  arrived(): readonly Region[];
}

/** A snippet's tokens behind a replacement: those found again, and whether all were. */
export interface MappedIntervals {
  readonly intervals: readonly OwnedInterval[];
  readonly isComplete: boolean;
}

/**
 * Carries the intervals of snippets through a replacement: text that is the same moves, and tokens that a hunk
 * keeps go where the token diff of the hunk says. The hunks' tokens are read once for all snippets.
 */
export const intervalMapper = (
  before: string,
  after: string,
  { equal, hunks }: Replacement,
  diff: DiffSequences,
): IntervalMapper => {
  const hunkMaps = new Map<Hunk, Map<number, number>>();
  const tokensOf = (hunk: Hunk): Map<number, number> => {
    const known = hunkMaps.get(hunk);
    if (known !== undefined) return known;
    const map = mapTokens(before, after, hunk, diff);
    hunkMaps.set(hunk, map);
    return map;
  };
  const newStart = (start: number, end: number): number | null => {
    const block = equal[lastAtOrBefore(equal, start, (one) => one.before)];
    if (block !== undefined && end <= block.before + block.length) return start - block.before + block.after;
    const hunk = hunks[lastAtOrBefore(hunks, start, (one) => one.before.start)];
    if (hunk === undefined || start >= hunk.before.end) return null;
    return tokensOf(hunk).get(start) ?? null;
  };

  const map = (snippet: string, intervals: readonly OwnedInterval[]): MappedIntervals => {
    const mapped: OwnedInterval[] = [];
    let isComplete = true;
    for (const interval of intervals) {
      const block = equal[lastAtOrBefore(equal, interval.start, (one) => one.before)];
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
        const from = spans.starts[at] as number;
        const to = spans.ends[at] as number;
        const start = newStart(from, to);
        if (start === null) continue;
        parts.push({ token: interval.token + at, nTokens: 1, start, end: start + to - from });
      }
      if (parts.length < interval.nTokens) isComplete = false;
      mapped.push(...joinParts(snippet, after, parts));
    }
    return { intervals: mapped, isComplete };
  };
  const arrived = (): Region[] =>
    hunks.flatMap((hunk) => {
      const tokens = hunkMaps.get(hunk);
      return tokens === undefined ? [hunk.after] : newStretches(after, hunk, tokens);
    });
  return { map, arrived };
};

/** Stretches of a hunk's new text whose tokens came from no token of its old text. */
const newStretches = (after: string, hunk: Hunk, tokens: ReadonlyMap<number, number>): Region[] => {
  const kept = new Set(tokens.values());
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

/** Carries a region through a replacement: to the same text, or to the whole of the hunks that it lies in. */
export const regionMapper =
  ({ equal, hunks }: Replacement): ((region: Region) => Region) =>
  (region) => {
    const start = carryOffset(equal, hunks, region.start, "start");
    return { start, end: Math.max(start, carryOffset(equal, hunks, region.end, "end")) };
  };

const carryOffset = (
  equal: readonly EqualBlock[],
  hunks: readonly Hunk[],
  offset: number,
  side: "start" | "end",
): number => {
  const block = equal[lastAtOrBefore(equal, offset, (one) => one.before)];
  if (block !== undefined && offset <= block.before + block.length) return offset - block.before + block.after;
  const hunk = hunks[lastAtOrBefore(hunks, offset, (one) => one.before.start)];
  return hunk === undefined ? 0 : hunk.after[side];
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

/** Start of each kept token of a hunk, old to new. Formatting tokens take part: they are tokens of some snippets. */
const mapTokens = (before: string, after: string, hunk: Hunk, diff: DiffSequences): Map<number, number> => {
  const old = strictSpans(before.slice(hunk.before.start, hunk.before.end), hunk.before.start);
  const now = strictSpans(after.slice(hunk.after.start, hunk.after.end), hunk.after.start);
  const map = new Map<number, number>();
  for (const block of equalTokens(old, now, diff)) {
    for (let k = 0; k < block.length; k += 1)
      map.set(old.starts[block.before + k] as number, now.starts[block.after + k] as number);
  }
  return map;
};

const equalTokens = (old: TokenSpans, now: TokenSpans, diff: DiffSequences): readonly EqualBlock[] => {
  const head = commonHead(old.tokens, now.tokens);
  const tail = commonTail(old.tokens, now.tokens, head);
  const middleBefore = old.tokens.slice(head, old.tokens.length - tail);
  const middleAfter = now.tokens.slice(head, now.tokens.length - tail);
  const isOneSided = middleBefore.length === 0 || middleAfter.length === 0;
  const inner = isOneSided ? [] : (diff(middleBefore, middleAfter) ?? []);
  return [
    { before: 0, after: 0, length: head },
    ...inner.map((block) => ({ ...block, before: block.before + head, after: block.after + head })),
    { before: old.tokens.length - tail, after: now.tokens.length - tail, length: tail },
  ];
};

/** Lines without their ends, and the offset where each begins; the last entry is the text's length. */
const splitLines = (text: string): { lines: string[]; starts: Int32Array } => {
  const raw = text.split("\n");
  const starts = new Int32Array(raw.length + 1);
  for (let line = 0; line < raw.length; line += 1)
    starts[line + 1] = Math.min(text.length, (starts[line] as number) + (raw[line] as string).length + 1);
  return { lines: raw, starts };
};

const commonHead = (left: readonly string[], right: readonly string[]): number => {
  const limit = Math.min(left.length, right.length);
  let at = 0;
  while (at < limit && left[at] === right[at]) at += 1;
  return at;
};

const commonTail = (left: readonly string[], right: readonly string[], head: number): number => {
  const limit = Math.min(left.length, right.length) - head;
  let at = 0;
  while (at < limit && left[left.length - 1 - at] === right[right.length - 1 - at]) at += 1;
  return at;
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
