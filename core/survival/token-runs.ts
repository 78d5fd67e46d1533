import type { TokenKind } from "./token-table.ts";
import { GRAM_TOKENS } from "./gram-positions.ts";
import { bestNeighbourhood, maximalRuns, type TokenRun } from "./maximal-runs.ts";

/** Shorter coincidences are common between any two pieces of code. */
export const MIN_RUN_TOKENS = GRAM_TOKENS;
/** A kept run may grow over this many differing tokens on either side, such as a renamed variable. */
const MAX_GAP_TOKENS = 2;
/** Two kept runs this near, in tokens, enclose what lies between them. */
const ENCLOSED_TOKENS = 8;
/** A part away from the rest counts as moved, not as a coincidence, from this many letters and digits. */
export const MIN_MOVED_ALPHANUMERICS = 20;
/** Parts of a snippet are "near" within its own length and this much, in tokens: a few inserted lines. */
export const NEAR_TOKENS = 40;
/**
 * The runs of `accepted` that live on in `current`, disjoint on both sides.
 *
 * A tiling by longest runs rather than a plain longest common subsequence: an LCS may scatter a whole run
 * over earlier look-alikes and so break it. Runs are found through an index of the snippet's four-grams in
 * one pass over `current`, so a large file costs time linear in its length.
 */
export const keepRuns = (
  accepted: readonly string[],
  current: readonly string[],
  kind: TokenKind = "significant",
): TokenRun[] => {
  if (accepted.length === 0 || current.length === 0) return [];
  const [from, to] = intern(accepted, current);
  const kept = keepRunsOfIds(from, to, (at) => countAlphanumerics(accepted[at] as string), kind);
  const size = (run: TokenRun): number => alphanumerics(accepted, run);
  const total = size({ from: 0, to: 0, length: accepted.length });
  const found = kept.reduce((sum, run) => sum + size(run), 0);
  // Two programs in one language always share some short phrases; that alone is not survival.
  return found >= Math.min(MIN_MOVED_ALPHANUMERICS, total / 2) ? kept : [];
};

/**
 * {@link keepRuns} of tokens given as numbers, without its last rule: what is found may be very little.
 * Negative numbers match nothing, and are not the same in both; `sizeOf` gives the letters and digits of a token of
 * `from`. Where the whole stands several times the place nearest to `near` is taken.
 */
export const keepRunsOfIds = (
  from: Int32Array,
  to: Int32Array,
  sizeOf: (at: number) => number,
  kind: TokenKind = "significant",
  near = 0,
): TokenRun[] => {
  const whole = indexOfRun(from, to, near);
  if (whole !== -1) return [{ from: 0, to: whole, length: from.length }];
  if (from.length < MIN_RUN_TOKENS) return [];
  const runs = maximalRuns(from, to);
  if (runs.length === 0) return [];

  const tiling = createTiling(from, to, kind === "strict" ? never : (at) => sizeOf(at) === 0);
  const size = (run: TokenRun): number => {
    let sum = 0;
    for (let k = 0; k < run.length; k += 1) sum += sizeOf(run.from + k);
    return sum;
  };
  const [anchor, ...others] = bestNeighbourhood(runs, (from.length + NEAR_TOKENS) * 2);
  tiling.place(anchor as TokenRun);
  const distant: TokenRun[] = [];
  for (const run of [...others, ...runs]) {
    if (tiling.isNear(run)) tiling.place(run);
    else distant.push(run);
  }
  tiling.grow();
  for (const run of distant) {
    for (const part of tiling.free(run)) if (size(part) >= MIN_MOVED_ALPHANUMERICS) tiling.place(part);
  }
  tiling.grow();
  tiling.carry("snippet");
  return tiling.kept();
};

const alphanumerics = (tokens: readonly string[], run: TokenRun): number => {
  let count = 0;
  for (let k = 0; k < run.length; k += 1) count += countAlphanumerics(tokens[run.from + k] as string);
  return count;
};

/** Length of a word; nothing for another character. */
export const countAlphanumerics = (token: string): number => (/[\p{L}\p{N}]/u.test(token) ? token.length : 0);

/** Numbers for tokens; what the snippet does not hold is -1 in the current text. */
const intern = (accepted: readonly string[], current: readonly string[]): [Int32Array, Int32Array] => {
  const ids = new Map<string, number>();
  const from = Int32Array.from(accepted, (token) => {
    const id = ids.get(token) ?? ids.size;
    ids.set(token, id);
    return id;
  });
  return [from, Int32Array.from(current, (token) => ids.get(token) ?? -1)];
};

/** Place of the whole snippet that is nearest to one, by Knuth, Morris and Pratt, or -1. */
const indexOfRun = (from: Int32Array, to: Int32Array, near: number): number => {
  // A part that is not looked for, or no room: the most frequent answers cost no table.
  if (from.length > to.length) return -1;
  for (let at = 0; at < from.length; at += 1) if ((from[at] as number) < 0) return -1;
  const border = new Int32Array(from.length);
  for (let at = 1, matched = 0; at < from.length; at += 1) {
    while (matched > 0 && from[at] !== from[matched]) matched = border[matched - 1] as number;
    if (from[at] === from[matched]) matched += 1;
    border[at] = matched;
  }
  let best = -1;
  for (let at = 0, matched = 0; at < to.length; at += 1) {
    while (matched > 0 && to[at] !== from[matched]) matched = border[matched - 1] as number;
    if (to[at] === from[matched]) matched += 1;
    if (matched < from.length) continue;
    const place = at - matched + 1;
    if (best !== -1 && Math.abs(place - near) >= Math.abs(best - near)) break;
    best = place;
    matched = border[matched - 1] as number;
  }
  return best;
};

/** Signs that a formatter carries over a remark: `=>` and `===` are among the longest, tokens. */
const MAX_CARRIED_SIGNS = 3;
/** How far it carries them, tokens. */
const CARRIED_TOKENS = 120;

const never = (): boolean => false;

/** Which tokens of `from` stand where in `to`. `isSign` says which of them hold no letter and no digit. */
export const createTiling = (from: Int32Array, to: Int32Array, isSign: (at: number) => boolean = never) => {
  /** Place in `to` of each token of the snippet, or -1. */
  const placeOf = new Int32Array(from.length).fill(-1);
  const taken = new Uint8Array(to.length);
  let lowest = Infinity;
  let highest = -Infinity;

  /** Says where a token stands, whatever is beside it. */
  const take = (at: number, place: number): void => {
    placeOf[at] = place;
    taken[place] = 1;
    lowest = Math.min(lowest, place);
    highest = Math.max(highest, place);
  };
  const isFree = (at: number, place: number): boolean =>
    at >= 0 && at < from.length && place >= 0 && place < to.length && placeOf[at] === -1 && taken[place] === 0;
  const matches = (at: number, place: number): boolean => isFree(at, place) && from[at] === to[place];

  /** Parts of a run, of four tokens or more, of which nothing is taken. */
  const free = (run: TokenRun): TokenRun[] => {
    const parts: TokenRun[] = [];
    let start = 0;
    for (let k = 0; k <= run.length; k += 1) {
      if (k < run.length && isFree(run.from + k, run.to + k)) continue;
      if (k - start >= MIN_RUN_TOKENS) parts.push({ from: run.from + start, to: run.to + start, length: k - start });
      start = k + 1;
    }
    return parts;
  };
  const place = (run: TokenRun): void => {
    for (const part of free(run)) for (let k = 0; k < part.length; k += 1) take(part.from + k, part.to + k);
  };
  /** Within the reach of what is kept, and on the same side of every kept token on both sides. */
  const isNear = (run: TokenRun): boolean => {
    const reach = from.length + NEAR_TOKENS;
    if (run.to > highest + reach || run.to + run.length < lowest - reach) return false;
    for (let at = run.from - 1; at >= 0; at -= 1) {
      const before = placeOf[at] as number;
      if (before === -1) continue;
      if (before >= run.to + run.length) return false;
      break;
    }
    for (let at = run.from + run.length; at < from.length; at += 1) {
      const after = placeOf[at] as number;
      if (after === -1) continue;
      return after >= run.to;
    }
    return true;
  };
  /** Grows every kept run both ways, over gaps of at most two tokens on either side. */
  const grow = (): void => {
    for (let at = 0; at < from.length; at += 1) if (placeOf[at] !== -1) reach(at, 1);
    for (let at = from.length - 1; at >= 0; at -= 1) if (placeOf[at] !== -1) reach(at, -1);
  };
  const reach = (start: number, direction: 1 | -1): void => {
    let at = start;
    for (;;) {
      const step = nextMatch(at, placeOf[at] as number, direction);
      if (step === null) return;
      take(step.at, step.place);
      at = step.at;
    }
  };
  const nextMatch = (at: number, beside: number, direction: 1 | -1): { at: number; place: number } | null => {
    // Growth jumps over nothing that is kept, and within a kept run the next token is.
    if (placeOf[at + direction] !== -1 || taken[beside + direction] !== 0) return null;
    for (let sum = 0; sum <= 2 * MAX_GAP_TOKENS; sum += 1) {
      for (let skipped = Math.max(0, sum - MAX_GAP_TOKENS); skipped <= Math.min(sum, MAX_GAP_TOKENS); skipped += 1) {
        const next = { at: at + direction * (1 + skipped), place: beside + direction * (1 + sum - skipped) };
        if (!matches(next.at, next.place) || crosses(at, next.at, beside, next.place, direction)) continue;
        // In a row with another match, or the snippet's own border behind one replaced token.
        const isBorder = next.at + direction < 0 || next.at + direction === from.length;
        const isReplaced = isBorder && sum === 2 && skipped === 1;
        const isSure = sum === 0 || isReplaced || matches(next.at + direction, next.place + direction);
        if (isSure || isEnclosed(next.at, next.place, direction)) return next;
      }
    }
    return null;
  };
  /** A single token behind a gap is chance at the open end of a snippet, but not just before another kept run. */
  const isEnclosed = (at: number, place: number, direction: 1 | -1): boolean => {
    for (let steps = 1; steps <= ENCLOSED_TOKENS; steps += 1) {
      const ahead = placeOf[at + direction * steps] ?? -1;
      if (ahead === -1) continue;
      const distance = (ahead - place) * direction;
      return distance > 0 && distance <= 2 * ENCLOSED_TOKENS;
    }
    return false;
  };
  /** Growth stops at the neighbouring kept run: it does not jump over it. */
  const crosses = (at: number, nextAt: number, beside: number, nextPlace: number, direction: 1 | -1): boolean => {
    for (let between = at + direction; between !== nextAt; between += direction)
      if (placeOf[between] !== -1) return true;
    for (let between = beside + direction; between !== nextPlace; between += direction)
      if (taken[between] === 1) return true;
    return false;
  };
  /**
   * Finds signs that changed places with tokens beside them, as an operator does that a formatter carries over a
   * remark: they stand between two kept tokens that were neighbours, or, where `from` is a snippet and not a part of a
   * file, right beside its first or last one.
   */
  const carry = (extent: "snippet" | "part"): void => {
    let tokenAt: Int32Array | null = null;
    for (let at = 0; at < from.length; at += 1) {
      if (placeOf[at] !== -1 || !isSign(at)) continue;
      let end = at + 1;
      while (end < from.length && placeOf[end] === -1 && isSign(end)) end += 1;
      const beside = at > 0 && placeOf[at - 1] !== -1 ? (placeOf[at - 1] as number) : (placeOf[end] ?? -1);
      if (beside !== -1 && end - at <= MAX_CARRIED_SIGNS) {
        tokenAt ??= tokensByPlace();
        const place = carriedTo(at, end - at, beside, tokenAt, extent === "snippet");
        for (let k = 0; place !== -1 && k < end - at; k += 1) take(at + k, place + k);
      }
      at = end;
    }
  };
  const tokensByPlace = (): Int32Array => {
    const tokenAt = new Int32Array(to.length).fill(-1);
    for (let at = 0; at < from.length; at += 1) if (placeOf[at] !== -1) tokenAt[placeOf[at] as number] = at;
    return tokenAt;
  };
  const carriedTo = (at: number, length: number, beside: number, tokenAt: Int32Array, hasBorders: boolean): number => {
    const last = Math.min(to.length - length, beside + CARRIED_TOKENS);
    for (let place = Math.max(0, beside - CARRIED_TOKENS); place <= last; place += 1) {
      let k = 0;
      while (k < length && matches(at + k, place + k)) k += 1;
      if (k < length) continue;
      const before = tokenAt[place - 1] ?? -1;
      const behind = tokenAt[place + length] ?? -1;
      const isBetween = before !== -1 && behind === before + 1;
      if (isBetween || (hasBorders && (before === from.length - 1 || behind === 0))) return place;
    }
    return -1;
  };
  const kept = (): TokenRun[] => {
    const runs: TokenRun[] = [];
    for (let at = 0; at < from.length;) {
      const start = at;
      const first = placeOf[at] as number;
      at += 1;
      if (first === -1) continue;
      while (at < from.length && placeOf[at] === first + at - start) at += 1;
      runs.push({ from: start, to: first, length: at - start });
    }
    return runs;
  };
  return { take, place, free, isNear, grow, carry, kept, placeOf };
};
