import { GRAM_TOKENS, gramKey, indexGrams, nextGramKey } from "./gram-positions.ts";
import { grownList } from "./grown-list.ts";

/** Equal tokens side by side: `accepted[from + k] === current[to + k]` for k below `length`. */
export interface TokenRun {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** Positions of one four-gram that are looked at, against snippets that repeat themselves. */
const MAX_POSITIONS_PER_GRAM = 16;
/** Longest runs that are placed, against quadratic time in files that repeat the snippet's phrases. */
const MAX_RUNS = 4_000;

/** All runs of at least four tokens that cannot be lengthened, longest first, then earliest. */
export const maximalRuns = (from: Int32Array, to: Int32Array): TokenRun[] => {
  findRuns(from, to);
  return longestFirst(from.length);
};

/** The runs that were found last, in the order of their places in `to`. Lists that all calls share: there are millions of runs. */
let nFound = 0;
let foundFrom = new Int32Array(1_024);
let foundTo = new Int32Array(1_024);
let foundLength = new Int32Array(1_024);
/** By diagonal where the last run on it ended in `to`, so that its inner grams are not looked at again. */
let ends = new Int32Array(4_096);

const findRuns = (from: Int32Array, to: Int32Array): void => {
  const positions = indexGrams(from, MAX_POSITIONS_PER_GRAM);
  nFound = 0;
  const nDiagonals = from.length + to.length;
  if (ends.length < nDiagonals) ends = new Int32Array(2 * nDiagonals);
  else ends.fill(0, 0, nDiagonals);
  let key = 0;
  for (let at = 0; at + GRAM_TOKENS <= to.length; at += 1) {
    key = at === 0 ? gramKey(to, 0) : nextGramKey(key, to, at);
    if ((to[at] as number) < 0) continue;
    for (let start = positions.first(key); start !== -1; start = positions.next(start)) {
      const diagonal = at - start + from.length;
      if ((ends[diagonal] as number) > at) continue;
      let length = 0;
      while (start + length < from.length && from[start + length] === to[at + length]) length += 1;
      if (length < GRAM_TOKENS) continue;
      ends[diagonal] = at + length;
      if (nFound === foundTo.length) {
        foundFrom = grownList(foundFrom);
        foundTo = grownList(foundTo);
        foundLength = grownList(foundLength);
      }
      foundFrom[nFound] = start;
      foundTo[nFound] = at;
      foundLength[nFound] = length;
      nFound += 1;
    }
  }
};

/** How many runs have a length, then where the next one of it goes; zeros between calls. */
let runsOfLength = new Int32Array(1_024);

/** The longest of the runs found. They come in the order of their places, so those of one length stay in it. */
const longestFirst = (nTokens: number): TokenRun[] => {
  if (runsOfLength.length <= nTokens) runsOfLength = new Int32Array(2 * nTokens);
  let longest = 0;
  for (let run = 0; run < nFound; run += 1) {
    const length = foundLength[run] as number;
    runsOfLength[length] = (runsOfLength[length] as number) + 1;
    if (length > longest) longest = length;
  }
  for (let length = longest, nLonger = 0; length >= GRAM_TOKENS; length -= 1) {
    const n = runsOfLength[length] as number;
    runsOfLength[length] = nLonger;
    nLonger += n;
  }
  const runs: TokenRun[] = [];
  runs.length = Math.min(nFound, MAX_RUNS);
  for (let run = 0; run < nFound; run += 1) {
    const length = foundLength[run] as number;
    const rank = runsOfLength[length] as number;
    runsOfLength[length] = rank + 1;
    if (rank < MAX_RUNS) runs[rank] = { from: foundFrom[run] as number, to: foundTo[run] as number, length };
  }
  runsOfLength.fill(0, 0, longest + 1);
  return runs;
};

/**
 * Of the runs that {@link maximalRuns} gave last, those of the stretch of the current text where most of the snippet is
 * found, longest first. The stretches are those that begin at one run and reach over so many tokens.
 */
export const bestNeighbourhood = (runs: readonly TokenRun[], reach: number): TokenRun[] => {
  if (runs.length === 1) return [...runs];
  const byPlace = nFound === runs.length ? null : [...runs].sort((left, right) => left.to - right.to);
  const placeAt = (run: number): number => (byPlace === null ? foundTo[run] : byPlace[run]?.to) as number;
  const scoreAt = (run: number): number =>
    ((byPlace === null ? foundLength[run] : byPlace[run]?.length) as number) ** 2;
  let best = { score: -1, start: 0 };
  let end = 0;
  let score = 0;
  for (let first = 0; first < runs.length; first += 1) {
    const start = placeAt(first);
    for (; end < runs.length && placeAt(end) < start + reach; end += 1) score += scoreAt(end);
    if (score > best.score) best = { score, start };
    score -= scoreAt(first);
  }
  // Of runs that begin at one place the first is taken with all others: it has the highest score of them.
  return runs.filter(({ to }) => to >= best.start && to < best.start + reach);
};
