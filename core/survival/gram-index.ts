import { MIN_RUN_TOKENS } from "./token-runs.ts";

/** Finds snippets by four tokens in a row: what brings back code that was moved, or that history rewrote. */
export interface GramIndex {
  /** Gives the letters and digits of the longest run of it that `find` will see. */
  add(snippet: number, ids: Int32Array, sizes: Uint16Array): number;
  /**
   * Calls back for every four tokens in a row that a wanted snippet holds too: where they begin in the ids, and
   * in the snippet. `isWanted` has a 1 for each wanted snippet.
   */
  find(ids: Int32Array, isWanted: Uint8Array, onFound: (at: number, snippet: number, token: number) => void): void;
}

/** Places of one gram that are looked at: what so many snippets hold tells none of them from the others. */
const MAX_POSTINGS = 64;
/** Brackets and short words in a row are everywhere: letters and digits that a gram of the index has. */
const MIN_GRAM_SIZE = 6;
/** Bits of the filter that most grams of other code fail: 1 MiB of memory. */
const FILTER_BITS = 23;

export const createGramIndex = (): GramIndex => {
  /** Pairs of a snippet and a token of it. */
  const postings = new Map<number, number[]>();
  const filter = new Uint8Array(1 << (FILTER_BITS - 3));
  return {
    add(snippet, ids, sizes) {
      let [end, size, longest] = [0, 0, 0];
      for (let at = 0; at + MIN_RUN_TOKENS <= ids.length; at += 1) {
        if (sizeAt(sizes, at) < MIN_GRAM_SIZE) continue;
        const key = gramKey(ids, at);
        const known = postings.get(key);
        if (known === undefined) postings.set(key, [snippet, at]);
        else if (known.length < 2 * MAX_POSTINGS) known.push(snippet, at);
        const bit = key & ((1 << FILTER_BITS) - 1);
        filter[bit >> 3] = (filter[bit >> 3] as number) | (1 << (bit & 7));
        if (at > end + MIN_RUN_TOKENS) [end, size] = [at, 0];
        for (let k = Math.max(end, at); k < at + MIN_RUN_TOKENS; k += 1) size += sizes[k] as number;
        end = at + MIN_RUN_TOKENS;
        longest = Math.max(longest, size);
      }
      return longest;
    },
    find(ids, isWanted, onFound) {
      let nKnown = 0;
      for (let end = 0; end < ids.length; end += 1) {
        nKnown = (ids[end] as number) < 0 ? 0 : nKnown + 1;
        if (nKnown < MIN_RUN_TOKENS) continue;
        const at = end - MIN_RUN_TOKENS + 1;
        const key = gramKey(ids, at);
        const bit = key & ((1 << FILTER_BITS) - 1);
        if (((filter[bit >> 3] as number) & (1 << (bit & 7))) === 0) continue;
        const found = postings.get(key);
        if (found === undefined) continue;
        for (let k = 0; k < found.length; k += 2) {
          const snippet = found[k] as number;
          if (isWanted[snippet] === 1) onFound(at, snippet, found[k + 1] as number);
        }
      }
    },
  };
};

const sizeAt = (sizes: Uint16Array, at: number): number => {
  let sum = 0;
  for (let k = at; k < at + MIN_RUN_TOKENS; k += 1) sum += sizes[k] as number;
  return sum;
};

const gramKey = (ids: Int32Array, at: number): number => {
  let key = ids[at] as number;
  for (let k = 1; k < MIN_RUN_TOKENS; k += 1) key = (Math.imul(key, 0x01000193) ^ (ids[at + k] as number)) | 0;
  return Math.imul(key ^ (key >>> 15), 0x2c1b3c6d) | 0;
};
