import { MIN_RUN_TOKENS } from "./token-runs.ts";

/** Finds snippets by four tokens in a row: what brings back code that was moved, or that history rewrote. */
export interface GramIndex {
  add(snippet: number, ids: Int32Array): void;
  /** Calls back with each snippet that holds four tokens in a row of these ids, once a place. */
  find(ids: Int32Array, onFound: (snippet: number, at: number) => void): void;
}

/** Snippets of one gram that are looked at: what so many hold tells none of them from the others. */
const MAX_POSTINGS = 64;
/** Bits of the filter that most grams of other code fail: 1 MiB of memory. */
const FILTER_BITS = 23;

export const createGramIndex = (): GramIndex => {
  const postings = new Map<number, number[]>();
  const filter = new Uint8Array(1 << (FILTER_BITS - 3));
  return {
    add(snippet, ids) {
      for (let at = 0; at + MIN_RUN_TOKENS <= ids.length; at += 1) {
        const key = gramKey(ids, at);
        const known = postings.get(key);
        if (known === undefined) postings.set(key, [snippet]);
        else if (known.length < MAX_POSTINGS && known.at(-1) !== snippet) known.push(snippet);
        const bit = key & ((1 << FILTER_BITS) - 1);
        filter[bit >> 3] = (filter[bit >> 3] as number) | (1 << (bit & 7));
      }
    },
    find(ids, onFound) {
      let nKnown = 0;
      for (let end = 0; end < ids.length; end += 1) {
        nKnown = (ids[end] as number) < 0 ? 0 : nKnown + 1;
        if (nKnown < MIN_RUN_TOKENS) continue;
        const at = end - MIN_RUN_TOKENS + 1;
        const key = gramKey(ids, at);
        const bit = key & ((1 << FILTER_BITS) - 1);
        if (((filter[bit >> 3] as number) & (1 << (bit & 7))) === 0) continue;
        for (const snippet of postings.get(key) ?? []) onFound(snippet, at);
      }
    },
  };
};

const gramKey = (ids: Int32Array, at: number): number => {
  let key = ids[at] as number;
  for (let k = 1; k < MIN_RUN_TOKENS; k += 1) key = (Math.imul(key, 0x01000193) ^ (ids[at + k] as number)) | 0;
  return Math.imul(key ^ (key >>> 15), 0x2c1b3c6d) | 0;
};
