/** Groups of this many tokens; the least that a run has. */
export const GRAM_TOKENS = 4;

/** Where the groups of four tokens of a sequence begin, found by the group. Valid until the next {@link indexGrams}. */
export interface GramPositions {
  /** Earliest place of a group with this key, or -1. Different groups may share a key. */
  first(key: number): number;
  /** Next place with the same key, or -1. */
  next(at: number): number;
}

/**
 * Indexes a sequence: at most `maxPositions` places of one key, the earliest. The index lives in arrays that all
 * calls share, because a history asks for millions of them.
 */
export const indexGrams = (ids: Int32Array, maxPositions: number): GramPositions => {
  const nGrams = Math.max(0, ids.length - GRAM_TOKENS + 1);
  begin(nGrams);
  let key = nGrams === 0 ? 0 : gramKey(ids, 0);
  for (let at = 0; at < nGrams; at += 1) {
    if (at > 0) key = nextGramKey(key, ids, at);
    put(key, at, maxPositions);
  }
  return POSITIONS;
};

/** Key of the four tokens from a place on. */
export const gramKey = (ids: Int32Array, at: number): number => {
  let key = ids[at] as number;
  for (let k = 1; k < GRAM_TOKENS; k += 1) key = (Math.imul(key, PRIME) + (ids[at + k] as number)) | 0;
  return key;
};

/** The key at a place, from that of the place before. */
export const nextGramKey = (key: number, ids: Int32Array, at: number): number =>
  (Math.imul(key - Math.imul(ids[at - 1] as number, PRIME_CUBED), PRIME) + (ids[at + GRAM_TOKENS - 1] as number)) | 0;

const PRIME = 0x01000193;
const PRIME_CUBED = Math.imul(Math.imul(PRIME, PRIME), PRIME);
/** Room of the first table, in places. */
const FIRST_ROOM = 1_024;

/** An open table: a slot belongs to the present index when its stamp says so, and holds a key with its first and last place. */
let mask = 0;
let stamp = 0;
let stamps = new Int32Array(2 * FIRST_ROOM);
let keys = new Int32Array(2 * FIRST_ROOM);
let firsts = new Int32Array(2 * FIRST_ROOM);
let lasts = new Int32Array(2 * FIRST_ROOM);
let counts = new Int32Array(2 * FIRST_ROOM);
let following = new Int32Array(FIRST_ROOM);

const begin = (nGrams: number): void => {
  if (nGrams > following.length) {
    const room = 2 ** Math.ceil(Math.log2(nGrams));
    stamps = new Int32Array(2 * room);
    keys = new Int32Array(2 * room);
    firsts = new Int32Array(2 * room);
    lasts = new Int32Array(2 * room);
    counts = new Int32Array(2 * room);
    following = new Int32Array(room);
  }
  let size = MIN_SLOTS;
  while (size < 2 * nGrams) size *= 2;
  mask = size - 1;
  if (stamp === MAX_STAMP) stamps.fill(0);
  stamp = stamp === MAX_STAMP ? 1 : stamp + 1;
};

/** Small sequences stay in the processor's nearest cache. */
const MIN_SLOTS = 16;
const MAX_STAMP = 0x7fffffff;

/** The slot of a key, or the free one where it belongs. */
const slotOf = (key: number): number => {
  let slot = (Math.imul(key ^ (key >>> 15), 0x2c1b3c6d) >>> 8) & mask;
  while (stamps[slot] === stamp && keys[slot] !== key) slot = (slot + 1) & mask;
  return slot;
};

const put = (key: number, at: number, maxPositions: number): void => {
  const slot = slotOf(key);
  following[at] = -1;
  if (stamps[slot] !== stamp) {
    stamps[slot] = stamp;
    keys[slot] = key;
    firsts[slot] = at;
    counts[slot] = 1;
  } else if ((counts[slot] as number) < maxPositions) {
    following[lasts[slot] as number] = at;
    counts[slot] = (counts[slot] as number) + 1;
  } else return;
  lasts[slot] = at;
};

const POSITIONS: GramPositions = {
  first(key) {
    const slot = slotOf(key);
    return stamps[slot] === stamp ? (firsts[slot] as number) : -1;
  },
  next: (at) => following[at] as number,
};
