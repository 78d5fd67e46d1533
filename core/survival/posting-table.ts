/**
 * Places in snippets by a number that stands for some tokens: an open table from the number to the first and last of its
 * places, and places that name the next one, in flat arrays. A map of lists takes five times the memory.
 */
export interface PostingTable {
  /** Adds a place, unless as many have the same number as the table lists. */
  add(key: number, snippet: number, token: number): void;
  /** First place with a number, or 0; its `next` is the one that was added after it. */
  first(key: number): number;
  next(place: number): number;
  snippetOf(place: number): number;
  tokenOf(place: number): number;
}

/** Room of the first tables. They double: ten thousand snippets have about half a million groups of four tokens. */
const FIRST_ROOM = 4_096;
const BITS_PER_SLOT = 4;
/** Numbers of a place: its snippet, its token, and the next place. They are read together. */
const STRIDE = 3;

/** `maxPlaces` places of one number are listed, the earliest: what so many snippets hold tells none of them apart. */
export const createPostingTable = (maxPlaces: number): PostingTable => {
  let nKeys = 0;
  let keys = new Int32Array(2 * FIRST_ROOM);
  /** First place of each slot; 0 for a free slot. */
  let firsts = new Int32Array(2 * FIRST_ROOM);
  let lasts = new Int32Array(2 * FIRST_ROOM);
  let counts = new Uint8Array(2 * FIRST_ROOM);
  /** A bit for each number that is there, and for others by chance: most questions end here, in a small part of memory. */
  let bits = new Int32Array((2 * FIRST_ROOM * BITS_PER_SLOT) >> 5);
  /** Counted from 1: the first is none. */
  let nPlaces = 1;
  let places = new Int32Array(STRIDE * FIRST_ROOM);

  const slotOf = (key: number): number => {
    const mask = keys.length - 1;
    let slot = mixed(key) & mask;
    while (firsts[slot] !== 0 && keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  };

  const note = (key: number): void => {
    const bit = mixed(key) & (32 * bits.length - 1);
    bits[bit >>> 5] = (bits[bit >>> 5] as number) | (1 << (bit & 31));
  };

  const grow = (): void => {
    const [oldKeys, oldFirsts, oldLasts, oldCounts] = [keys, firsts, lasts, counts];
    keys = new Int32Array(2 * oldKeys.length);
    firsts = new Int32Array(keys.length);
    lasts = new Int32Array(keys.length);
    counts = new Uint8Array(keys.length);
    bits = new Int32Array((keys.length * BITS_PER_SLOT) >> 5);
    for (let old = 0; old < oldKeys.length; old += 1) {
      if (oldFirsts[old] === 0) continue;
      const slot = slotOf(oldKeys[old] as number);
      keys[slot] = oldKeys[old] as number;
      firsts[slot] = oldFirsts[old] as number;
      lasts[slot] = oldLasts[old] as number;
      counts[slot] = oldCounts[old] as number;
      note(oldKeys[old] as number);
    }
  };

  return {
    add(key, snippet, token) {
      let slot = slotOf(key);
      if (firsts[slot] !== 0 && counts[slot] === maxPlaces) return;
      if (STRIDE * nPlaces === places.length) {
        const larger = new Int32Array(2 * places.length);
        larger.set(places);
        places = larger;
      }
      const place = nPlaces;
      nPlaces += 1;
      places[STRIDE * place] = snippet;
      places[STRIDE * place + 1] = token;
      if (firsts[slot] === 0) {
        if (3 * nKeys > 2 * keys.length) {
          grow();
          slot = slotOf(key);
        }
        nKeys += 1;
        keys[slot] = key;
        note(key);
        firsts[slot] = place;
        counts[slot] = 1;
      } else {
        places[STRIDE * (lasts[slot] as number) + 2] = place;
        counts[slot] = (counts[slot] as number) + 1;
      }
      lasts[slot] = place;
    },
    first(key) {
      const bit = mixed(key) & (32 * bits.length - 1);
      return ((bits[bit >>> 5] as number) & (1 << (bit & 31))) === 0 ? 0 : (firsts[slotOf(key)] as number);
    },
    next: (place) => places[STRIDE * place + 2] as number,
    snippetOf: (place) => places[STRIDE * place] as number,
    tokenOf: (place) => places[STRIDE * place + 1] as number,
  };
};

/** The last bits of neighbouring numbers lie far apart. */
const mixed = (key: number): number => Math.imul(key ^ (key >>> 15), 0x2c1b3c6d) >>> 4;
