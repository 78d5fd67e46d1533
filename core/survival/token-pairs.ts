import type { Region } from "../lifecycle/region.ts";
import type { TokenTable } from "./token-table.ts";
import type { DiffSequences, EqualBlock } from "./text-replacement.ts";

/** Which tokens of an old text were found again in a new one, as ascending blocks of equal tokens. */
export interface TokenPairs {
  readonly old: TokenTable;
  readonly now: TokenTable;
  readonly blocks: readonly EqualBlock[];
}

/** Tokens compared in one step. */
const TOKENS_PER_STEP = 20_000;
/** A longer middle is compared by lines first: a token diff of it takes longer than a turn of the editor. */
const MAX_DIFFED_TOKENS = 4_000;

/**
 * The tokens that two stretches share in order. The same tokens in another form, as a formatter leaves them, need
 * no diff. Null when the stretch that differs is too long to be compared, or `diff` gave up.
 */
export function* pairTokens(old: TokenTable, now: TokenTable, diff: DiffSequences): Generator<void, TokenPairs | null> {
  const shorter = Math.min(old.tokens.length, now.tokens.length);
  let head = 0;
  while (head < shorter && old.tokens[head] === now.tokens[head]) {
    head += 1;
    if (head % TOKENS_PER_STEP === 0) yield;
  }
  const rest = shorter - head;
  let tail = 0;
  while (tail < rest && old.tokens[old.tokens.length - 1 - tail] === now.tokens[now.tokens.length - 1 - tail]) {
    tail += 1;
    if (tail % TOKENS_PER_STEP === 0) yield;
  }
  const nOld = old.tokens.length - tail;
  const nNow = now.tokens.length - tail;
  if (head < nOld && head < nNow && nOld + nNow - 2 * head > MAX_DIFFED_TOKENS) return null;
  const isOneSided = head === nOld || head === nNow;
  const inner = isOneSided ? [] : diff(old.tokens.slice(head, nOld), now.tokens.slice(head, nNow));
  if (inner === null) return null;
  const blocks = [
    { before: 0, after: 0, length: head },
    ...inner.map((block) => ({ ...block, before: block.before + head, after: block.after + head })),
    { before: nOld, after: nNow, length: tail },
  ];
  return { old, now, blocks: blocks.filter(({ length }) => length > 0) };
}

/** Index of the new token that an old one went to, or -1. */
export const partnerOf = ({ blocks }: TokenPairs, oldIdx: number): number => {
  const block = blocks[lastAtOrBefore(blocks, oldIdx, ({ before }) => before)];
  return block === undefined || oldIdx >= block.before + block.length ? -1 : oldIdx - block.before + block.after;
};

/** Stretches of the new text whose tokens came from no token of the old one. */
export const unpaired = ({ now, blocks }: TokenPairs): Region[] => {
  const gaps: Region[] = [];
  let reached = 0;
  for (const { after, length } of [...blocks, { after: now.tokens.length, length: 0 }]) {
    if (after > reached) gaps.push({ start: now.starts[reached] as number, end: now.ends[after - 1] as number });
    reached = after + length;
  }
  return gaps;
};

/** Index of the last item that begins at or before `offset`, or -1. */
export const lastAtOrBefore = <T>(items: ArrayLike<T>, offset: number, startOf: (item: T) => number): number => {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startOf(items[middle] as T) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};
