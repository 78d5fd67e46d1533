import type { Region } from "../lifecycle/region.ts";
import type { OwnedInterval, SnippetText } from "./buffer-places.ts";
import { anchorLines } from "./line-anchors.ts";
import { lastAtOrBefore, pairTokens, partnerOf, unpaired, type TokenPairs } from "./token-pairs.ts";
import { readTokensWithin, tokenTable, tokensWithin, type TokenKind } from "./token-table.ts";

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
  /** The tokens of the text's kind that a single hunk keeps, when they were compared already. */
  readonly pairs: TokenPairs | null;
}

/** Text that gave way to other text, both in offsets of their whole texts. */
export interface Hunk {
  readonly before: Region;
  readonly after: Region;
}

/**
 * Compares the old text of a replaced part with the new one: format on save, reload from disk, undo of many edits.
 * Between the lines that are the same at both ends the significant tokens decide; where too many of them differ,
 * the lines that occur once in both texts part it into smaller hunks. Yields between steps.
 */
export function* compareTexts(
  before: string,
  after: string,
  diff: DiffSequences,
  kind: TokenKind = "significant",
): Generator<void, Replacement> {
  const old = yield* splitLines(before);
  const now = yield* splitLines(after);
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
  const oldTokens = yield* readTokensWithin(before, hunk.before, kind);
  const nowTokens = yield* readTokensWithin(after, hunk.after, kind);
  const pairs = yield* pairTokens(oldTokens, nowTokens, diff);
  if (pairs !== null) return { ...whole, pairs };
  const lines = yield* anchorLines(
    old.lines.slice(head, old.lines.length - tail),
    now.lines.slice(head, now.lines.length - tail),
  );
  const inner = lines.map((block) => ({ ...block, before: block.before + head, after: block.after + head }));
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
  intervals(snippet: SnippetText, intervals: readonly OwnedInterval[]): MappedIntervals;
  region(region: Region): Region;
  /** Text that is new, where code that is missing may stand now. */
  arrived(): readonly Region[];
}

/** A snippet's tokens behind a replacement: those found again, and whether all were. */
export interface MappedIntervals {
  readonly intervals: readonly OwnedInterval[];
  readonly isComplete: boolean;
}

/** A hunk longer than this, UTF-16 units on both sides, is not compared in one turn: its tokens are searched. */
const MAX_HUNK_CHARS = 60_000;

/** Carries snippets through a replacement. The hunks' tokens are compared once for all of them. */
export const intervalMapper = (
  before: string,
  after: string,
  { equal, hunks, pairs }: Replacement,
  diff: DiffSequences,
  ofText: TokenKind = "significant",
): IntervalMapper => {
  const ofHunks = (): Map<Hunk, TokenPairs> => new Map();
  const known = { significant: ofHunks(), markdown: ofHunks(), strict: ofHunks() };
  const [first] = hunks;
  if (pairs !== null && first !== undefined) known[ofText].set(first, pairs);
  const pairsOf = (hunk: Hunk, kind: TokenKind): TokenPairs => {
    const found = known[kind].get(hunk) ?? pairHunk(before, after, hunk, kind, diff);
    known[kind].set(hunk, found);
    return found;
  };
  const blockAt = (offset: number) => equal[lastAtOrBefore(equal, offset, (one) => one.before)];
  const hunkAt = (offset: number) => hunks[lastAtOrBefore(hunks, offset, (one) => one.before.start)];

  const placeOf = (start: number, end: number, kind: TokenKind): Place | null => {
    const block = blockAt(start);
    if (block !== undefined && end <= block.before + block.length) {
      const shift = block.after - block.before;
      return { start: start + shift, end: end + shift, hunk: null, idx: -1 };
    }
    const hunk = hunkAt(start);
    if (hunk === undefined || start >= hunk.before.end) return null;
    const pair = pairsOf(hunk, kind);
    const oldIdx = lastAtOrBefore(pair.old.starts, start, itself);
    const idx = pair.old.starts[oldIdx] === start ? partnerOf(pair, oldIdx) : -1;
    return idx === -1 ? null : { start: pair.now.starts[idx] as number, end: pair.now.ends[idx] as number, hunk, idx };
  };
  const intervals = (snippet: SnippetText, owned: readonly OwnedInterval[]): MappedIntervals => {
    const mapped: OwnedInterval[] = [];
    let isComplete = true;
    for (const interval of owned) {
      const block = blockAt(interval.start);
      if (block !== undefined && interval.end <= block.before + block.length) {
        const shift = block.after - block.before;
        mapped.push({ ...interval, start: interval.start + shift, end: interval.end + shift });
        continue;
      }
      const within = tokensWithin(before, interval, snippet.kind);
      // A snippet that ends with a slash was read without it: what is beside it did not count then.
      const isAsRead = within.tokens.length === interval.nTokens;
      const table = isAsRead
        ? within
        : tokenTable(before.slice(interval.start, interval.end), snippet.kind, interval.start);
      if (table.tokens.length !== interval.nTokens) {
        isComplete = false;
        continue;
      }
      const parts = Array.from(table.starts, (start, at) => placeOf(start, table.ends[at] as number, snippet.kind));
      if (parts.includes(null)) isComplete = false;
      mapped.push(...joinParts(snippet.kind, after, interval.token, parts));
    }
    return { intervals: mapped, isComplete };
  };

  /** Beside the nearest token that was kept, or the hunk's own border. */
  const carry = (offset: number, side: "start" | "end"): number => {
    const block = blockAt(offset);
    if (block !== undefined && offset <= block.before + block.length) return offset - block.before + block.after;
    const hunk = hunkAt(offset);
    if (hunk === undefined) return 0;
    const pair = pairsOf(hunk, ofText);
    const oldIdx = lastAtOrBefore(pair.old.starts, offset - 1, itself) + (side === "start" ? 1 : 0);
    const idx = partnerOf(pair, oldIdx);
    if (idx === -1) return hunk.after[side];
    return (side === "start" ? pair.now.starts[idx] : pair.now.ends[idx]) as number;
  };
  const region = ({ start, end }: Region): Region => {
    if (start === end) {
      const at = carry(start, "end");
      return { start: at, end: at };
    }
    const from = carry(start, "start");
    return { start: from, end: Math.max(from, carry(end, "end")) };
  };
  const arrived = (): Region[] =>
    hunks.flatMap((hunk) => {
      const pair = known[ofText].get(hunk) ?? known.strict.get(hunk);
      return pair === undefined ? [hunk.after] : unpaired(pair);
    });
  return { intervals, region, arrived };
};

/** The tokens of a hunk that live on in it, as far as they can be told. */
const pairHunk = (before: string, after: string, hunk: Hunk, kind: TokenKind, diff: DiffSequences): TokenPairs => {
  const length = hunk.before.end - hunk.before.start + hunk.after.end - hunk.after.start;
  if (length > MAX_HUNK_CHARS) return NO_PAIRS;
  const old = tokensWithin(before, hunk.before, kind);
  const now = tokensWithin(after, hunk.after, kind);
  const steps = pairTokens(old, now, diff);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value ?? { old, now, blocks: [] };
  }
};

const NO_TOKENS = { tokens: [], starts: new Int32Array(), ends: new Int32Array() };
const NO_PAIRS: TokenPairs = { old: NO_TOKENS, now: NO_TOKENS, blocks: [] };

const itself = (offset: number): number => offset;

/** Where a token went, and which of its hunk's tokens it is there. */
interface Place extends Region {
  readonly hunk: Hunk | null;
  readonly idx: number;
}

/** One interval for tokens that still stand side by side. */
const joinParts = (
  kind: TokenKind,
  text: string,
  firstToken: number,
  parts: readonly (Place | null)[],
): readonly OwnedInterval[] => {
  const joined: { token: number; nTokens: number; start: number; end: number }[] = [];
  let before: Place | null = null;
  for (const [at, part] of parts.entries()) {
    const last = joined.at(-1);
    if (part !== null && last !== undefined && before !== null && follows(kind, text, before, part)) {
      last.nTokens += 1;
      last.end = part.end;
    } else if (part !== null) joined.push({ token: firstToken + at, nTokens: 1, start: part.start, end: part.end });
    before = part;
  }
  return joined;
};

/** Two tokens have this much white space and punctuation between them at most, UTF-16 units. */
const MAX_GAP_CHARS = 400;

const follows = (kind: TokenKind, text: string, before: Place, part: Place): boolean => {
  if (part.hunk !== null && part.hunk === before.hunk) return part.idx === before.idx + 1;
  if (part.start < before.end || part.start > before.end + MAX_GAP_CHARS) return false;
  return tokensWithin(text, { start: before.end, end: part.start }, kind).tokens.length === 0;
};

interface Lines {
  readonly lines: readonly string[];
  /** Offset where each begins; one more entry is the text's length. */
  readonly starts: readonly number[];
}

/** Lines cut out in one step. */
const LINES_PER_STEP = 4_000;

function* splitLines(text: string): Generator<void, Lines> {
  const lines: string[] = [];
  const starts: number[] = [0];
  for (let from = 0; ;) {
    const end = text.indexOf("\n", from);
    lines.push(end === -1 ? text.slice(from) : text.slice(from, end));
    starts.push(end === -1 ? text.length : end + 1);
    if (lines.length % LINES_PER_STEP === 0) yield;
    if (end === -1) return { lines, starts };
    from = end + 1;
  }
}

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
