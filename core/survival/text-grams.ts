import { GRAM_TOKENS, gramKey, nextGramKey } from "./gram-positions.ts";

/** Where the groups of four tokens of one text stand, for many questions about it. */
export interface TextGrams {
  /** Whether a group of the given tokens stands in the text, at a place of which nothing is taken. Negative numbers are no tokens. */
  hasAny(ids: Int32Array, taken: Uint8Array | null): boolean;
}

/** Reads a text, given as numbers of its tokens; negative ones are no tokens. */
export const indexText = (text: Int32Array): TextGrams => {
  let nSlots = MIN_SLOTS;
  while (nSlots < 2 * text.length) nSlots *= 2;
  const mask = nSlots - 1;
  /** First place of each slot's key, and the next place with the same key, counted from 1; 0 for none. */
  const firsts = new Int32Array(nSlots);
  const following = new Int32Array(text.length);
  const keys = new Int32Array(nSlots);
  const slotOf = (key: number): number => {
    let slot = (Math.imul(key ^ (key >>> 15), 0x2c1b3c6d) >>> 4) & mask;
    while (firsts[slot] !== 0 && keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  };
  let key = 0;
  let nKnown = 0;
  for (let end = 0; end < text.length; end += 1) {
    nKnown = (text[end] as number) < 0 ? 0 : nKnown + 1;
    if (nKnown < GRAM_TOKENS) continue;
    const at = end - GRAM_TOKENS + 1;
    key = nKnown === GRAM_TOKENS ? gramKey(text, at) : nextGramKey(key, text, at);
    const slot = slotOf(key);
    keys[slot] = key;
    following[at] = firsts[slot] as number;
    firsts[slot] = at + 1;
  }
  return {
    hasAny(ids, taken) {
      let known = 0;
      let wanted = 0;
      for (let end = 0; end < ids.length; end += 1) {
        known = (ids[end] as number) < 0 ? 0 : known + 1;
        if (known < GRAM_TOKENS) continue;
        const at = end - GRAM_TOKENS + 1;
        wanted = known === GRAM_TOKENS ? gramKey(ids, at) : nextGramKey(wanted, ids, at);
        for (let next = firsts[slotOf(wanted)] as number; next !== 0; next = following[next - 1] as number) {
          if (standsAt(text, next - 1, ids, at, taken)) return true;
        }
      }
      return false;
    },
  };
};

const MIN_SLOTS = 16;

const standsAt = (text: Int32Array, place: number, ids: Int32Array, at: number, taken: Uint8Array | null): boolean => {
  for (let k = 0; k < GRAM_TOKENS; k += 1) {
    if (text[place + k] !== ids[at + k] || taken?.[place + k] === 1) return false;
  }
  return true;
};
