import type { EqualBlock } from "./text-replacement.ts";

/** Lines looked at in one step. */
const LINES_PER_STEP = 4_000;

/**
 * Equal blocks of two sequences of lines, by the lines that occur once in each: the longest chain of them that is
 * in order on both sides (patience), and what is equal beside them. Linear but for the chain, so it needs no limit.
 */
export function* anchorLines(old: readonly string[], now: readonly string[]): Generator<void, EqualBlock[]> {
  const places = new Map<string, { before: number; after: number }>();
  for (let at = 0; at < old.length; at += 1) {
    const line = old[at] as string;
    const known = places.get(line);
    if (known) known.before = REPEATED;
    else places.set(line, { before: at, after: MISSING });
    if (at % LINES_PER_STEP === LINES_PER_STEP - 1) yield;
  }
  const pairs: Pair[] = [];
  for (let at = 0; at < now.length; at += 1) {
    const known = places.get(now[at] as string);
    if (known) known.after = known.after === MISSING ? at : REPEATED;
    if (at % LINES_PER_STEP === LINES_PER_STEP - 1) yield;
  }
  for (const one of places.values()) if (one.before >= 0 && one.after >= 0) pairs.push(one);
  yield;
  const chain = yield* longestChain(pairs);
  yield;
  return grow(chain, old, now);
}

/** A line's place on both sides. */
interface Pair {
  readonly before: number;
  readonly after: number;
}

const MISSING = -1;
const REPEATED = -2;

/** Longest subsequence with rising `after`; `pairs` come by rising `before`. */
function* longestChain(pairs: readonly Pair[]): Generator<void, Pair[]> {
  const previous = new Int32Array(pairs.length).fill(-1);
  const ends: number[] = [];
  for (const [idx, { after }] of pairs.entries()) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[ends[middle] as number] as Pair).after < after) low = middle + 1;
      else high = middle;
    }
    previous[idx] = low === 0 ? -1 : (ends[low - 1] as number);
    ends[low] = idx;
    if (idx % LINES_PER_STEP === LINES_PER_STEP - 1) yield;
  }
  const chain: Pair[] = [];
  for (let idx = ends.at(-1) ?? -1; idx !== -1; idx = previous[idx] as number) chain.push(pairs[idx] as Pair);
  return chain.reverse();
}

const grow = (chain: readonly Pair[], old: readonly string[], now: readonly string[]): EqualBlock[] => {
  const blocks: EqualBlock[] = [];
  let endOld = 0;
  let endNow = 0;
  for (const { before, after } of chain) {
    if (before < endOld) continue;
    let up = 0;
    while (before - up > endOld && after - up > endNow && old[before - up - 1] === now[after - up - 1]) up += 1;
    let down = 1;
    while (before + down < old.length && after + down < now.length && old[before + down] === now[after + down])
      down += 1;
    blocks.push({ before: before - up, after: after - up, length: up + down });
    endOld = before + down;
    endNow = after + down;
  }
  return blocks;
};
