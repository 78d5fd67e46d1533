import { diffArrays } from "diff";

/** What a measure that follows one place of one file is given. */
export interface Followed {
  /** The text that was inserted, whole lines. */
  readonly inserted: string;
  /** The file just after the insertion. */
  readonly before: string;
  /** First line of the insertion in it, from 0, and the number of lines. */
  readonly line: number;
  readonly nLines: number;
  /** The same file later, its renames followed; null when it is gone. */
  readonly after: string | null;
}

/** How much of the insertion a measure sees, 0 to 1; from a half on it calls it alive. */
export type Measure = (followed: Followed) => number;

/**
 * The measures of other tools, restated from their published formulas and given every kindness: renames are
 * followed for them, and the place is carried through one line diff instead of many small edits.
 */
export const PUBLISHED_MEASURES = {
  /** VS Code's accepted and retained characters: what no later edit has touched, over what was accepted. */
  arc: (followed) => {
    const { retained } = carry(followed);
    return followed.inserted.length === 0 ? 1 : retained / followed.inserted.length;
  },
  /** Copilot's stillInCode: lexeme distance over length at most one half, 50 and then 1,500 characters around. */
  stillInCode: (followed) => {
    const { after, inserted } = followed;
    if (after === null) return 0;
    const { start } = carry(followed);
    for (const margin of [50, 1_500]) {
      const window = after.slice(Math.max(0, start - margin), start + inserted.length + margin);
      const needle = lexemes(inserted);
      const distance = needle.length === 0 ? 0 : searchDistance(lexemes(window), needle) / needle.length;
      if (distance <= 0.5) return 1 - distance;
    }
    return 0;
  },
  /** Copilot's edit survival: groups of four characters that both texts have, over all of both. */
  fourGram: (followed) => fourGramSimilarity(followed.inserted, rangeNow(followed)),
  /** Cody's persistence: one minus the edit distance over the longer text. */
  levenshtein: (followed) => {
    const now = rangeNow(followed);
    const longest = Math.max(now.length, followed.inserted.length);
    return longest === 0 ? 1 : 1 - editDistance(followed.inserted, now) / longest;
  },
  /** Lines that git's own line diff, white space aside, calls unchanged. */
  lines: (followed) => (followed.nLines === 0 ? 1 : carry(followed).nLinesKept / followed.nLines),
} satisfies Record<string, Measure>;

interface Carried {
  /** Characters of the insertion that no hunk deletes. */
  readonly retained: number;
  readonly nLinesKept: number;
  /** Offsets of the place in the later file. */
  readonly start: number;
  readonly end: number;
}

const NOTHING: Carried = { retained: 0, nLinesKept: 0, start: 0, end: 0 };
/** A pair of files further apart than this is a rewrite, edited lines. */
const MAX_EDITED_LINES = 6_000;
const carriedBefore = new WeakMap<Followed, Carried>();

const rangeNow = (followed: Followed): string => {
  const { start, end } = carry(followed);
  return followed.after === null ? "" : followed.after.slice(start, end).slice(0, MAX_RANGE_CHARS);
};
/** Longer ranges are other code; the distance is quadratic. */
const MAX_RANGE_CHARS = 8_000;

const carry = (followed: Followed): Carried => {
  const known = carriedBefore.get(followed);
  if (known !== undefined) return known;
  const found = followed.after === null ? NOTHING : carryThrough(followed, followed.after);
  carriedBefore.set(followed, found);
  return found;
};

/** Carries the insertion through the edits between two texts, as an editor carries a marked range. */
const carryThrough = ({ before, line, nLines }: Followed, after: string): Carried => {
  const [oldLines, newLines] = [splitLines(before), splitLines(after)];
  const changes = diffArrays(oldLines, newLines, { comparator: alike, maxEditLength: MAX_EDITED_LINES });
  if (changes === undefined) return NOTHING;
  let [at, place, nLinesKept, retained] = [0, 0, 0, 0];
  let [start, end] = [-1, -1];
  const last = line + nLines;
  let deleted: readonly string[] = [];
  for (const change of changes) {
    const count = change.value.length;
    if (change.removed) {
      if (start === -1 && at + count > line) start = place;
      deleted = change.value;
      at += count;
      if (end === -1 && at >= last) end = place;
      continue;
    }
    if (change.added) {
      const replacesInside = at - deleted.length < last && at > line;
      if (deleted.length > 0 && replacesInside) {
        retained += keptCharacters(deleted, change.value, line - (at - deleted.length), nLines);
        // What replaces a part of a marked range is inside of it.
        if (end === place) end = place + count;
      }
      place += count;
      deleted = [];
      continue;
    }
    deleted = [];
    for (let k = 0; k < count; k += 1) {
      if (at === line && start === -1) start = place;
      if (at >= line && at < last) {
        nLinesKept += 1;
        retained += (oldLines[at] as string).length;
      }
      at += 1;
      place += 1;
      if (at === last && end === -1) end = place;
    }
  }
  if (start === -1) start = place;
  if (end === -1) end = place;
  return { retained, nLinesKept, start: offsetOf(newLines, start), end: offsetOf(newLines, Math.max(start, end)) };
};

/** Characters of the insertion in a replaced hunk that its common beginning and end leave standing. */
const keptCharacters = (old: readonly string[], now: readonly string[], skip: number, nLines: number): number => {
  const [a, b] = [old.join(""), now.join("")];
  let prefix = 0;
  while (prefix < a.length && prefix < b.length && a[prefix] === b[prefix]) prefix += 1;
  let suffix = 0;
  while (suffix < a.length - prefix && suffix < b.length - prefix && a.at(-1 - suffix) === b.at(-1 - suffix))
    suffix += 1;
  const from = offsetOf(old, Math.max(0, skip));
  const to = offsetOf(old, Math.min(old.length, Math.max(0, skip + nLines)));
  const inPrefix = Math.max(0, Math.min(to, prefix) - from);
  const inSuffix = Math.max(0, to - Math.max(from, a.length - suffix));
  return inPrefix + inSuffix;
};

const splitLines = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
const alike = (left: string, right: string): boolean =>
  left === right || left.replace(/\s+/g, "") === right.replace(/\s+/g, "");
const offsetOf = (lines: readonly string[], nLines: number): number => {
  let offset = 0;
  for (let at = 0; at < nLines && at < lines.length; at += 1) offset += (lines[at] as string).length;
  return offset;
};

/** Words, runs of white space longer than one, and every other character. */
const lexemes = (text: string): string[] => (text.match(/\w+|\s+|[^\w\s]/g) ?? []).filter((lexeme) => lexeme !== " ");

/** Least edits that turn any stretch of `hay` into `needle` (Sellers 1980). */
const searchDistance = (hay: readonly string[], needle: readonly string[]): number => {
  let row = new Int32Array(hay.length + 1);
  for (let at = 1; at <= needle.length; at += 1) {
    const next = new Int32Array(hay.length + 1);
    next[0] = at;
    for (let place = 1; place <= hay.length; place += 1) {
      const same = needle[at - 1] === hay[place - 1] ? 0 : 1;
      next[place] = Math.min((row[place - 1] ?? 0) + same, (row[place] ?? 0) + 1, (next[place - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row.reduce((least, distance) => Math.min(least, distance), needle.length);
};

export const editDistance = (left: string, right: string): number => {
  let row = Int32Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let at = 1; at <= left.length; at += 1) {
    const next = new Int32Array(right.length + 1);
    next[0] = at;
    const unit = left.charCodeAt(at - 1);
    for (let place = 1; place <= right.length; place += 1) {
      const same = unit === right.charCodeAt(place - 1) ? 0 : 1;
      next[place] = Math.min((row[place - 1] ?? 0) + same, (row[place] ?? 0) + 1, (next[place - 1] ?? 0) + 1);
    }
    row = next;
  }
  return row[right.length] ?? 0;
};

/** Twice the shared groups of four characters over those of both texts; texts shorter than four are equal or not. */
export const fourGramSimilarity = (left: string, right: string): number => {
  if (left.length < 4 || right.length < 4) return left === right ? 1 : 0;
  const counts = new Map<string, number>();
  for (let at = 0; at + 4 <= left.length; at += 1) {
    const gram = left.slice(at, at + 4);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  let nShared = 0;
  for (let at = 0; at + 4 <= right.length; at += 1) {
    const gram = right.slice(at, at + 4);
    const count = counts.get(gram) ?? 0;
    if (count === 0) continue;
    counts.set(gram, count - 1);
    nShared += 1;
  }
  return (2 * nShared) / (left.length - 3 + right.length - 3);
};
