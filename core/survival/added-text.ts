import type { AnchorRun, FileAnchors } from "./anchors.ts";
import { type FileChange, type HunkSide, readHunk } from "./file-change.ts";
import { ownersIn } from "./map-anchors.ts";
import { GRAM_TOKENS } from "./gram-positions.ts";
import { sideIds } from "./side-ids.ts";
import type { Snapshot } from "./snapshot.ts";
import type { TextGrams } from "./text-grams.ts";
import type { Vocabulary } from "./tracked-snippet.ts";

/** The text that a change adds, its hunks after each other. */
export interface AddedText {
  readonly path: string;
  readonly sides: readonly HunkSide[];
  /** Place of each side's first token among the ids. */
  readonly starts: Int32Array;
  /** Ids of the tokens of all sides with a break between sides; -1 for tokens that no snippet holds. */
  readonly ids: Int32Array;
  /** 1 where a group of four tokens begins that is not on context lines alone: those were there before. */
  readonly addedGrams: Uint8Array;
  /** Where its groups of four tokens stand. Made when it is asked for. */
  grams: TextGrams | null;
  /** The last answer of {@link freeIds}. */
  free: { readonly anchors: FileAnchors; readonly ids: Int32Array } | null;
}

const addedTexts = new WeakMap<FileChange, AddedText>();

export const readAdded = (path: string, change: FileChange, vocabulary: Vocabulary): AddedText => {
  const known = addedTexts.get(change);
  if (known !== undefined) return known;
  const sides = change.hunks.map((hunk) => readHunk(hunk).new);
  const starts = new Int32Array(sides.length);
  let nIds = 0;
  for (const [number, side] of sides.entries()) {
    starts[number] = nIds;
    nIds += side.tokens.length + 1;
  }
  const ids = new Int32Array(nIds);
  for (const [number, side] of sides.entries()) {
    const start = starts[number] as number;
    ids.set(sideIds(side, vocabulary), start);
    ids[start + side.tokens.length] = -1;
  }
  const text: AddedText = { path, sides, starts, ids, addedGrams: addedGramsOf(sides, nIds), grams: null, free: null };
  addedTexts.set(change, text);
  return text;
};

/** Which side of the text a place is on. */
const sideAt = ({ starts }: AddedText, place: number): number => {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= place) low = middle;
    else high = middle - 1;
  }
  return low;
};

/** Whether four tokens of the text are new: context lines alone were there before. */
export const isAdded = ({ addedGrams }: AddedText, at: number): boolean => addedGrams[at] === 1;

/** Whether a token of the text is on a line that the commit adds. */
export const isNewToken = (text: AddedText, place: number): boolean => {
  const number = sideAt(text, place);
  const side = text.sides[number] as HunkSide;
  return side.isChanged[side.line[place - (text.starts[number] as number)] as number] === 1;
};

/** 1 for each id of the text whose place is held by the file's anchors. */
export const takenIn = (anchors: FileAnchors | undefined, text: AddedText): Uint8Array => {
  const taken = new Uint8Array(text.ids.length);
  let start = 0;
  for (const side of text.sides) {
    const owners = anchors === undefined ? null : ownersIn(side, anchors);
    for (let index = 0; owners !== null && index < owners.length; index += 1)
      if (owners[index] !== -1) taken[start + index] = 1;
    start += side.tokens.length + 1;
  }
  return taken;
};

/** Ids of the text, -1 in place of those that the file's anchors hold. Not to be changed. */
export const freeIds = ({ files }: Snapshot, text: AddedText): Int32Array => {
  const anchors = files.get(text.path);
  if (anchors === undefined) return text.ids;
  if (text.free?.anchors === anchors) return text.free.ids;
  const taken = takenIn(anchors, text);
  const ids = text.ids.slice();
  for (let at = 0; at < ids.length; at += 1) if (taken[at] === 1) ids[at] = -1;
  text.free = { anchors, ids };
  return ids;
};

/** Place of the first token of the text that is on a line of the file or behind it; the text's length when there is none. */
export const firstTokenFrom = ({ sides, starts, ids }: AddedText, line: number): number => {
  for (const [number, side] of sides.entries()) {
    if (side.firstLine + side.lines.length <= line) continue;
    const index = side.line.findIndex((one) => side.firstLine + one >= line);
    if (index !== -1) return (starts[number] as number) + index;
  }
  return ids.length;
};

/** A token of the text as an anchor in its file. */
export const anchorIn = (text: AddedText, place: number, snippet: number, token: number): AnchorRun => {
  const number = sideAt(text, place);
  const side = text.sides[number] as HunkSide;
  const index = place - (text.starts[number] as number);
  const line = side.firstLine + (side.line[index] as number);
  return { line, at: side.at[index] as number, snippet, from: token, length: 1 };
};

/** The text that was asked about last, and 1 for each token of the vocabulary that stands in it. */
let presentText: AddedText | null = null;
let present = new Uint8Array(1_024);

/** 1 for each token of the vocabulary that stands in a text. Valid until the next call. */
export const presentIn = (text: AddedText, { size }: Vocabulary): Uint8Array => {
  if (presentText === text && present.length >= size) return present;
  if (present.length < size) present = new Uint8Array(2 * size);
  else if (presentText !== null) for (const id of presentText.ids) if (id >= 0) present[id] = 0;
  for (const id of text.ids) if (id >= 0) present[id] = 1;
  presentText = text;
  return present;
};

const addedGramsOf = (sides: readonly HunkSide[], nIds: number): Uint8Array => {
  const added = new Uint8Array(nIds);
  let start = 0;
  for (const { tokens, line, isChanged } of sides) {
    const nTokens = tokens.length;
    /** The nearest token from here on that is on a changed line. */
    let last = nTokens + GRAM_TOKENS;
    for (let index = nTokens - 1; index >= 0; index -= 1) {
      if (isChanged[line[index] as number] === 1) last = index;
      if (last < index + GRAM_TOKENS) added[start + index] = 1;
    }
    start += nTokens + 1;
  }
  return added;
};
