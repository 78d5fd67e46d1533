import { GRAM_TOKENS } from "./gram-positions.ts";
import { createPostingTable } from "./posting-table.ts";
import { createProbeIndex, type ProbeIndex } from "./probe-index.ts";

/** Finds snippets by four tokens in a row: what brings back code that was moved, or that history rewrote. */
export interface GramIndex {
  /** Gives the letters and digits of the longest run of it that `find` will see. */
  add(snippet: number, ids: Int32Array, sizes: Uint16Array): number;
  /**
   * Calls back for every four tokens in a row that a wanted snippet holds too: where they begin in the ids, and
   * in the snippet. `isHere` has a 1 for each place that they may begin at, `isWanted` for each wanted snippet.
   */
  find(
    ids: Int32Array,
    isHere: Uint8Array,
    isWanted: Uint8Array,
    onFound: (at: number, snippet: number, token: number) => void,
  ): void;
  /** The snippets that `find` would find, each once. Valid until the next call. */
  findSnippets(ids: Int32Array, isHere: Uint8Array, isWanted: Uint8Array): readonly number[];
  /** Finds second places of the same snippets. */
  readonly probes: ProbeIndex;
}

/** Places of one gram that are looked at: what so many snippets hold tells none of them from the others. */
const MAX_POSTINGS = 64;
/** Brackets and short words in a row are everywhere: letters and digits that a gram of the index has. */
const MIN_GRAM_SIZE = 6;

export const createGramIndex = (): GramIndex => {
  const table = createPostingTable(MAX_POSTINGS);
  const probes = createProbeIndex();
  const found: number[] = [];
  /** 1 for each snippet that was found. */
  let isFound = new Uint8Array(1_024);

  return {
    probes,
    add(snippet, ids, sizes) {
      probes.add(snippet, ids, sizes);
      let [end, size, longest] = [0, 0, 0];
      for (let at = 0; at + GRAM_TOKENS <= ids.length; at += 1) {
        if (sizeAt(sizes, at) < MIN_GRAM_SIZE) continue;
        table.add(mixedKey(ids, at), snippet, at);
        if (at > end + GRAM_TOKENS) [end, size] = [at, 0];
        for (let k = Math.max(end, at); k < at + GRAM_TOKENS; k += 1) size += sizes[k] as number;
        end = at + GRAM_TOKENS;
        longest = Math.max(longest, size);
      }
      return longest;
    },
    find(ids, isHere, isWanted, onFound) {
      let nKnown = 0;
      for (let end = 0; end < ids.length; end += 1) {
        nKnown = (ids[end] as number) < 0 ? 0 : nKnown + 1;
        if (nKnown < GRAM_TOKENS) continue;
        const at = end - GRAM_TOKENS + 1;
        if (isHere[at] === 0) continue;
        for (let place = table.first(mixedKey(ids, at)); place !== 0; place = table.next(place)) {
          const snippet = table.snippetOf(place);
          if (isWanted[snippet] === 1) onFound(at, snippet, table.tokenOf(place));
        }
      }
    },
    findSnippets(ids, isHere, isWanted) {
      if (isFound.length < isWanted.length) isFound = new Uint8Array(2 * isWanted.length);
      else for (const snippet of found) isFound[snippet] = 0;
      found.length = 0;
      let nKnown = 0;
      for (let end = 0; end < ids.length; end += 1) {
        nKnown = (ids[end] as number) < 0 ? 0 : nKnown + 1;
        if (nKnown < GRAM_TOKENS) continue;
        const at = end - GRAM_TOKENS + 1;
        if (isHere[at] === 0) continue;
        for (let place = table.first(mixedKey(ids, at)); place !== 0; place = table.next(place)) {
          const snippet = table.snippetOf(place);
          if (isWanted[snippet] === 0 || isFound[snippet] === 1) continue;
          isFound[snippet] = 1;
          found.push(snippet);
        }
      }
      return found;
    },
  };
};

const sizeAt = (sizes: Uint16Array, at: number): number => {
  let sum = 0;
  for (let k = at; k < at + GRAM_TOKENS; k += 1) sum += sizes[k] as number;
  return sum;
};

/** Numbers of a vocabulary lie close together: the last bits of this key do not. */
const mixedKey = (ids: Int32Array, at: number): number => {
  let key = ids[at] as number;
  for (let k = 1; k < GRAM_TOKENS; k += 1) key = (Math.imul(key, 0x01000193) ^ (ids[at + k] as number)) | 0;
  return Math.imul(key ^ (key >>> 15), 0x2c1b3c6d) | 0;
};
