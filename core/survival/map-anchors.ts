import {
  ANCHOR_STRIDE,
  type AnchorPacker,
  anchorsBetween,
  countAnchors,
  createPacker,
  type FileAnchors,
} from "./anchors.ts";
import { type CodeHunk, type HunkSide, readHunk, tokenIndex } from "./file-change.ts";

/** A hunk that deletes lines of a snippet. */
export interface TouchedHunk {
  readonly hunk: CodeHunk;
  readonly snippet: number;
  /** Lines of the snippet among the deleted ones. */
  readonly nLines: number;
}

export interface MappedAnchors {
  readonly anchors: FileAnchors;
  readonly touched: readonly TouchedHunk[];
}

/**
 * Carries a file's anchors over a change of it (survival.md section 3.5 a): outside of hunks they shift,
 * inside the token rule says where each token stands now. What is not found again is left out.
 */
export const mapAnchors = (anchors: FileAnchors, hunks: readonly CodeHunk[]): MappedAnchors => {
  if (anchors.length === 0 || hunks.length === 0) return { anchors, touched: [] };
  const touched: TouchedHunk[] = [];
  /** First anchor and end of those inside of each hunk. */
  const inside = new Int32Array(2 * hunks.length);
  let isSame = true;
  let nInside = 0;
  for (const [index, hunk] of hunks.entries()) {
    const [first, end] = anchorsBetween(anchors, firstOldLine(hunk), firstOldLine(hunk) + hunk.nOld);
    inside[2 * index] = first;
    inside[2 * index + 1] = end;
    if (end > first) nInside += end - first;
    if (end > first || hunk.nNew !== hunk.nOld) isSame = false;
  }
  if (isSame) return { anchors, touched };
  // A token that is no longer beside the others has an anchor of its own.
  let room = anchors.length;
  for (let index = 0; nInside > 0 && index < hunks.length; index += 1)
    for (let at = inside[2 * index] as number; at < (inside[2 * index + 1] as number); at += 1)
      room += ((anchors[at * ANCHOR_STRIDE + 4] as number) - 1) * ANCHOR_STRIDE;
  const packer = createPacker(room);
  let next = 0;
  let shift = 0;
  for (const [index, hunk] of hunks.entries()) {
    const first = inside[2 * index] as number;
    const end = inside[2 * index + 1] as number;
    for (; next < first; next += 1) packer.copy(anchors, next * ANCHOR_STRIDE, shift);
    if (end > first) {
      noteTouched(anchors, first, end, hunk, touched);
      packInside(anchors, first, end, hunk, packer);
    }
    next = Math.max(next, first, end);
    shift += hunk.nNew - hunk.nOld;
  }
  for (; next < countAnchors(anchors); next += 1) packer.copy(anchors, next * ANCHOR_STRIDE, shift);
  return { anchors: packer.packed(), touched };
};

/** For a hunk without old lines git names the line before it. */
const firstOldLine = (hunk: CodeHunk): number => (hunk.nOld === 0 ? hunk.oldStart + 1 : hunk.oldStart);

/** Which snippets have lines among the deleted ones of a hunk. */
const noteTouched = (
  anchors: FileAnchors,
  first: number,
  end: number,
  hunk: CodeHunk,
  touched: TouchedHunk[],
): void => {
  const { oldOther } = readHunk(hunk);
  /** Deleted lines of each snippet, and the last of them: each counts once. */
  const deleted = new Map<number, { nLines: number; last: number }>();
  for (let offset = first * ANCHOR_STRIDE; offset < end * ANCHOR_STRIDE; offset += ANCHOR_STRIDE) {
    const line = (anchors[offset] as number) - hunk.oldStart;
    if (oldOther[line] !== -1) continue;
    const snippet = anchors[offset + 2] as number;
    const known = deleted.get(snippet);
    if (known === undefined) deleted.set(snippet, { nLines: 1, last: line });
    else if (known.last !== line) {
      known.nLines += 1;
      known.last = line;
    }
  }
  for (const [snippet, { nLines }] of deleted) touched.push({ hunk, snippet, nLines });
};

/** Snippet and token of each place of a hunk's new side, written anew for each hunk. */
let snippetAt = new Int32Array(1_024);
let tokenAt = new Int32Array(1_024);

const packInside = (anchors: FileAnchors, first: number, end: number, hunk: CodeHunk, packer: AnchorPacker): void => {
  const read = readHunk(hunk);
  if (!isDeleting(anchors, first, end, hunk.oldStart, read.oldOther)) {
    for (let offset = first * ANCHOR_STRIDE; offset < end * ANCHOR_STRIDE; offset += ANCHOR_STRIDE) {
      const line = anchors[offset] as number;
      packer.copy(anchors, offset, hunk.newStart + (read.oldOther[line - hunk.oldStart] as number) - line);
    }
    return;
  }
  const { old, new: now, placeOf } = read;
  const nTokens = now.tokens.length;
  if (snippetAt.length < nTokens) {
    snippetAt = new Int32Array(2 * nTokens);
    tokenAt = new Int32Array(2 * nTokens);
  }
  snippetAt.fill(-1, 0, nTokens);
  const taken = new Uint8Array(nTokens);
  for (let index = 0; index < placeOf.length; index += 1)
    if (placeOf[index] !== -1) taken[placeOf[index] as number] = 1;
  for (let offset = first * ANCHOR_STRIDE; offset < end * ANCHOR_STRIDE; offset += ANCHOR_STRIDE) {
    const line = (anchors[offset] as number) - old.firstLine;
    const at = anchors[offset + 1] as number;
    const length = anchors[offset + 4] as number;
    for (let k = 0; k < length; k += 1) {
      const index = tokenIndex(old, line, at + k);
      let place = index === -1 ? -1 : (placeOf[index] as number);
      if (place === -1) {
        // The token rule has no place for it, but a line that is still there still holds it.
        place = placeOnKeptLine(old, now, line, at + k);
        if (place === -1 || taken[place] === 1) continue;
        taken[place] = 1;
      }
      snippetAt[place] = anchors[offset + 2] as number;
      tokenAt[place] = (anchors[offset + 3] as number) + k;
    }
  }
  for (let place = 0; place < nTokens; place += 1) {
    const snippet = snippetAt[place] as number;
    if (snippet === -1) continue;
    packer.put(
      now.firstLine + (now.line[place] as number),
      now.at[place] as number,
      snippet,
      tokenAt[place] as number,
      1,
    );
  }
};

const isDeleting = (
  anchors: FileAnchors,
  first: number,
  end: number,
  firstLine: number,
  oldOther: readonly number[],
): boolean => {
  for (let offset = first * ANCHOR_STRIDE; offset < end * ANCHOR_STRIDE; offset += ANCHOR_STRIDE)
    if (oldOther[(anchors[offset] as number) - firstLine] === -1) return true;
  return false;
};

const placeOnKeptLine = (old: HunkSide, now: HunkSide, line: number, ordinal: number): number => {
  const other = old.other[line] ?? -1;
  return other === -1 ? -1 : tokenIndex(now, other, ordinal);
};

/** Tokens of a side that anchors hold: the number of the snippet, or -1. Not to be changed. */
export const ownersIn = (side: HunkSide, anchors: FileAnchors | undefined): Int32Array => {
  if (side.owned !== null && side.owned.anchors === anchors) return side.owned.owners;
  const owners = new Int32Array(side.tokens.length).fill(-1);
  side.owned = { anchors, owners };
  if (anchors === undefined) return owners;
  const [first, end] = anchorsBetween(anchors, side.firstLine, side.firstLine + side.lines.length);
  for (let at = first * ANCHOR_STRIDE; at < end * ANCHOR_STRIDE; at += ANCHOR_STRIDE) {
    const line = (anchors[at] as number) - side.firstLine;
    const stop = (anchors[at + 1] as number) + (anchors[at + 4] as number);
    for (let ordinal = anchors[at + 1] as number; ordinal < stop; ordinal += 1) {
      const index = tokenIndex(side, line, ordinal);
      if (index !== -1) owners[index] = anchors[at + 2] as number;
    }
  }
  return owners;
};
