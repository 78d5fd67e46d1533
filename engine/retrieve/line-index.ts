import { createLikeness, piecesOf, renamed, renamesBetween, wordsIn, type Words } from "./alike-lines.ts";

/**
 * Lines of code with the lines above them: what came next the last time that something like this stood above
 * the cursor. No model, no I/O; equal histories of calls give equal answers.
 */
export interface LineIndex {
  /** Adds the lines of a text under an id, or replaces those that it had. What was added last counts as the newest. */
  add(id: string, text: string, path: string): void;
  remove(id: string): void;
  /** Different ways to end the line that `prefix` ends in: the `limit` likeliest, and as many by votes. */
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
  /** Its part of the votes of all places, each of which votes the more the more it is like the cursor's; 0 to 1. */
  readonly share: number;
  /** Its number, from 0, among all that were found: by the most likely of its places, and by its votes. */
  readonly rank: number;
  readonly rankByVotes: number;
  /** Whether it never stood so: names of the place stand for those above the cursor that are in their place. */
  readonly isRenamed: boolean;
  /** Id of a text that has it in the most likely of these places: the one added last. */
  readonly id: string;
}

/** Weights of what speaks for a place, beside 1 for the line above. */
const ABOVE_THAT = 0.5;
const THIRD_ABOVE = 0.25;
const SAME_FILE = 0.15;
const SAME_DIRECTORY = 0.05;
const NEWEST = 0.1;
const SAME_STEP = 0.3;
/** Additions after which the bonus of being new is a third. */
const RECENCY = 2_000;
/** What all of these are together: the likeness of a place that cannot be more like the cursor's. */
const ALL = 1 + ABOVE_THAT + THIRD_ABOVE + SAME_FILE + SAME_DIRECTORY + NEWEST + SAME_STEP;
/** A vote is e to this times the likeness, so that one such place counts as much as many that are less like it. */
const VOTE_SHARPNESS = 5;
/** Places that are compared: the newest of those that begin alike. */
const MAX_PLACES = 1_500;
/** Of those, the ones whose further lines above are compared: the likest by the line above. */
const MAX_COMPARED = 400;
/** Rarest words of the line above that lead to places. */
const MAX_WORDS = 5;
/** Likeliest places whose lines are tried with the names at the cursor. */
const MAX_RENAMED = 40;
/** A renamed line is a guess: it stands behind one that was written so. */
const RENAMED_PENALTY = 0.2;

interface Place {
  readonly line: string;
  readonly above: Above;
  readonly path: string;
  /** Ids of the texts that have it. */
  readonly ids: Set<string>;
  /** Number of the addition. */
  addedAt: number;
}

/** The three lines above a line, the nearest first, and whether the line is indented more (1) or less (-1). */
interface Above {
  readonly lines: readonly [string, string, string];
  readonly words: readonly [Words, Words, Words];
  readonly step: number;
}

/** A way that is being put together from its places. */
type Gathered = Omit<FoundLine, "share" | "rank" | "rankByVotes" | "id"> & {
  readonly score: number;
  readonly votes: number;
  readonly place: Place;
};

export function createLineIndex(): LineIndex {
  const places = new Map<string, Place>();
  const ofId = new Map<string, Set<string>>();
  const byStart = new Map<string, Set<Place>>();
  const byWordAbove = new Map<string, Set<Place>>();
  let nAdded = 0;

  function remove(id: string): void {
    for (const key of ofId.get(id) ?? []) {
      const place = places.get(key)!;
      place.ids.delete(id);
      if (place.ids.size > 0) continue;
      places.delete(key);
      takeOut(byStart, startOf(place.line), place);
      for (const word of place.above.words[0].keys()) takeOut(byWordAbove, word, place);
    }
    ofId.delete(id);
  }

  /** Places whose line goes on from the head, or for an empty head whose line above shares a rare word. */
  function candidates(head: string, wordsAbove: Words): Iterable<Place> {
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

  /** The likest places with how like they are, the likest first. */
  function likest(head: string, path: string, above: Above): (readonly [place: Place, like: Likeness])[] {
    const likeness = createLikeness((word) => Math.log(1 + nAdded / (1 + (byWordAbove.get(word)?.size ?? 0))));
    const compared = [...candidates(head, above.words[0])].map((place) => {
      const isSameFile = place.path === path;
      const bonus =
        SAME_FILE * Number(isSameFile) +
        SAME_DIRECTORY * Number(directoryOf(place.path) === directoryOf(path)) +
        NEWEST * Math.exp(-(nAdded - place.addedAt) / RECENCY) +
        SAME_STEP * Number(place.above.step === above.step);
      return { place, likeAbove: likeness(above.words[0], place.above.words[0]), bonus };
    });
    if (compared.length > MAX_COMPARED) {
      compared.sort((left, right) => right.likeAbove + right.bonus - left.likeAbove - left.bonus);
      compared.length = MAX_COMPARED;
    }
    return compared
      .map(({ place, likeAbove, bonus }) => {
        const likeAboveThat = likeness(above.words[1], place.above.words[1]);
        const third = likeness(above.words[2], place.above.words[2]);
        const score = likeAbove + ABOVE_THAT * likeAboveThat + THIRD_ABOVE * third + bonus;
        return [place, { likeAbove, likeAboveThat, score }] as const;
      })
      .sort(([, left], [, right]) => right.score - left.score);
  }

  return {
    add(id, text, path) {
      remove(id);
      const keys = new Set<string>();
      const lines = linesOf(text);
      for (let at = 1; at < lines.length; at++) {
        const line = lines[at]!.text;
        const key = `${path}\n${lines[at - 1]!.text}\n${line}`;
        nAdded += 1;
        keys.add(key);
        const known = places.get(key);
        if (known) {
          known.addedAt = nAdded;
          known.ids.delete(id);
          known.ids.add(id);
          continue;
        }
        const above = aboveOf(lines.slice(Math.max(0, at - 3), at), lines[at]!.indentation);
        const place: Place = { line, above, path, ids: new Set([id]), addedAt: nAdded };
        places.set(key, place);
        putIn(byStart, startOf(line), place);
        for (const word of above.words[0].keys()) putIn(byWordAbove, word, place);
      }
      ofId.set(id, keys);
    },
    remove,
    query(prefix, path, limit) {
      const start = prefix.lastIndexOf("\n") + 1;
      const head = prefix.slice(start);
      const lines = linesOf(prefix.slice(0, start).slice(-MAX_ABOVE_CHARS));
      const above = aboveOf(lines.slice(-3), indentationOf(head));
      return ranked(gather(head.trim(), path, above, likest(head.trim(), path, above)), limit);
    },
  };
}

interface Likeness {
  readonly likeAbove: number;
  readonly likeAboveThat: number;
  readonly score: number;
}

/** Puts places with the same line together, and adds lines of the likeliest places with the names at the cursor. */
function gather(
  head: string,
  path: string,
  above: Above,
  places: readonly (readonly [place: Place, like: Likeness])[],
): Gathered[] {
  const found = new Map<string, Gathered>();
  const votesOf = (score: number): number => Math.exp(VOTE_SHARPNESS * (score - ALL));
  for (const [place, { likeAbove, likeAboveThat, score }] of places) {
    const rest = place.line.slice(head.length);
    const isInFile = place.path === path;
    const other = found.get(rest);
    if (other) {
      const isSameFile = other.isSameFile || isInFile;
      found.set(rest, { ...other, isSameFile, nPlaces: other.nPlaces + 1, votes: other.votes + votesOf(score) });
      continue;
    }
    const isSameAbove = place.above.lines[0] === above.lines[0];
    const one = { rest, likeAbove, likeAboveThat, isSameAbove, isSameFile: isInFile, nPlaces: 1, isRenamed: false };
    found.set(rest, { ...one, votes: votesOf(score), score, place });
  }
  const [near, far] = [piecesOf(above.lines[0]), piecesOf(above.lines[1])];
  for (const [place, { likeAbove, likeAboveThat, score }] of places.slice(0, MAX_RENAMED)) {
    const line = inTheseNames(place, near, far);
    if (line === null || line.length <= head.length || !line.startsWith(head)) continue;
    const rest = line.slice(head.length);
    const other = found.get(rest);
    if (other) {
      found.set(rest, { ...other, votes: other.votes + votesOf(score) });
      continue;
    }
    const one = { rest, likeAbove, likeAboveThat, isSameAbove: false, isSameFile: place.path === path, nPlaces: 1 };
    found.set(rest, { ...one, isRenamed: true, votes: votesOf(score), score: score - RENAMED_PENALTY, place });
  }
  return [...found.values()];
}

/** A place's line with the names of the lines above the cursor; null when these lines say nothing, or it is the same. */
function inTheseNames({ line, above }: Place, near: readonly string[], far: readonly string[]): string | null {
  const byNear = renamesBetween(piecesOf(above.lines[0]), near);
  if (byNear === null) return null;
  const renames = renamesBetween(piecesOf(above.lines[1]), far, byNear) ?? byNear;
  if (renames.size === 0) return null;
  const other = renamed(piecesOf(line), renames);
  return other === line ? null : other;
}

/** The `limit` likeliest and the `limit` with most votes, the likeliest first. */
function ranked(found: readonly Gathered[], limit: number): FoundLine[] {
  const total = found.reduce((sum, { votes }) => sum + votes, 0);
  const byLikeness = found.toSorted((left, right) => right.score - left.score);
  const byVotes = found.toSorted((left, right) => right.votes - left.votes);
  const rankByVotes = new Map(byVotes.map((one, rank) => [one, rank]));
  return byLikeness.flatMap((one, rank) => {
    const { score: _score, votes, place, ...line } = one;
    const rankOfVotes = rankByVotes.get(one)!;
    if (rank >= limit && rankOfVotes >= limit) return [];
    return [{ ...line, share: votes / total, rank, rankByVotes: rankOfVotes, id: [...place.ids].at(-1)! }];
  });
}

/** The lines above the cursor stand in the last of the prefix, characters. */
const MAX_ABOVE_CHARS = 3_000;

interface Line {
  readonly text: string;
  readonly indentation: number;
}

const indentationOf = (line: string): number => line.length - line.trimStart().length;

const linesOf = (text: string): Line[] =>
  text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => ({ text: line.trim(), indentation: indentationOf(line) }));

/** @param lines the last three lines at most, in their order */
function aboveOf(lines: readonly Line[], indentation: number): Above {
  const text = (n: number): string => lines.at(-n)?.text ?? "";
  const step = Math.sign(indentation - (lines.at(-1)?.indentation ?? 0));
  const texts = [text(1), text(2), text(3)] as const;
  return { lines: texts, words: [wordsIn(texts[0]), wordsIn(texts[1]), wordsIn(texts[2])], step };
}

const directoryOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

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
