import { maximalRuns, type TokenRun } from "./maximal-runs.ts";
import { countAlphanumerics, createTiling, MIN_MOVED_ALPHANUMERICS } from "./token-runs.ts";

/**
 * Where each token of the old text of a changed place stands in its new text, or -1: the token rule of
 * survival.md section 3.4 between two versions of the same lines. What both begin and end with stays; runs of
 * at least four tokens are kept, the longest first, in order; kept runs grow; runs out of order count as moved
 * from twenty letters and digits on.
 */
export const alignTokens = (oldTokens: readonly string[], newTokens: readonly string[]): Int32Array => {
  const placeOf = new Int32Array(oldTokens.length).fill(-1);
  const [nFirst, nLast] = commonEnds(oldTokens, newTokens);
  for (let at = 0; at < nFirst; at += 1) placeOf[at] = at;
  for (let back = 1; back <= nLast; back += 1) placeOf[oldTokens.length - back] = newTokens.length - back;
  if (nFirst + nLast === oldTokens.length || nFirst + nLast === newTokens.length) return placeOf;

  const from = new Int32Array(oldTokens.length).fill(-2);
  const to = new Int32Array(newTokens.length).fill(-1);
  const middle = from.subarray(nFirst, from.length - nLast);
  const newMiddle = to.subarray(nFirst, to.length - nLast);
  intern(oldTokens, newTokens, nFirst, middle, newMiddle);
  const tiling = createTiling(from, to, (at) => countAlphanumerics(oldTokens[at] as string) === 0);
  for (let at = 0; at < placeOf.length; at += 1) if (placeOf[at] !== -1) tiling.take(at, placeOf[at] as number);
  const runs = maximalRuns(middle, newMiddle).map((run) => ({
    from: run.from + nFirst,
    to: run.to + nFirst,
    length: run.length,
  }));
  const moved: TokenRun[] = [];
  for (const run of runs) {
    if (tiling.isNear(run)) tiling.place(run);
    else moved.push(run);
  }
  tiling.grow();
  for (const run of moved) {
    for (const part of tiling.free(run)) {
      if (alphanumerics(oldTokens, part) >= MIN_MOVED_ALPHANUMERICS) tiling.place(part);
    }
  }
  tiling.grow();
  tiling.carry("part");
  return tiling.placeOf;
};

const commonEnds = (left: readonly string[], right: readonly string[]): [number, number] => {
  const shorter = Math.min(left.length, right.length);
  let first = 0;
  while (first < shorter && left[first] === right[first]) first += 1;
  let last = 0;
  while (last < shorter - first && left[left.length - 1 - last] === right[right.length - 1 - last]) last += 1;
  return [first, last];
};

/** Numbers for the tokens between what both begin and end with; what the old text does not hold is -1 in the new one. */
const intern = (
  oldTokens: readonly string[],
  newTokens: readonly string[],
  nFirst: number,
  from: Int32Array,
  to: Int32Array,
): void => {
  const ids = new Map<string, number>();
  for (let at = 0; at < from.length; at += 1) {
    const token = oldTokens[nFirst + at] as string;
    let id = ids.get(token);
    if (id === undefined) {
      id = ids.size;
      ids.set(token, id);
    }
    from[at] = id;
  }
  for (let at = 0; at < to.length; at += 1) to[at] = ids.get(newTokens[nFirst + at] as string) ?? -1;
};

const alphanumerics = (tokens: readonly string[], run: TokenRun): number => {
  let count = 0;
  for (let k = 0; k < run.length; k += 1) count += countAlphanumerics(tokens[run.from + k] as string);
  return count;
};
