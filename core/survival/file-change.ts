import type { Syntax } from "./markdown-text.ts";
import { alignTokens } from "./align-tokens.ts";
import type { FileAnchors } from "./anchors.ts";
import { codeTokens, type CodeTokens } from "./code-tokens.ts";

/** A changed place of a file with the lines around it. Line numbers count from 1, as git does. */
export interface CodeHunk {
  readonly oldStart: number;
  readonly nOld: number;
  readonly newStart: number;
  readonly nNew: number;
  /** How its lines are read; code where it is left out. */
  readonly syntax?: Syntax;
  /** Its lines with git's marks (space, minus, plus) in front. */
  lines(): readonly string[];
  /** What was read of it; null before. */
  known: ReadHunk | null;
}

/** What a commit does to one file. */
export interface FileChange {
  /** Null for a new file. */
  readonly oldPath: string | null;
  /** Null for a deleted file. */
  readonly newPath: string | null;
  /** Object id of the new content; null for a deleted file. */
  readonly newBlob: string | null;
  /** Only text has hunks. */
  readonly content: "text" | "binary" | "too-large" | "submodule";
  readonly hunks: readonly CodeHunk[];
}

/** One side of a hunk, read. */
export interface HunkSide extends CodeTokens {
  /** Line number in the file of each line of this side. */
  readonly firstLine: number;
  readonly lines: readonly string[];
  /** 1 for a line that only this side has. */
  readonly isChanged: Uint8Array;
  /** For each line that both sides have, its index on the other side; -1 for others. */
  readonly other: Int32Array;
  /** Index of the first token of each line, with the number of all tokens at the end. */
  readonly starts: Int32Array;
  /** Its tokens as numbers of the vocabulary, once they were asked for. */
  ids: Int32Array | null;
  /** The last answer about who holds its tokens: the losses of many snippets ask the same. */
  owned: { readonly anchors: FileAnchors | undefined; readonly owners: Int32Array } | null;
}

export interface ReadHunk {
  /** For each line of the old side its index on the new one, and the other way; -1 for lines that only one side has. */
  readonly oldOther: readonly number[];
  readonly newOther: readonly number[];
  readonly old: HunkSide;
  readonly new: HunkSide;
  /** Where each token of the old side stands on the new one, or -1, by the token rule. */
  readonly placeOf: Int32Array;
}

/** Both sides of a hunk with their tokens. Kept with the hunk: a second call costs nothing. */
export const readHunk = (hunk: CodeHunk): ReadHunk => {
  if (hunk.known !== null) return hunk.known;
  const oldLines: string[] = [];
  const newLines: string[] = [];
  const oldOther: number[] = [];
  const newOther: number[] = [];
  for (const line of hunk.lines()) {
    const mark = line[0];
    const text = line.slice(1);
    if (mark === "-") {
      oldLines.push(text);
      oldOther.push(-1);
    } else if (mark === "+") {
      newLines.push(text);
      newOther.push(-1);
    } else {
      oldOther.push(newLines.length);
      newOther.push(oldLines.length);
      oldLines.push(text);
      newLines.push(text);
    }
  }
  // Each side is read when it is asked for: most hunks are only searched for what they add.
  let old: HunkSide | null = null;
  let now: HunkSide | null = null;
  let placeOf: Int32Array | null = null;
  const read: ReadHunk = {
    oldOther,
    newOther,
    get old() {
      old ??= side(oldLines, oldOther, hunk.oldStart, hunk.syntax);
      return old;
    },
    get new() {
      now ??= side(newLines, newOther, hunk.newStart, hunk.syntax);
      return now;
    },
    get placeOf() {
      placeOf ??= alignTokens(read.old.tokens, read.new.tokens);
      return placeOf;
    },
  };
  hunk.known = read;
  return read;
};

const side = (
  lines: readonly string[],
  other: readonly number[],
  start: number,
  syntax: Syntax | undefined,
): HunkSide => {
  const read = codeTokens(lines, "part", syntax);
  const starts = new Int32Array(lines.length + 1);
  let index = 0;
  for (let line = 0; line < lines.length; line += 1) {
    starts[line] = index;
    while (index < read.tokens.length && read.line[index] === line) index += 1;
  }
  starts[lines.length] = index;
  return {
    ...read,
    firstLine: start,
    lines,
    isChanged: changedLines(other),
    other: new Int32Array(other),
    starts,
    ids: null,
    owned: null,
  };
};

const changedLines = (other: readonly number[]): Uint8Array => {
  const isChanged = new Uint8Array(other.length);
  for (let line = 0; line < other.length; line += 1) if (other[line] === -1) isChanged[line] = 1;
  return isChanged;
};

/** Index of the token with an ordinal on a line of a side, or -1. */
export const tokenIndex = ({ starts, at }: HunkSide, line: number, ordinal: number): number => {
  const start = starts[line] as number;
  // Every token before it on its line has an ordinal of its own, so it cannot stand further on.
  let index = Math.min(start + ordinal, (starts[line + 1] as number) - 1);
  while (index >= start && (at[index] as number) > ordinal) index -= 1;
  return index >= start && at[index] === ordinal ? index : -1;
};
