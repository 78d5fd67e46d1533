import type { AnchorRun, FileAnchors } from "./anchors.ts";
import { type FileChange, type HunkSide, readHunk } from "./file-change.ts";
import { ownersIn } from "./map-anchors.ts";
import { GRAM_TOKENS } from "./gram-positions.ts";
import { sideIds } from "./side-ids.ts";
import type { TextGrams } from "./text-grams.ts";
import type { Vocabulary } from "./tracked-snippet.ts";

/** The text that a change adds, its hunks after each other. */
export interface AddedText {
  readonly path: string;
  readonly sides: readonly HunkSide[];
  /** Ids of the tokens of all sides with a break between sides; -1 for tokens that no snippet holds. */
  readonly ids: Int32Array;
  /** Side and token index of each id; -1 for a break. */
  readonly sideOf: Int32Array;
  readonly indexOf: Int32Array;
  /** 1 where a group of four tokens begins that is not on context lines alone: those were there before. */
  readonly addedGrams: Uint8Array;
  /** 1 for each token of the vocabulary that stands in it. Made when it is asked for, as is the next. */
  present: Uint8Array | null;
  /** Where its groups of four tokens stand. */
  grams: TextGrams | null;
}

const addedTexts = new WeakMap<FileChange, AddedText>();

export const readAdded = (path: string, change: FileChange, vocabulary: Vocabulary): AddedText => {
  const known = addedTexts.get(change);
  if (known !== undefined) return known;
  const sides = change.hunks.map((hunk) => readHunk(hunk).new);
  const nIds = sides.reduce((sum, side) => sum + side.tokens.length + 1, 0);
  const ids = new Int32Array(nIds).fill(-1);
  const sideOf = new Int32Array(nIds).fill(-1);
  const indexOf = new Int32Array(nIds).fill(-1);
  let end = 0;
  for (const [number, side] of sides.entries()) {
    ids.set(sideIds(side, vocabulary), end);
    for (let index = 0; index < side.tokens.length; index += 1) {
      sideOf[end] = number;
      indexOf[end] = index;
      end += 1;
    }
    end += 1;
  }
  const text: AddedText = {
    path,
    sides,
    ids,
    sideOf,
    indexOf,
    addedGrams: addedGramsOf(sides, nIds),
    present: null,
    grams: null,
  };
  addedTexts.set(change, text);
  return text;
};

/** Whether four tokens of the text are new: context lines alone were there before. */
export const isAdded = ({ addedGrams }: AddedText, at: number): boolean => addedGrams[at] === 1;

/** Whether a token of the text is on a line that the commit adds. */
export const isNewToken = ({ sides, sideOf, indexOf }: AddedText, at: number): boolean => {
  const side = sides[sideOf[at] as number] as HunkSide;
  return side.isChanged[side.line[indexOf[at] as number] as number] === 1;
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

/** A token of the text as an anchor in its file. */
export const anchorIn = (
  { sides, sideOf, indexOf }: AddedText,
  place: number,
  snippet: number,
  token: number,
): AnchorRun => {
  const side = sides[sideOf[place] as number] as HunkSide;
  const index = indexOf[place] as number;
  const line = side.firstLine + (side.line[index] as number);
  return { line, at: side.at[index] as number, snippet, from: token, length: 1 };
};

/** {@link AddedText.present} of a text. */
export const presentIn = (text: AddedText, { size }: Vocabulary): Uint8Array => {
  if (text.present !== null) return text.present;
  const present = new Uint8Array(size);
  for (const id of text.ids) if (id >= 0) present[id] = 1;
  text.present = present;
  return present;
};

const addedGramsOf = (sides: readonly HunkSide[], nIds: number): Uint8Array => {
  const added = new Uint8Array(nIds);
  let start = 0;
  for (const { tokens, line, isChanged } of sides) {
    /** The nearest token from here on that is on a changed line. */
    let last = tokens.length + GRAM_TOKENS;
    for (let index = tokens.length - 1; index >= 0; index -= 1) {
      if (isChanged[line[index] as number] === 1) last = index;
      if (last < index + GRAM_TOKENS) added[start + index] = 1;
    }
    start += tokens.length + 1;
  }
  return added;
};

/** Text before a commit that is compared, tokens. */
const MAX_BEFORE_TOKENS = 200_000;

/** What stood in the changed places before, the lines around them with it. */
export const readBefore = (changes: readonly FileChange[], vocabulary: Vocabulary): Int32Array => {
  const ids: number[] = [];
  for (const { hunks } of changes) {
    for (const hunk of hunks) {
      const { old } = readHunk(hunk);
      const own = sideIds(old, vocabulary);
      for (let at = 0; at < own.length && ids.length < MAX_BEFORE_TOKENS; at += 1) ids.push(own[at] as number);
      ids.push(-1);
    }
  }
  return Int32Array.from(ids);
};
