import { type AddedText, anchorIn, isAdded, isNewToken, readAdded, readBefore, takenIn } from "./added-text.ts";
import type { AnchorRun } from "./anchors.ts";
import type { FileChange } from "./file-change.ts";
import type { GramIndex } from "./gram-index.ts";
import { partsOf, type ReturnQuestion, returnedRuns } from "./lost-tokens.ts";
import { addToFile, aliveMask, aliveTokens, type Snapshot } from "./snapshot.ts";
import { keepRunsOfIds, MIN_MOVED_ALPHANUMERICS, MIN_RUN_TOKENS, type TokenRun } from "./token-runs.ts";
import { indexText } from "./text-grams.ts";
import type { TrackedSnippet, Vocabulary } from "./tracked-snippet.ts";

export interface ResurrectionContext {
  readonly snippets: readonly TrackedSnippet[];
  readonly vocabulary: Vocabulary;
  readonly grams: GramIndex;
  /** Whether a snippet may be found in this commit: it was accepted before it, and not undone. */
  isSought(snippet: number): boolean;
  /** 1 for each snippet that is sought and has tokens that stand nowhere; null when there is none. Valid until the next call. */
  wanted(snapshot: Snapshot): Uint8Array | null;
  /** Snippets that the index sees too little of: {@link isBeyondIndex}. */
  readonly short: readonly number[];
  /** True before any commit was seen to hold the snippet: then its own file is where it belongs, however short it is. */
  isNew(snippet: number): boolean;
}

/** Files that one snippet is put together from; more are chance. */
const MAX_FILES_OF_SNIPPET = 6;
/** The index leaves groups of brackets out, so the longest run that it sees has at least this share of what is needed. */
const INDEXED_SHARE = 0.7;
/** Text that one snippet is aligned with, tokens. */
const MAX_ALIGNED_TOKENS = 20_000;
/** Shorter matches are found beside longer ones, or not at all: letters and digits. */
const MIN_ALIGNED_SIZE = 12;
/** Runs below this size help no snippet but a very short one: letters and digits. */
const SMALLEST_SIZE = 4;
/** Hundredths of certainty of a place (survival.md section 2.3). */
export const CONF_ANCHORED = 100;
export const CONF_RESURRECTED = 80;
const CONF_AMBIGUOUS = 30;

/** Tokens of a snippet that follow each other in the text as they do in the snippet. */
interface MatchingRun {
  /** The place in the text less the token. */
  readonly diagonal: number;
  /** Indices of the text's ids. */
  readonly first: number;
  end: number;
  /** Letters and digits. */
  size: number;
}

interface Candidate {
  readonly snippet: number;
  readonly text: AddedText;
  readonly runs: MatchingRun[];
  /** Last run of each diagonal, once there are many. */
  lastRuns: Map<number, MatchingRun> | null;
  /** Letters and digits of the longest run. */
  size: number;
  readonly nTokens: number;
  /** 0 for the snippet's own file, 1 for one of the same folder, 2 for others. */
  distance: number;
}

/**
 * Finds lost tokens of snippets in the text that a commit adds (survival.md section 3.5 d): code that was
 * moved, taken back from a revert, or written again by a rebase, a squash or a cherry-pick. Changes the
 * snapshot; gives the snippets that it found something of.
 */
export const resurrect = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  context: ResurrectionContext,
): Set<number> => {
  const found = new Set<number>();
  const wanted = context.wanted(snapshot);
  if (wanted === null) return found;
  const isLost = (snippet: number): boolean =>
    aliveTokens(snapshot, snippet) < (context.snippets[snippet] as TrackedSnippet).tokens.length;
  const candidates = findCandidates(snapshot, changes, context, wanted);
  const bySnippet = Map.groupBy(candidates, ({ snippet }) => snippet);
  const nFiles = new Map<number, number>();
  const takenOf = new Map<AddedText, Uint8Array>();
  let oldText: ReturnType<ReturnQuestion["textBefore"]> | null = null;
  const textBefore: ReturnQuestion["textBefore"] = () => {
    if (oldText === null) {
      const ids = readBefore(changes, context.vocabulary);
      oldText = { ids, grams: indexText(ids) };
    }
    return oldText;
  };
  for (const candidate of candidates) {
    const { snippet } = candidate;
    const nTried = nFiles.get(snippet) ?? 0;
    if (nTried >= MAX_FILES_OF_SNIPPET || !isLost(snippet)) continue;
    nFiles.set(snippet, nTried + 1);
    const before = aliveTokens(snapshot, snippet);
    let taken = takenOf.get(candidate.text);
    if (taken === undefined) {
      taken = takenIn(snapshot.files.get(candidate.text.path), candidate.text);
      takenOf.set(candidate.text, taken);
    }
    if (!placeCandidate(snapshot, candidate, context, taken, textBefore)) continue;
    found.add(snippet);
    const gained = aliveTokens(snapshot, snippet) - before;
    if (gained * 2 < aliveTokens(snapshot, snippet)) continue;
    const isAmbiguous = (bySnippet.get(snippet) ?? []).some(
      (other) => other !== candidate && other.size === candidate.size && other.distance === candidate.distance,
    );
    const isExpected = candidate.distance === 0 && context.isNew(snippet);
    snapshot.conf[snippet] = isAmbiguous ? CONF_AMBIGUOUS : isExpected ? CONF_ANCHORED : CONF_RESURRECTED;
  }
  return found;
};

const findCandidates = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  context: ResurrectionContext,
  wanted: Uint8Array,
): Candidate[] => {
  const candidates: Candidate[] = [];
  const newHere = newSnippetsByFile(context, wanted);
  for (const change of changes) {
    if (change.newPath === null || change.hunks.length === 0) continue;
    const path = change.newPath;
    const text = readAdded(path, change, context.vocabulary);
    const here = new Map<number, Candidate>();
    const listed = new Set<number>();
    const meet = (snippet: number): Candidate => {
      let candidate = here.get(snippet);
      if (candidate === undefined) {
        const { tokens } = context.snippets[snippet] as TrackedSnippet;
        candidate = { snippet, text, runs: [], lastRuns: null, size: 0, distance: 2, nTokens: tokens.length };
        here.set(snippet, candidate);
      }
      return candidate;
    };
    let seenAt = -1;
    let isSeenAdded = false;
    const anchors = snapshot.files.get(path);
    const free = anchors === undefined ? text.ids : withoutTaken(text, takenIn(anchors, text));
    context.grams.find(free, wanted, (at, snippet, token) => {
      if (at !== seenAt) [seenAt, isSeenAdded] = [at, isAdded(text, at)];
      if (!isSeenAdded) return;
      noteGram(meet(snippet), at, token, (context.snippets[snippet] as TrackedSnippet).sizes);
    });
    for (const candidate of here.values()) {
      if (candidate.size < SMALLEST_SIZE) continue;
      // So little is enough in the snippet's own file alone: nine of ten candidates are done with here.
      const isLittle = candidate.size < MIN_MOVED_ALPHANUMERICS * INDEXED_SHARE;
      if (isLittle && !isHome(snapshot, candidate.snippet, path, context)) continue;
      candidate.distance = distanceTo(snapshot, candidate.snippet, path, context);
      if (candidate.size < neededSize(snapshot, candidate, context) * INDEXED_SHARE) continue;
      candidates.push(candidate);
      listed.add(candidate.snippet);
    }
    for (const snippet of newHere.get(path) ?? []) {
      if (listed.has(snippet)) continue;
      // Looked for in the whole text: the little that the index saw of it may stand elsewhere.
      here.delete(snippet);
      const candidate = meet(snippet);
      candidate.distance = distanceTo(snapshot, snippet, path, context);
      candidates.push(candidate);
    }
  }
  return candidates.sort(
    (left, right) => left.distance - right.distance || right.size - left.size || right.snippet - left.snippet,
  );
};

/** Adds four matching tokens to the run that they continue, if only groups that the index leaves out lie between. */
const noteGram = (candidate: Candidate, at: number, token: number, sizes: Uint16Array): void => {
  const diagonal = at - token;
  let run = lastRunOn(candidate, diagonal);
  if (run === undefined || at > run.end + MIN_RUN_TOKENS) {
    run = { diagonal, first: at, end: at, size: 0 };
    candidate.runs.push(run);
    candidate.lastRuns?.set(diagonal, run);
  }
  for (let k = run.end; k < at + MIN_RUN_TOKENS; k += 1) run.size += sizes[k - at + token] as number;
  run.end = at + MIN_RUN_TOKENS;
  candidate.size = Math.max(candidate.size, run.size);
};

/** Runs that are looked through one by one: nearly all candidates have fewer. */
const MAX_LISTED_RUNS = 8;

const lastRunOn = (candidate: Candidate, diagonal: number): MatchingRun | undefined => {
  const { runs } = candidate;
  if (runs.length > MAX_LISTED_RUNS) {
    candidate.lastRuns ??= new Map(runs.map((run) => [run.diagonal, run]));
    return candidate.lastRuns.get(diagonal);
  }
  for (let index = runs.length - 1; index >= 0; index -= 1) {
    const run = runs[index] as MatchingRun;
    if (run.diagonal === diagonal) return run;
  }
  return undefined;
};

const withoutTaken = ({ ids }: AddedText, taken: Uint8Array): Int32Array =>
  ids.map((id, at) => (taken[at] === 1 ? -1 : id));

/** Letters and digits from which found tokens are no coincidence: fewer for a short snippet in its own file. */
const neededSize = (snapshot: Snapshot, { snippet, distance }: Candidate, { snippets }: ResurrectionContext): number =>
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

const placeCandidate = (
  snapshot: Snapshot,
  candidate: Candidate,
  context: ResurrectionContext,
  taken: Uint8Array,
  textBefore: ReturnQuestion["textBefore"],
): boolean => {
  const { snippet, text } = candidate;
  const { ids, sizes } = context.snippets[snippet] as TrackedSnippet;
  const alive = aliveMask(snapshot, snippet, ids.length);
  // Tokens that stand somewhere are taken out on the snippet's side, and places that are held on the other.
  const lost = ids.map((id, at) => (alive[at] === 1 ? -2 : id));
  const needed = neededSize(snapshot, candidate, context);
  if (lost.length >= MIN_RUN_TOKENS) {
    // Most candidates were found by tokens that stand elsewhere, and nothing that is lost of them can be here.
    if (sizeOfLost(lost, sizes) < needed) return false;
    text.grams ??= indexText(text.ids);
    if (!text.grams.hasAny(lost, taken)) return false;
  }
  const { free, indices } = freeIds(candidate, taken);
  const kept = keepRunsOfIds(lost, free, (at) => sizes[at] as number);
  // Code that no commit held yet may have lines in common with the text that it took the place of.
  const isFirst = context.isNew(snippet);
  const all = isFirst ? kept : newRuns(kept, sizes, (place) => isNewToken(text, indices[place] as number));
  const losses = snapshot.lost.get(snippet);
  const isHome = candidate.distance === 0;
  const runs = losses === undefined ? all : returnedRuns({ runs: all, lost: losses, ids, sizes, isHome, textBefore });
  const found = runs.reduce((sum, run) => sum + sizeOf(run, sizes), 0);
  if (runs.length === 0 || found < needed) return false;
  const added: AnchorRun[] = [];
  for (const run of runs) {
    for (let k = 0; k < run.length; k += 1) {
      const place = indices[run.to + k] as number;
      taken[place] = 1;
      added.push(anchorIn(text, place, snippet, run.from + k));
    }
  }
  addToFile(snapshot, text.path, added);
  return true;
};

/**
 * Context lines stood in the changed place before, so what was taken elsewhere is not there, but git may show a line
 * of what was moved as context where it stands beside an equal one. Parts of runs on context lines count where the
 * rest of the run has as many letters and digits.
 */
const newRuns = (
  runs: readonly TokenRun[],
  sizes: Uint16Array,
  isNew: (place: number) => boolean,
): readonly TokenRun[] =>
  runs.flatMap((run) => {
    let [nNew, nOld] = [0, 0];
    for (let k = 0; k < run.length; k += 1) {
      const size = sizes[run.from + k] as number;
      if (isNew(run.to + k)) nNew += size;
      else nOld += size;
    }
    return nNew >= nOld ? [run] : partsOf(run, (k) => !isNew(run.to + k));
  });

const sizeOf = (run: TokenRun, sizes: Uint16Array): number => {
  let sum = 0;
  for (let k = 0; k < run.length; k += 1) sum += sizes[run.from + k] as number;
  return sum;
};

const sizeOfLost = (lost: Int32Array, sizes: Uint16Array): number => {
  let sum = 0;
  for (let at = 0; at < lost.length; at += 1) if ((lost[at] as number) >= 0) sum += sizes[at] as number;
  return sum;
};

/** Free ids and their places in the text, written anew for each candidate. */
const freeIdsHere = new Int32Array(2 * MAX_ALIGNED_TOKENS);
const indicesHere = new Int32Array(2 * MAX_ALIGNED_TOKENS);

/**
 * The text around what the index found, as free ids with breaks between, and the place of each in the text. Valid
 * until the next call.
 */
const freeIds = (candidate: Candidate, taken: Uint8Array): { free: Int32Array; indices: Int32Array } => {
  const { text, nTokens } = candidate;
  let nFree = 0;
  let end = 0;
  const take = (from: number, to: number): void => {
    if (from > end && nFree > 0) {
      freeIdsHere[nFree] = -1;
      indicesHere[nFree] = -1;
      nFree += 1;
    }
    for (let at = Math.max(from, end); at < to && nFree < MAX_ALIGNED_TOKENS; at += 1) {
      freeIdsHere[nFree] = taken[at] === 1 ? -1 : (text.ids[at] as number);
      indicesHere[nFree] = at;
      nFree += 1;
    }
    end = Math.max(end, to);
  };
  const enough = Math.min(MIN_ALIGNED_SIZE, candidate.size);
  const runs = candidate.runs.filter(({ size }) => size >= enough);
  if (runs.length === 0) take(0, text.ids.length);
  for (const { first, end: last } of runs.sort((left, right) => left.first - right.first)) {
    take(Math.max(0, first - nTokens), Math.min(text.ids.length, last + nTokens));
  }
  return { free: freeIdsHere.subarray(0, nFree), indices: indicesHere };
};
