import { type AddedText, anchorIn, firstTokenFrom, isNewToken, presentIn, takenIn } from "./added-text.ts";
import type { AnchorRun } from "./anchors.ts";
import { type Candidate, findCandidates, lostIds, neededSize } from "./candidates.ts";
import { copyPaths } from "./copies.ts";
import type { FileChange } from "./file-change.ts";
import type { GramIndex } from "./gram-index.ts";
import { mostReturned, partsOf, returnedRuns } from "./lost-tokens.ts";
import { addToFile, aliveTokens, type Snapshot } from "./snapshot.ts";
import type { TextBefore } from "./text-before.ts";
import type { TokenRun } from "./maximal-runs.ts";
import { keepRunsOfIds, MIN_RUN_TOKENS } from "./token-runs.ts";
import { indexText } from "./text-grams.ts";
import type { TrackedSnippet, Vocabulary } from "./tracked-snippet.ts";

export interface ResurrectionContext {
  readonly snippets: readonly TrackedSnippet[];
  readonly vocabulary: Vocabulary;
  readonly grams: GramIndex;
  /** Whether a snippet may be found in this commit: it was accepted before it, and not undone. */
  isSought(snippet: number): boolean;
  /**
   * 1 for each snippet that is sought and of which so much stands nowhere that it could be found; null when there is
   * none. Valid until the next call.
   */
  wanted(snapshot: Snapshot): Uint8Array | null;
  /** Snippets that the index sees too little of: {@link isBeyondIndex}. */
  readonly short: readonly number[];
  /** True before any commit was seen to hold the snippet: then its own file is where it belongs, however short it is. */
  isNew(snippet: number): boolean;
}

/** Files that one snippet is put together from; more are chance. */
const MAX_FILES_OF_SNIPPET = 6;
/** Text that one snippet is aligned with, tokens. */
const MAX_ALIGNED_TOKENS = 20_000;
/** Shorter matches are found beside longer ones, or not at all: letters and digits. */
const MIN_ALIGNED_SIZE = 12;
/** Hundredths of certainty of a place (survival.md section 2.3). */
export const CONF_ANCHORED = 100;
export const CONF_RESURRECTED = 80;
const CONF_AMBIGUOUS = 30;

/**
 * Finds lost tokens of snippets in the text that a commit adds (survival.md section 3.5 d): code that was
 * moved, taken back from a revert, or written again by a rebase, a squash or a cherry-pick. Changes the
 * snapshot; gives the snippets that it found something of. `wanted` are those of {@link ResurrectionContext.wanted}, `touched` those whose lines
 * the commit went over.
 */
export const resurrect = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  wanted: Uint8Array,
  context: ResurrectionContext,
  touched: ReadonlySet<number>,
  textBefore: () => TextBefore,
): Set<number> => {
  const found = new Set<number>();
  const isLost = (snippet: number): boolean =>
    aliveTokens(snapshot, snippet) < (context.snippets[snippet] as TrackedSnippet).tokens.length;
  const candidates = findCandidates(snapshot, changes, context, wanted, touched);
  const bySnippet = Map.groupBy(candidates, ({ snippet }) => snippet);
  const nFiles = new Map<number, number>();
  const takenOf = new Map<AddedText, Uint8Array>();
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

const placeCandidate = (
  snapshot: Snapshot,
  candidate: Candidate,
  context: ResurrectionContext,
  taken: Uint8Array,
  textBefore: () => TextBefore,
): boolean => {
  const { snippet, text } = candidate;
  const { ids, sizes, line } = context.snippets[snippet] as TrackedSnippet;
  // Tokens that stand somewhere are taken out on the snippet's side, and places that are held on the other.
  const lost = lostIds(snapshot, snippet, ids);
  const needed = neededSize(snapshot, candidate, context);
  const losses = snapshot.lost.get(snippet);
  const isHome = candidate.distance === 0;
  if (lost.length >= MIN_RUN_TOKENS) {
    // Most candidates were found by tokens that stand elsewhere, and nothing that is lost of them can be here.
    if (mostReturned({ lost: losses, sizes, isHome }, lost, presentIn(text, context.vocabulary)) < needed) return false;
    text.grams ??= indexText(text.ids);
    if (!text.grams.hasAny(lost, taken)) return false;
  }
  const { free, indices } = freeIds(candidate, taken);
  // Code that no commit held yet may have lines in common with the text that it took the place of.
  const isFirst = context.isNew(snippet);
  const near = isFirst && isHome ? placeOfLine(text, indices, free.length, line) : 0;
  const kept = keepRunsOfIds(lost, free, (at) => sizes[at] as number, "significant", near);
  const all = isFirst ? kept : newRuns(kept, sizes, (place) => isNewToken(text, indices[place] as number));
  const hasCopies = copyPaths(snapshot.copies, snippet).length > 0;
  const question = { runs: all, ids, sizes, isHome, hasCopies, textBefore };
  const runs = losses === undefined ? all : returnedRuns({ ...question, lost: losses });
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

/** Where in the free ids the line begins that the code was accepted on: of code that repeats itself the copy there is it. */
const placeOfLine = (text: AddedText, indices: Int32Array, nFree: number, line: number | null): number => {
  if (line === null) return 0;
  const start = firstTokenFrom(text, line);
  for (let at = 0; at < nFree; at += 1) if ((indices[at] as number) >= start) return at;
  return nFree;
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
