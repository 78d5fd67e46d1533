import { isSignificant } from "./tokens.ts";
import { strictSpans, type TokenSpans } from "./token-spans.ts";
import type { DiffSequences, EqualBlock, Hunk } from "./text-replacement.ts";

/** Tokens of an old text that were found again in a new one; ascending on both sides. */
export interface TokenPairs {
  readonly oldStarts: readonly number[];
  readonly newStarts: readonly number[];
  readonly newEnds: readonly number[];
}

/** Lines whose tokens are read in one step. */
const LINES_PER_STEP = 200;
/** Longer stretches are compared by lines first: a token diff of them takes longer than a turn of the editor. */
const MAX_DIFFED_TOKENS = 20_000;

/** {@link strictSpans} of a long text, in steps. */
export function* readTokens(text: string, at: number): Generator<void, TokenSpans> {
  const tokens: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  for (let from = 0; from < text.length;) {
    let to = from;
    for (let line = 0; line < LINES_PER_STEP && to !== -1; line += 1) to = text.indexOf("\n", to + 1);
    const end = to === -1 ? text.length : to;
    const spans = strictSpans(text.slice(from, end), at + from);
    for (const token of spans.tokens) tokens.push(token);
    for (const start of spans.starts) starts.push(start);
    for (const stop of spans.ends) ends.push(stop);
    from = end;
    yield;
    if (to === -1) break;
  }
  return { tokens, starts: Int32Array.from(starts), ends: Int32Array.from(ends) };
}

export const onlySignificant = ({ tokens, starts, ends }: TokenSpans): TokenSpans => {
  const kept = [...tokens.keys()].filter((at) => isSignificant(tokens, at));
  return {
    tokens: kept.map((at) => tokens[at] as string),
    starts: Int32Array.from(kept, (at) => starts[at] as number),
    ends: Int32Array.from(kept, (at) => ends[at] as number),
  };
};

/**
 * The tokens that two stretches share in order. The same tokens in another form, as a formatter leaves them, need
 * no diff. Null when there are too many to be compared, or `diff` gave up.
 */
export const pairTokens = (old: TokenSpans, now: TokenSpans, diff: DiffSequences): TokenPairs | null => {
  const head = commonHead(old.tokens, now.tokens);
  const tail = commonTail(old.tokens, now.tokens, head);
  const middleOld = old.tokens.slice(head, old.tokens.length - tail);
  const middleNow = now.tokens.slice(head, now.tokens.length - tail);
  const isOneSided = middleOld.length === 0 || middleNow.length === 0;
  if (!isOneSided && middleOld.length + middleNow.length > MAX_DIFFED_TOKENS) return null;
  const inner = isOneSided ? [] : diff(middleOld, middleNow);
  if (inner === null) return null;
  return pairsOf(old, now, [
    { before: 0, after: 0, length: head },
    ...inner.map((block) => ({ ...block, before: block.before + head, after: block.after + head })),
    { before: old.tokens.length - tail, after: now.tokens.length - tail, length: tail },
  ]);
};

/** The tokens of a hunk that live on in it, as far as they can be told. */
export const pairHunk = (
  before: string,
  after: string,
  hunk: Hunk,
  kind: "significant" | "strict",
  diff: DiffSequences,
): TokenPairs => {
  const oldAll = strictSpans(before.slice(hunk.before.start, hunk.before.end), hunk.before.start);
  const nowAll = strictSpans(after.slice(hunk.after.start, hunk.after.end), hunk.after.start);
  const old = kind === "strict" ? oldAll : onlySignificant(oldAll);
  const now = kind === "strict" ? nowAll : onlySignificant(nowAll);
  return pairTokens(old, now, diff) ?? pairsOf(old, now, []);
};

const pairsOf = (old: TokenSpans, now: TokenSpans, blocks: readonly EqualBlock[]): TokenPairs => {
  const oldStarts: number[] = [];
  const newStarts: number[] = [];
  const newEnds: number[] = [];
  for (const { before, after, length } of blocks) {
    for (let k = 0; k < length; k += 1) {
      oldStarts.push(old.starts[before + k] as number);
      newStarts.push(now.starts[after + k] as number);
      newEnds.push(now.ends[after + k] as number);
    }
  }
  return { oldStarts, newStarts, newEnds };
};

export const commonHead = (left: readonly string[], right: readonly string[]): number => {
  const limit = Math.min(left.length, right.length);
  let at = 0;
  while (at < limit && left[at] === right[at]) at += 1;
  return at;
};

export const commonTail = (left: readonly string[], right: readonly string[], head: number): number => {
  const limit = Math.min(left.length, right.length) - head;
  let at = 0;
  while (at < limit && left[left.length - 1 - at] === right[right.length - 1 - at]) at += 1;
  return at;
};
