/**
 * Lines of code with the lines above them: what came next the last time that something like this stood above
 * the cursor. No model, no I/O; equal histories of calls give equal answers.
 */
export interface LineIndex {
  /** Adds the lines of a text under an id, or replaces those that it had. What was added last counts as the newest. */
  add(id: string, text: string, path: string): void;
  remove(id: string): void;
  /** At most `limit` different ways to end the line that `prefix` ends in, the most likely first. */
  query(prefix: string, path: string, limit: number): FoundLine[];
}

/** A way to end a line, and what speaks for it. */
export interface FoundLine {
  /** What follows the cursor, up to the line's end. */
  readonly rest: string;
  /** How much the line above, and the one above that, are like those of the cursor: 0 to 1. */
  readonly likeAbove: number;
  readonly likeAboveThat: number;
  /** Whether that line above is the very same. */
  readonly isSameAbove: boolean;
  /** Whether it stood in the same file somewhere. */
  readonly isSameFile: boolean;
  /** Places where it stood. */
  readonly nPlaces: number;
  /** Id of a text that has it in the most likely of these places: the one added last. */
  readonly id: string;
}

/** Weights of what speaks for a line, beside 1 for the line above. */
const ABOVE_THAT = 0.5;
const SAME_FILE = 0.15;
const NEWEST = 0.1;
/** Additions after which the bonus of being new is a third. */
const RECENCY = 2_000;
/** Places that are compared: the newest of those that begin alike. */
const MAX_PLACES = 1_500;
/** Rarest words of the line above that lead to places. */
const MAX_WORDS = 5;

interface Place {
  readonly line: string;
  readonly above: string;
  readonly wordsAbove: ReadonlyMap<string, number>;
  readonly wordsAboveThat: ReadonlyMap<string, number>;
  readonly path: string;
  /** Ids of the texts that have it. */
  readonly ids: Set<string>;
  /** Number of the addition. */
  addedAt: number;
}

export function createLineIndex(): LineIndex {
  const places = new Map<string, Place>();
  const ofId = new Map<string, Set<string>>();
  const byStart = new Map<string, Set<Place>>();
  const byWordAbove = new Map<string, Set<Place>>();
  let nAdded = 0;

  const information = (word: string): number => Math.log(1 + nAdded / (1 + (byWordAbove.get(word)?.size ?? 0)));
  const likeness = (left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): number => {
    let shared = 0;
    for (const [word, count] of left) {
      const other = right.get(word);
      if (other !== undefined) shared += Math.min(count, other) * information(word);
    }
    if (shared === 0) return left.size === 0 && right.size === 0 ? 1 : 0;
    return shared / Math.sqrt(weigh(left) * weigh(right));
  };
  const weigh = (words: ReadonlyMap<string, number>): number => {
    let sum = 0;
    for (const [word, count] of words) sum += count * information(word);
    return sum;
  };

  function remove(id: string): void {
    for (const key of ofId.get(id) ?? []) {
      const place = places.get(key)!;
      place.ids.delete(id);
      if (place.ids.size > 0) continue;
      places.delete(key);
      takeOut(byStart, startOf(place.line), place);
      for (const word of place.wordsAbove.keys()) takeOut(byWordAbove, word, place);
    }
    ofId.delete(id);
  }

  /** Places whose line goes on from the head, or for an empty head whose line above shares a rare word. */
  function candidates(head: string, wordsAbove: ReadonlyMap<string, number>): Iterable<Place> {
    if (head !== "") {
      const found: Place[] = [];
      for (const place of byStart.get(startOf(head)) ?? []) {
        if (place.line.length > head.length && place.line.startsWith(head)) found.push(place);
      }
      return found.slice(-MAX_PLACES);
    }
    const nWith = (word: string): number => byWordAbove.get(word)?.size ?? 0;
    const rarest = [...wordsAbove.keys()].filter((word) => nWith(word) > 0).sort((a, b) => nWith(a) - nWith(b));
    const found = new Set<Place>();
    for (const word of rarest.slice(0, MAX_WORDS)) {
      for (const place of [...byWordAbove.get(word)!].slice(-MAX_PLACES)) found.add(place);
      if (found.size >= MAX_PLACES) break;
    }
    return found;
  }

  return {
    add(id, text, path) {
      remove(id);
      const keys = new Set<string>();
      const lines = linesOf(text);
      for (let at = 1; at < lines.length; at++) {
        const line = lines[at]!;
        const above = lines[at - 1]!;
        const key = `${path}\n${above}\n${line}`;
        nAdded += 1;
        keys.add(key);
        const known = places.get(key);
        if (known) {
          known.addedAt = nAdded;
          known.ids.delete(id);
          known.ids.add(id);
          continue;
        }
        const wordsAbove = wordsIn(above);
        const wordsAboveThat = wordsIn(lines[at - 2] ?? "");
        const place: Place = { line, above, wordsAbove, wordsAboveThat, path, ids: new Set([id]), addedAt: nAdded };
        places.set(key, place);
        putIn(byStart, startOf(line), place);
        for (const word of wordsAbove.keys()) putIn(byWordAbove, word, place);
      }
      ofId.set(id, keys);
    },
    remove,
    query(prefix, path, limit) {
      const head = prefix.slice(prefix.lastIndexOf("\n") + 1).trim();
      const lines = linesOf(prefix.slice(0, prefix.lastIndexOf("\n") + 1).slice(-MAX_ABOVE_CHARS));
      const above = lines.at(-1) ?? "";
      const wordsAbove = wordsIn(above);
      const wordsAboveThat = wordsIn(lines.at(-2) ?? "");
      const best = new Map<string, FoundLine & { readonly score: number }>();
      for (const place of candidates(head, wordsAbove)) {
        const rest = place.line.slice(head.length);
        const likeAbove = likeness(wordsAbove, place.wordsAbove);
        const likeAboveThat = likeness(wordsAboveThat, place.wordsAboveThat);
        const recency = Math.exp(-(nAdded - place.addedAt) / RECENCY);
        const isInFile = place.path === path;
        const score = likeAbove + ABOVE_THAT * likeAboveThat + SAME_FILE * Number(isInFile) + NEWEST * recency;
        const other = best.get(rest);
        const all = { isSameFile: isInFile || (other?.isSameFile ?? false), nPlaces: (other?.nPlaces ?? 0) + 1 };
        if (other !== undefined && score <= other.score) best.set(rest, { ...other, ...all });
        else {
          const isSameAbove = place.above === above;
          best.set(rest, { rest, likeAbove, likeAboveThat, isSameAbove, ...all, id: [...place.ids].at(-1)!, score });
        }
      }
      return [...best.values()].sort((left, right) => right.score - left.score).slice(0, limit);
    },
  };
}

/** The two lines above the cursor stand in the last of the prefix, characters. */
const MAX_ABOVE_CHARS = 2_000;

const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** Words, numbers and each other character, with how often they occur. */
const wordsIn = (line: string): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const [word] of line.matchAll(/[\p{L}_$][\p{L}\p{N}_$]*|\p{N}+|[^\s\p{L}\p{N}_$]/gu)) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
};

const startOf = (line: string): string => line.slice(0, 1);

const putIn = (sets: Map<string, Set<Place>>, key: string, place: Place): void => {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([place]));
  else set.add(place);
};

const takeOut = (sets: Map<string, Set<Place>>, key: string, place: Place): void => {
  const set = sets.get(key);
  set?.delete(place);
  if (set?.size === 0) sets.delete(key);
};
