import { shiftRegion, type Region, type TextChange } from "../lifecycle/region.ts";
import { acceptedCharacters, composeChange, type AcceptedCharacters } from "./accepted-characters.ts";
import type { ChangeAuthor } from "./buffer-cause.ts";
import {
  countOwned,
  readSnippet,
  shiftClean,
  type OwnedInterval,
  type SnippetPlaces,
  type SnippetText,
} from "./buffer-places.ts";
import type { AcceptedSnippet } from "./change-journal.ts";
import type { Syntax } from "./markdown-text.ts";
import { completedTokens } from "./completed-tokens.ts";
import type { MappedIntervals } from "./text-replacement.ts";

/** One snippet on its way through the edits of a document. Mutable: the follower of the document owns it. */
export interface FollowedSnippet extends SnippetText {
  readonly suggestionId: string;
  readonly nTokens: number;
  readonly acceptedAt: number;
  intervals: readonly OwnedInterval[];
  home: Region;
  characters: AcceptedCharacters;
  /** An edit has gone over an interval: which tokens it holds is told by the next alignment. */
  isDirty: boolean;
  /** Too much text has changed to be searched; nothing can be said. */
  isUnknown: boolean;
  /** Tokens that were there at the last look. */
  nOwned: number;
  /** UTF-16 units that edits since the last look have gone over, by author. */
  removed: Record<ChangeAuthor, number>;
}

/** All tokens stand where they were accepted. A word or number that the text completed belongs to it as a whole. */
export const followAccepted = (accepted: AcceptedSnippet, syntax: Syntax = "code"): FollowedSnippet => {
  const { text, region } = accepted;
  const [head, tail] = completedTokens(accepted.before, text, accepted.after);
  const home = { start: region.start - head.length, end: region.end + tail.length };
  return {
    ...whole({ suggestionId: accepted.suggestionId, text: head + text + tail, home }, syntax),
    acceptedAt: accepted.acceptedAt,
    characters: acceptedCharacters(region),
  };
};

/** The accepted text, widened to whole words of the document. */
export const widenedText = (accepted: AcceptedSnippet): string => followAccepted(accepted).text;

/** A snippet at places that are known from before. Its characters count from here on. */
export const followPlaces = (places: SnippetPlaces, acceptedAt: number, syntax: Syntax): FollowedSnippet => ({
  ...whole(places, syntax),
  acceptedAt,
  intervals: places.intervals,
  nOwned: countOwned(places.intervals),
});

const whole = ({ suggestionId, text, home }: Omit<SnippetPlaces, "intervals">, syntax: Syntax): FollowedSnippet => {
  const snippet = readSnippet(text, syntax);
  const nTokens = snippet.tokens.length;
  return {
    ...snippet,
    suggestionId,
    nTokens,
    acceptedAt: 0,
    intervals: nTokens === 0 ? [] : [{ token: 0, nTokens, ...home }],
    home,
    characters: acceptedCharacters(home),
    isDirty: false,
    isUnknown: false,
    nOwned: nTokens,
    removed: { edit: 0, undo: 0, accept: 0, deletion: 0 },
  };
};

/** A change of the document: what it does not touch moves, what it goes over is dirty. */
export const shiftSnippet = (snippet: FollowedSnippet, change: TextChange, author: ChangeAuthor): void => {
  snippet.characters = composeChange(snippet.characters, change);
  snippet.home = shiftRegion(snippet.home, change, "keep");
  shiftOwned(snippet, change, author);
};

/** The same for a change that was compared with what it replaced: tokens inside it go where they went. */
export const carrySnippet = (
  snippet: FollowedSnippet,
  change: TextChange,
  author: ChangeAuthor,
  map: {
    intervals(snippet: SnippetText, intervals: readonly OwnedInterval[]): MappedIntervals;
    region(region: Region): Region;
  },
): void => {
  const end = change.offset + change.deleted;
  const isInside = (region: Region): boolean => region.start >= change.offset && region.end <= end;
  snippet.home = isInside(snippet.home) ? map.region(snippet.home) : shiftRegion(snippet.home, change, "keep");
  const inside = snippet.intervals.filter((interval) => isInside(interval) && interval.end > interval.start);
  snippet.intervals = snippet.intervals.filter((interval) => !inside.includes(interval));
  shiftOwned(snippet, change, author);
  if (inside.length === 0) return;
  const mapped = map.intervals(snippet, inside);
  snippet.intervals = [...snippet.intervals, ...mapped.intervals].sort((a, b) => a.token - b.token);
  if (mapped.isComplete) return;
  snippet.isDirty = true;
  snippet.removed[author] += inside.reduce((sum, { start, end: to }) => sum + to - start, 0);
};

const shiftOwned = (snippet: FollowedSnippet, change: TextChange, author: ChangeAuthor): void => {
  if (snippet.intervals.every(({ end }) => end <= change.offset)) return;
  snippet.intervals = snippet.intervals.map((interval) => {
    const moved = shiftClean(interval, change);
    if (moved !== null) return moved;
    const overlap = Math.min(interval.end, change.offset + change.deleted) - Math.max(interval.start, change.offset);
    snippet.isDirty = true;
    snippet.removed[author] += Math.max(0, overlap);
    return { ...interval, ...shiftRegion(interval, change, "keep") };
  });
};

/** Where the code stands now, for a person to look at: around its tokens, or where they were. */
export const standsAt = ({ intervals, home, text }: FollowedSnippet): Region => {
  if (intervals.length === 0) return home;
  const start = Math.min(...intervals.map((interval) => interval.start));
  const end = Math.max(...intervals.map((interval) => interval.end));
  if (end - start <= text.length * SCATTERED) return { start, end };
  const longest = [...intervals].sort((a, b) => b.nTokens - a.nTokens)[0] as OwnedInterval;
  return { start: longest.start, end: longest.end };
};

/** Code that spans this many times its length was taken apart: its largest part stands for it. */
const SCATTERED = 4;
