import { type FileChange, type HunkSide, readHunk } from "./file-change.ts";
import { ownersIn } from "./map-anchors.ts";
import { sideIds } from "./side-ids.ts";
import type { Snapshot } from "./snapshot.ts";
import { indexText, type TextGrams } from "./text-grams.ts";
import type { Vocabulary } from "./tracked-snippet.ts";

/** What stood in the places that a commit changes, the lines around them with it. */
export interface TextBefore {
  /** Ids of the tokens, hunk after hunk in the order of the changes, with a break behind each; -1 for tokens that no snippet holds. */
  readonly ids: Int32Array;
  readonly grams: TextGrams;
}

/** Text that is compared, tokens. */
const MAX_TOKENS = 200_000;

/** Reads it when it is asked for, once: most commits bring nothing that has to be compared with it. */
export const textBeforeOf = (changes: readonly FileChange[], vocabulary: Vocabulary): (() => TextBefore) => {
  let known: TextBefore | null = null;
  return () => {
    if (known !== null) return known;
    const ids: number[] = [];
    for (const { hunks } of changes) {
      for (const hunk of hunks) {
        const own = sideIds(readHunk(hunk).old, vocabulary);
        for (let at = 0; at < own.length && ids.length < MAX_TOKENS; at += 1) ids.push(own[at] as number);
        ids.push(-1);
      }
    }
    const list = Int32Array.from(ids);
    known = { ids: list, grams: indexText(list) };
    return known;
  };
};

/** 1 for each token of the text before that the snippet holds in the commit's tree. */
export const heldBefore = (
  { ids }: TextBefore,
  snapshot: Snapshot,
  changes: readonly FileChange[],
  snippet: number,
): Uint8Array => {
  const held = new Uint8Array(ids.length);
  let start = 0;
  for (const { hunks, newPath } of changes) {
    const isHome = newPath !== null && (snapshot.homes[snippet]?.includes(newPath) ?? false);
    for (const hunk of hunks) {
      const read = readHunk(hunk);
      const nTokens = Math.min(read.old.tokens.length, Math.max(0, MAX_TOKENS - start));
      if (isHome) markHeld(held, start, nTokens, read, ownersIn(read.new, snapshot.files.get(newPath)), snippet);
      start += nTokens + 1;
    }
  }
  return held;
};

const markHeld = (
  held: Uint8Array,
  start: number,
  nTokens: number,
  read: { readonly old: HunkSide; readonly placeOf: Int32Array },
  owners: Int32Array,
  snippet: number,
): void => {
  if (!owners.includes(snippet)) return;
  const { placeOf } = read;
  for (let at = 0; at < nTokens; at += 1) {
    const place = placeOf[at] as number;
    if (place !== -1 && owners[place] === snippet) held[start + at] = 1;
  }
};
