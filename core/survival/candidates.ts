import { type AddedText, freeIds, presentIn, readAdded } from "./added-text.ts";
import type { FileChange } from "./file-change.ts";
import type { GramIndex } from "./gram-index.ts";
import { mostElsewhere, mostReturned } from "./lost-tokens.ts";
import type { ResurrectionContext } from "./resurrection.ts";
import { aliveMask, aliveTokens, type Snapshot } from "./snapshot.ts";
import { MIN_MOVED_ALPHANUMERICS, MIN_RUN_TOKENS } from "./token-runs.ts";
import type { TrackedSnippet } from "./tracked-snippet.ts";
import { grownList } from "./grown-list.ts";

/** Tokens of a snippet that follow each other in the text as they do in the snippet. */
export interface MatchingRun {
  /** Indices of the text's ids. */
  readonly first: number;
  readonly end: number;
  /** Letters and digits. */
  readonly size: number;
}

/** A snippet that may stand in the text that a commit adds to a file. */
export interface Candidate {
  readonly snippet: number;
  readonly text: AddedText;
  readonly runs: readonly MatchingRun[];
  /** Letters and digits of the longest run. */
  readonly size: number;
  readonly nTokens: number;
  /** 0 for the snippet's own file, 1 for one of the same folder, 2 for others. */
  readonly distance: number;
}

/** The index leaves groups of brackets out, so the longest run that it sees has at least this share of what is needed. */
const INDEXED_SHARE = 0.7;
/** Runs below this size help no snippet but a very short one: letters and digits. */
const SMALLEST_SIZE = 4;

/** Snippets that have lost tokens in the text that a commit adds: nearest files first, then longest matches, then latest. */
export const findCandidates = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  context: ResurrectionContext,
  wanted: Uint8Array,
  touched: ReadonlySet<number>,
): Candidate[] => {
  const candidates: Candidate[] = [];
  const newHere = newSnippetsByFile(context, wanted);
  const { texts, possible } = findPossible(snapshot, changes, context, wanted, touched, newHere);
  for (const { text, common } of texts) {
    if (!common.some((snippet) => possible[snippet] === 1)) continue;
    const { path } = text;
    const listed = new Set<number>();
    const list = (snippet: number, distance: number, runs: readonly MatchingRun[], size: number): void => {
      const nTokens = (context.snippets[snippet] as TrackedSnippet).tokens.length;
      candidates.push({ snippet, text, runs, size, nTokens, distance });
      listed.add(snippet);
    };
    collectHits(context.grams, freeIds(snapshot, text), text.addedGrams, possible);
    for (const snippet of met) {
      const size = matchRuns(snippet, (context.snippets[snippet] as TrackedSnippet).sizes);
      if (size < SMALLEST_SIZE) continue;
      // So little is enough in the snippet's own file alone: nine of ten candidates are done with here.
      const isLittle = size < MIN_MOVED_ALPHANUMERICS * INDEXED_SHARE;
      if (isLittle && !isHome(snapshot, snippet, path, context)) continue;
      const distance = distanceTo(snapshot, snippet, path, context);
      if (size < neededSize(snapshot, { snippet, distance }, context) * INDEXED_SHARE) continue;
      list(snippet, distance, matchedRuns(), size);
    }
    for (const snippet of newHere.get(path) ?? []) {
      if (possible[snippet] === 0) continue;
      // Looked for in the whole text: the little that the index saw of it may stand elsewhere.
      if (!listed.has(snippet)) list(snippet, distanceTo(snapshot, snippet, path, context), [], 0);
    }
  }
  return candidates.sort(
    (left, right) => left.distance - right.distance || right.size - left.size || right.snippet - left.snippet,
  );
};

/** A text that a commit adds, and the snippets that have something in common with it. */
interface SearchedText {
  readonly text: AddedText;
  readonly common: readonly number[];
}

/** 1 for each snippet that may be found, and those that have one. */
let isPossible = new Uint8Array(1_024);
const nowPossible: number[] = [];

/**
 * Of the wanted snippets those of which so much stands in one of the texts at all that it could be found there: a few
 * of the many that have something in common with them, and the texts when there are any. Valid until the next call.
 */
const findPossible = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  context: ResurrectionContext,
  wanted: Uint8Array,
  touched: ReadonlySet<number>,
  newHere: ReadonlyMap<string, number[]>,
): { readonly texts: readonly SearchedText[]; readonly possible: Uint8Array } => {
  const texts: SearchedText[] = [];
  if (isPossible.length < wanted.length) isPossible = new Uint8Array(2 * wanted.length);
  else for (const snippet of nowPossible) isPossible[snippet] = 0;
  nowPossible.length = 0;
  for (const change of changes) {
    if (change.newPath === null || change.hunks.length === 0) continue;
    const text = readAdded(change.newPath, change, context.vocabulary);
    const look = (snippet: number): void => {
      if (isPossible[snippet] === 1 || !mayReturn(snapshot, snippet, text, context, touched.has(snippet))) return;
      isPossible[snippet] = 1;
      nowPossible.push(snippet);
    };
    const found = context.grams.findSnippets(freeIds(snapshot, text), text.addedGrams, wanted);
    const common = [...found, ...(newHere.get(change.newPath) ?? [])];
    common.forEach(look);
    texts.push({ text, common });
  }
  return { texts: nowPossible.length === 0 ? [] : texts, possible: isPossible };
};

/** Whether a text has so much of a snippet's lost tokens, wherever they stand in it, that they could be the snippet. */
const mayReturn = (
  snapshot: Snapshot,
  snippet: number,
  text: AddedText,
  context: ResurrectionContext,
  isTouched: boolean,
): boolean => {
  const { ids, sizes } = context.snippets[snippet] as TrackedSnippet;
  if (ids.length < MIN_RUN_TOKENS) return true;
  const isAtHome = isHome(snapshot, snippet, text.path, context);
  const lost = snapshot.lost.get(snippet);
  const present = presentIn(text, context.vocabulary);
  const needed = neededSize(snapshot, { snippet, distance: isAtHome ? 0 : 2 }, context);
  // Most of lost code lacks one rare token or another in nearly every text.
  const isBounded = !isAtHome && !isTouched && lost !== undefined;
  if (isBounded && mostElsewhere(snippet, lost, { ids, sizes }, aliveTokens(snapshot, snippet), present) < needed)
    return false;
  const sought = (isTouched ? null : lostBefore(snapshot, snippet, ids)) ?? lostIds(snapshot, snippet, ids);
  return mostReturned({ lost, sizes, isHome: isAtHome }, sought, present) >= needed;
};

/** Written anew for each question. */
let lostHere = new Int32Array(1_024);

/**
 * The same as {@link lostIds}, of a snippet whose lines the commit did not go over: what earlier commits took of it
 * says what stands, without a look at its files. Null where that is not all. Valid until the next call.
 */
const lostBefore = (snapshot: Snapshot, snippet: number, ids: Int32Array): Int32Array | null => {
  const losses = snapshot.lost.get(snippet);
  const nAlive = aliveTokens(snapshot, snippet);
  if (nAlive === 0 || losses === undefined) return null;
  if (lostHere.length < ids.length) lostHere = new Int32Array(2 * ids.length);
  let nStanding = 0;
  for (let at = 0; at < ids.length; at += 1) {
    const stands = losses[at] === 0;
    lostHere[at] = stands ? -2 : (ids[at] as number);
    if (stands) nStanding += 1;
  }
  return nStanding === nAlive ? lostHere.subarray(0, ids.length) : null;
};

/** A snippet's tokens, with -2 in place of those that stand somewhere. Not to be changed. */
export const lostIds = (snapshot: Snapshot, snippet: number, ids: Int32Array): Int32Array => {
  if (aliveTokens(snapshot, snippet) === 0) return ids;
  const alive = aliveMask(snapshot, snippet, ids.length);
  const lost = ids.slice();
  for (let at = 0; at < lost.length; at += 1) if (alive[at] === 1) lost[at] = -2;
  return lost;
};

/** Groups of four tokens that the index found in one text, by snippet in the order of the text. Lists that all texts share. */
const met: number[] = [];
let nHits = 0;
let hitAt = new Int32Array(4_096);
let hitToken = new Int32Array(4_096);
/** The next one of the same snippet, and by snippet the first and last one; counted from 1. */
let nextHit = new Int32Array(4_096);
let firstHit = new Int32Array(1_024);
let lastHit = new Int32Array(1_024);

const collectHits = (grams: GramIndex, ids: Int32Array, isAdded: Uint8Array, wanted: Uint8Array): void => {
  for (const snippet of met) firstHit[snippet] = 0;
  met.length = 0;
  nHits = 0;
  if (firstHit.length < wanted.length) {
    firstHit = new Int32Array(2 * wanted.length);
    lastHit = new Int32Array(2 * wanted.length);
  }
  grams.find(ids, isAdded, wanted, noteHit);
};

const noteHit = (at: number, snippet: number, token: number): void => {
  if (nHits === hitAt.length) {
    hitAt = grownList(hitAt);
    hitToken = grownList(hitToken);
    nextHit = grownList(nextHit);
  }
  hitAt[nHits] = at;
  hitToken[nHits] = token;
  nextHit[nHits] = 0;
  nHits += 1;
  if (firstHit[snippet] === 0) {
    firstHit[snippet] = nHits;
    met.push(snippet);
  } else nextHit[(lastHit[snippet] as number) - 1] = nHits;
  lastHit[snippet] = nHits;
};

/** Runs of the snippet that was asked about last, written anew for each. */
let nRuns = 0;
let runDiagonal = new Int32Array(64);
let runFirst = new Int32Array(64);
let runEnd = new Int32Array(64);
let runSize = new Int32Array(64);
/** Last run of each diagonal, once there are many. */
const lastRuns = new Map<number, number>();
/** Runs that are looked through one by one: nearly all snippets have fewer. */
const MAX_LISTED_RUNS = 8;

/**
 * Joins the groups found of a snippet to runs, over groups that the index leaves out. Gives the letters and digits of
 * the longest.
 */
const matchRuns = (snippet: number, sizes: Uint16Array): number => {
  nRuns = 0;
  lastRuns.clear();
  let longest = 0;
  for (let hit = firstHit[snippet] as number; hit !== 0; hit = nextHit[hit - 1] as number) {
    const at = hitAt[hit - 1] as number;
    const diagonal = at - (hitToken[hit - 1] as number);
    let run = lastRunOn(diagonal);
    if (run === -1 || at > (runEnd[run] as number) + MIN_RUN_TOKENS) run = addRun(diagonal, at);
    let size = runSize[run] as number;
    for (let k = runEnd[run] as number; k < at + MIN_RUN_TOKENS; k += 1) size += sizes[k - diagonal] as number;
    runSize[run] = size;
    runEnd[run] = at + MIN_RUN_TOKENS;
    longest = Math.max(longest, size);
  }
  return longest;
};

const lastRunOn = (diagonal: number): number => {
  if (nRuns > MAX_LISTED_RUNS) return lastRuns.get(diagonal) ?? -1;
  for (let run = nRuns - 1; run >= 0; run -= 1) if (runDiagonal[run] === diagonal) return run;
  return -1;
};

const addRun = (diagonal: number, at: number): number => {
  if (nRuns === runFirst.length) {
    runDiagonal = grownList(runDiagonal);
    runFirst = grownList(runFirst);
    runEnd = grownList(runEnd);
    runSize = grownList(runSize);
  }
  runDiagonal[nRuns] = diagonal;
  runFirst[nRuns] = at;
  runEnd[nRuns] = at;
  runSize[nRuns] = 0;
  nRuns += 1;
  if (nRuns === MAX_LISTED_RUNS + 1)
    for (let run = 0; run < nRuns; run += 1) lastRuns.set(runDiagonal[run] as number, run);
  else if (nRuns > MAX_LISTED_RUNS) lastRuns.set(diagonal, nRuns - 1);
  return nRuns - 1;
};

const matchedRuns = (): MatchingRun[] =>
  Array.from({ length: nRuns }, (_, run) => ({
    first: runFirst[run] as number,
    end: runEnd[run] as number,
    size: runSize[run] as number,
  }));

/** Letters and digits from which found tokens are no coincidence: fewer for a short snippet in its own file. */
export const neededSize = (
  snapshot: Snapshot,
  { snippet, distance }: Pick<Candidate, "snippet" | "distance">,
  { snippets }: ResurrectionContext,
): number =>
  distance === 0 && aliveTokens(snapshot, snippet) === 0
    ? neededAtHome((snippets[snippet] as TrackedSnippet).size)
    : MIN_MOVED_ALPHANUMERICS;

const neededAtHome = (size: number): number => Math.min(MIN_MOVED_ALPHANUMERICS, size / 2);

/** Whether the index sees too little of a snippet to find it in its own file: short, or made of brackets and single letters. */
export const isBeyondIndex = (size: number, indexedSize: number): boolean =>
  indexedSize < Math.max(SMALLEST_SIZE, neededAtHome(size) * INDEXED_SHARE);

/** Snippets beyond the index that no commit has held yet, by their own file. */
const newSnippetsByFile = (
  { snippets, short, isNew }: ResurrectionContext,
  wanted: Uint8Array,
): ReadonlyMap<string, number[]> => {
  const byFile = new Map<string, number[]>();
  for (const snippet of short) {
    const { file } = snippets[snippet] as TrackedSnippet;
    if (wanted[snippet] === 0 || !isNew(snippet)) continue;
    const known = byFile.get(file);
    if (known === undefined) byFile.set(file, [snippet]);
    else known.push(snippet);
  }
  return byFile;
};

const isHome = (snapshot: Snapshot, snippet: number, path: string, { snippets }: ResurrectionContext): boolean =>
  (snippets[snippet] as TrackedSnippet).file === path || (snapshot.homes[snippet]?.includes(path) ?? false);

const distanceTo = (snapshot: Snapshot, snippet: number, path: string, context: ResurrectionContext): number => {
  if (isHome(snapshot, snippet, path, context)) return 0;
  const nFolder = path.lastIndexOf("/") + 1;
  if (isInFolderOf((context.snippets[snippet] as TrackedSnippet).file, path, nFolder)) return 1;
  for (const home of snapshot.homes[snippet] ?? []) if (isInFolderOf(home, path, nFolder)) return 1;
  return 2;
};

const isInFolderOf = (file: string, path: string, nFolder: number): boolean =>
  file.lastIndexOf("/") + 1 === nFolder && file.startsWith(path.slice(0, nFolder));
