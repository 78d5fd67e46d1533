import { GRAM_TOKENS, gramKey, nextGramKey } from "./gram-positions.ts";
import { createPostingTable } from "./posting-table.ts";

/**
 * Finds where code may stand a second time, by three groups of four tokens of each snippet: the most telling one
 * of each third. A copy that is nearly whole has one of them, and few other texts do.
 */
export interface ProbeIndex {
  add(snippet: number, ids: Int32Array, sizes: Uint16Array): void;
  /** Calls back with where a probe begins in the ids, and in the snippet. Negative ids are no tokens. */
  find(ids: Int32Array, onFound: (at: number, snippet: number, token: number) => void): void;
}

const PROBES_PER_SNIPPET = 3;
/** Snippets with the same probe that are looked at: what so many hold tells none of them from the others. */
const MAX_SAME = 16;
/** Letters and digits of a probe: brackets and short words in a row are everywhere. */
const MIN_PROBE_SIZE = 8;

export const createProbeIndex = (): ProbeIndex => {
  const table = createPostingTable(MAX_SAME);
  return {
    add(snippet, ids, sizes) {
      for (const at of probesOf(ids.length, sizes)) table.add(gramKey(ids, at), snippet, at);
    },
    find(ids, onFound) {
      let nKnown = 0;
      let key = 0;
      for (let end = 0; end < ids.length; end += 1) {
        nKnown = (ids[end] as number) < 0 ? 0 : nKnown + 1;
        if (nKnown < GRAM_TOKENS) continue;
        const at = end - GRAM_TOKENS + 1;
        key = nKnown === GRAM_TOKENS ? gramKey(ids, at) : nextGramKey(key, ids, at);
        for (let place = table.first(key); place !== 0; place = table.next(place))
          onFound(at, table.snippetOf(place), table.tokenOf(place));
      }
    },
  };
};

const probesOf = (nTokens: number, sizes: Uint16Array): number[] => {
  const nGrams = nTokens - GRAM_TOKENS + 1;
  const found: number[] = [];
  for (let part = 0; part < PROBES_PER_SNIPPET; part += 1) {
    const end = Math.floor((nGrams * (part + 1)) / PROBES_PER_SNIPPET);
    let [best, most] = [-1, MIN_PROBE_SIZE - 1];
    for (let at = Math.max(0, Math.floor((nGrams * part) / PROBES_PER_SNIPPET)); at < end; at += 1) {
      let size = 0;
      for (let k = at; k < at + GRAM_TOKENS; k += 1) size += sizes[k] as number;
      if (size > most) [best, most] = [at, size];
    }
    if (best !== -1) found.push(best);
  }
  return found;
};
