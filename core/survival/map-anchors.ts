import { alignTokens } from "./align-tokens.ts";
import {
  ANCHOR_STRIDE,
  anchorAt,
  type AnchorRun,
  anchorsBetween,
  countAnchors,
  createPacker,
  type FileAnchors,
  mergeAnchors,
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
  const inside: AnchorRun[] = [];
  const touched: TouchedHunk[] = [];
  /** Stretches of anchors outside of hunks, and the lines that they shift by. */
  const outside: { first: number; end: number; shift: number }[] = [];
  let next = 0;
  let shift = 0;
  let isSame = true;
  for (const hunk of hunks) {
    const [first, end] = anchorsBetween(anchors, firstOldLine(hunk), firstOldLine(hunk) + hunk.nOld);
    if (next < first) outside.push({ first: next, end: first, shift });
    if (end > first) {
      isSame = false;
      mapInside(anchors, first, end, hunk, inside, touched);
    }
    next = Math.max(next, first, end);
    shift += hunk.nNew - hunk.nOld;
    if (shift !== 0) isSame = false;
  }
  if (isSame) return { anchors, touched: [] };
  if (next < countAnchors(anchors)) outside.push({ first: next, end: countAnchors(anchors), shift });
  return { anchors: mergeAnchors(shifted(anchors, outside), inside), touched };
};

/** For a hunk without old lines git names the line before it. */
const firstOldLine = (hunk: CodeHunk): number => (hunk.nOld === 0 ? hunk.oldStart + 1 : hunk.oldStart);

const shifted = (
  anchors: FileAnchors,
  stretches: readonly { first: number; end: number; shift: number }[],
): FileAnchors => {
  const packer = createPacker(anchors.length);
  for (const { first, end, shift } of stretches) {
    for (let offset = first * ANCHOR_STRIDE; offset < end * ANCHOR_STRIDE; offset += ANCHOR_STRIDE)
      packer.copy(anchors, offset, shift);
  }
  return packer.packed();
};

const mapInside = (
  anchors: FileAnchors,
  first: number,
  end: number,
  hunk: CodeHunk,
  runs: AnchorRun[],
  touched: TouchedHunk[],
): void => {
  const read = readHunk(hunk);
  const inside: AnchorRun[] = [];
  /** Deleted lines of each snippet, of which each counts once. */
  const deleted = new Map<number, Set<number>>();
  for (let index = first; index < end; index += 1) {
    const run = anchorAt(anchors, index);
    inside.push(run);
    const line = run.line - read.old.firstLine;
    if (read.old.isChanged[line] === 1) {
      const lines = deleted.get(run.snippet);
      if (lines === undefined) deleted.set(run.snippet, new Set([line]));
      else lines.add(line);
    }
  }
  for (const [snippet, lines] of deleted) touched.push({ hunk, snippet, nLines: lines.size });
  if (deleted.size === 0) {
    for (const run of inside) {
      const line = read.old.other[run.line - read.old.firstLine] as number;
      runs.push({ ...run, line: read.new.firstLine + line });
    }
    return;
  }
  const placeOf = alignTokens(read.old.tokens, read.new.tokens);
  const taken = new Uint8Array(read.new.tokens.length);
  for (const place of placeOf) if (place !== -1) taken[place] = 1;
  for (const run of inside) {
    const line = run.line - read.old.firstLine;
    for (let k = 0; k < run.length; k += 1) {
      const index = tokenIndex(read.old, line, run.at + k);
      let place = index === -1 ? -1 : (placeOf[index] as number);
      if (place === -1) {
        // The token rule has no place for it, but a line that is still there still holds it.
        place = placeOnKeptLine(read.old, read.new, line, run.at + k);
        if (place === -1 || taken[place] === 1) continue;
        taken[place] = 1;
      }
      runs.push({
        line: read.new.firstLine + (read.new.line[place] as number),
        at: read.new.at[place] as number,
        snippet: run.snippet,
        from: run.from + k,
        length: 1,
      });
    }
  }
};

const placeOnKeptLine = (old: HunkSide, now: HunkSide, line: number, ordinal: number): number => {
  const other = old.other[line] ?? -1;
  return other === -1 ? -1 : tokenIndex(now, other, ordinal);
};

/** The last answer about each side: the losses of many snippets ask the same. */
const knownOwners = new WeakMap<HunkSide, { anchors: FileAnchors | undefined; owners: Int32Array }>();

/** Tokens of a side that anchors hold: the number of the snippet, or -1. Not to be changed. */
export const ownersIn = (side: HunkSide, anchors: FileAnchors | undefined): Int32Array => {
  const known = knownOwners.get(side);
  if (known !== undefined && known.anchors === anchors) return known.owners;
  const owners = new Int32Array(side.tokens.length).fill(-1);
  knownOwners.set(side, { anchors, owners });
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
