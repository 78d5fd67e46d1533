import { diffArrays } from "diff";
import type { TracedLine } from "./blame.ts";
import type { Insertion } from "./insertions.ts";

/**
 * What became of an insertion. `untouched`: every line stands at its place. `moved-file`: in a renamed file;
 * `moved-inside`: at another place of the file; `moved-across`: in another file, where blame does not look.
 * `deleted`: no line is left and nothing of it was carried on. No line is left, but the commits that took them
 * out put equal or edited ones somewhere: `rewritten`, with most of the words of a line; `reworded`, with half of
 * them, so that half of the code may stand. `restored`: a later commit put the lines back into the same file,
 * where they are its own to blame. `copied`: half of the lines or more stood elsewhere when they were taken
 * out, copied by a commit before, and were changed there on the way or since. `partial`: some lines are left. About the last five no yes or no can be
 * right.
 */
export type Fate =
  | "untouched"
  | "moved-file"
  | "moved-inside"
  | "moved-across"
  | "deleted"
  | "rewritten"
  | "reworded"
  | "restored"
  | "copied"
  | "partial";

export interface Traced {
  /** Lines of the insertion that blame finds in the later file. */
  readonly lines: readonly TracedLine[];
  /** The later path of its file, and the text; null when the file is gone. */
  readonly path: string;
  readonly text: string | null;
}

/** A share of the lines, blank ones aside, that counts as all: blame gives a lone bracket to whoever comes first. */
const ALL_FROM = 0.9;
/** Lines with fewer letters and digits are in every file. */
const MIN_LINE_ALPHANUMERICS = 4;
/** Lines so far apart are no longer one snippet. */
const SPREAD = 3;

/** Fate by `git blame --first-parent -w -M`. */
export const fateOf = (insertion: Insertion, traced: Traced): Fate => {
  const own = insertion.text.split("\n");
  const telling = new Set(own.flatMap((line, at) => (isTelling(line) ? [insertion.line + at] : [])));
  if (telling.size === 0) return "partial";
  const found = traced.lines.filter(({ origin }) => telling.has(origin));
  const share = new Set(found.map(({ origin }) => origin)).size / telling.size;
  if (found.length === 0) return "deleted";
  if (share < ALL_FROM) return "partial";
  if (traced.path !== insertion.path) return "moved-file";
  return isAtItsPlace(insertion, traced.text ?? "", telling) ? "untouched" : "moved-inside";
};

export const isTelling = (line: string): boolean =>
  (line.match(/[\p{L}\p{N}]/gu)?.length ?? 0) >= MIN_LINE_ALPHANUMERICS;

/** A plain diff of the whole files leaves the lines alone: they were not moved. */
const isAtItsPlace = ({ file }: Insertion, later: string, telling: ReadonlySet<number>): boolean => {
  const changes = diffArrays(squeezedLines(file), squeezedLines(later), { maxEditLength: 6_000 });
  if (changes === undefined) return false;
  let at = 0;
  let nMoved = 0;
  for (const { added, removed, value } of changes) {
    if (added) continue;
    if (removed) for (let k = 0; k < value.length; k += 1) if (telling.has(at + k)) nMoved += 1;
    at += value.length;
  }
  return nMoved <= telling.size / 2;
};

/** Where every file of a tree has which line. */
export interface LineIndex {
  /** Path that holds the lines of a text near each other, nearly whole or the share that is asked for; or null. */
  find(text: string, share?: number): string | null;
}

export const indexLines = (files: ReadonlyMap<string, string>): LineIndex => {
  const places = new Map<string, { path: string; line: number }[]>();
  for (const [path, text] of files) {
    squeezedLines(text).forEach((line, at) => {
      if (!isTelling(line)) return;
      const list = places.get(line);
      if (list === undefined) places.set(line, [{ path, line: at }]);
      else list.push({ path, line: at });
    });
  }
  return {
    find(text, share = ALL_FROM) {
      const wanted = squeezedLines(text).filter(isTelling);
      const byPath = new Map<string, number[][]>();
      wanted.forEach((line, at) => {
        for (const place of places.get(line) ?? []) {
          const lines = byPath.get(place.path) ?? wanted.map(() => []);
          byPath.set(place.path, lines);
          lines[at]?.push(place.line);
        }
      });
      for (const [path, lines] of byPath) if (holdsTogether(lines, share)) return path;
      return null;
    },
  };
};

/** Whether nearly all wanted lines, or the share that is asked for, stand within one stretch. */
export const holdsTogether = (lines: readonly (readonly number[])[], share = ALL_FROM): boolean => {
  const reach = Math.max(4, lines.length * SPREAD);
  return lines.flat().some((start) => {
    const nNear = lines.filter((found) => found.some((line) => line >= start && line < start + reach)).length;
    return nNear / lines.length >= share;
  });
};

/** Lines without white space and what formatters add and drop. */
export const squeezedLines = (text: string): string[] =>
  text.split("\n").map((line) => line.replace(/[\s;,'"`]+/g, ""));
