import { GRAM_TOKENS } from "./gram-positions.ts";
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
  /** Finds second places of the same snippets. */
  readonly probes: ProbeIndex;
}

/** Places of one gram that are looked at: what so many snippets hold tells none of them from the others. */
const MAX_POSTINGS = 64;
/** Brackets and short words in a row are everywhere: letters and digits that a gram of the index has. */
const MIN_GRAM_SIZE = 6;
/** Room of the first tables. They double: ten thousand snippets have about half a million grams. */
const FIRST_ROOM = 4_096;

/**
 * Lists of places by gram in flat arrays: an open table from a gram's key to the first and last of its postings,
 * and postings that name the next one. A map of lists takes five times the memory.
 */
export const createGramIndex = (): GramIndex => {
  let nKeys = 0;
  let keys = new Int32Array(2 * FIRST_ROOM);
  /** First posting of each slot counted from 1; 0 for a free slot. */
  let firsts = new Int32Array(2 * FIRST_ROOM);
  let lasts = new Int32Array(2 * FIRST_ROOM);
  let counts = new Uint8Array(2 * FIRST_ROOM);
  let nPostings = 0;
  let snippets = new Int32Array(FIRST_ROOM);
  let tokens = new Int32Array(FIRST_ROOM);
  let following = new Int32Array(FIRST_ROOM);
  const probes = createProbeIndex();

  const slotOf = (key: number): number => {
    const mask = keys.length - 1;
    let slot = key & mask;
    while (firsts[slot] !== 0 && keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  };

  const growTable = (): void => {
    const [oldKeys, oldFirsts, oldLasts, oldCounts] = [keys, firsts, lasts, counts];
    keys = new Int32Array(2 * oldKeys.length);
    firsts = new Int32Array(keys.length);
    lasts = new Int32Array(keys.length);
    counts = new Uint8Array(keys.length);
    for (let old = 0; old < oldKeys.length; old += 1) {
      if (oldFirsts[old] === 0) continue;
      const slot = slotOf(oldKeys[old] as number);
      keys[slot] = oldKeys[old] as number;
      firsts[slot] = oldFirsts[old] as number;
      lasts[slot] = oldLasts[old] as number;
      counts[slot] = oldCounts[old] as number;
    }
  };

  const post = (key: number, snippet: number, token: number): void => {
    let slot = slotOf(key);
    if (firsts[slot] !== 0 && counts[slot] === MAX_POSTINGS) return;
    if (nPostings === snippets.length) {
      snippets = grown(snippets);
      tokens = grown(tokens);
      following = grown(following);
    }
    snippets[nPostings] = snippet;
    tokens[nPostings] = token;
    nPostings += 1;
    if (firsts[slot] === 0) {
      if (3 * nKeys > 2 * keys.length) {
        growTable();
        slot = slotOf(key);
      }
      nKeys += 1;
      keys[slot] = key;
      firsts[slot] = nPostings;
      counts[slot] = 1;
    } else {
      following[(lasts[slot] as number) - 1] = nPostings;
      counts[slot] = (counts[slot] as number) + 1;
    }
    lasts[slot] = nPostings;
  };

  return {
    probes,
    add(snippet, ids, sizes) {
      probes.add(snippet, ids, sizes);
      let [end, size, longest] = [0, 0, 0];
      for (let at = 0; at + GRAM_TOKENS <= ids.length; at += 1) {
        if (sizeAt(sizes, at) < MIN_GRAM_SIZE) continue;
        post(mixedKey(ids, at), snippet, at);
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
        for (let next = firsts[slotOf(mixedKey(ids, at))] as number; next !== 0; next = following[next - 1] as number) {
          const snippet = snippets[next - 1] as number;
          if (isWanted[snippet] === 1) onFound(at, snippet, tokens[next - 1] as number);
        }
      }
    },
  };
};

const grown = (list: Int32Array): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(2 * list.length);
  larger.set(list);
  return larger;
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
