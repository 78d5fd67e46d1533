import { type AnchorRun, packAnchors, type FileAnchors, anchorAt, countAnchors } from "./anchors.ts";
import { type FileChange, type HunkSide, readHunk } from "./file-change.ts";
import type { GramIndex } from "./gram-index.ts";
import { ownersIn } from "./map-anchors.ts";
import { aliveMask, aliveTokens, setFileAnchors, type Snapshot } from "./snapshot.ts";
import { keepRunsOfIds, MIN_MOVED_ALPHANUMERICS, type TokenRun } from "./token-runs.ts";
import type { TrackedSnippet, Vocabulary } from "./tracked-snippet.ts";

export interface ResurrectionContext {
  readonly snippets: readonly TrackedSnippet[];
  readonly vocabulary: Vocabulary;
  readonly grams: GramIndex;
  /** Whether a snippet may be found in this commit: it was accepted before it, and not undone. */
  isSought(snippet: number): boolean;
  /** Snippets too short for the index. */
  readonly short: readonly number[];
  /** True before any commit was seen to hold the snippet: then its own file is where it belongs, however short it is. */
  isNew(snippet: number): boolean;
}

/** Files that one snippet is put together from; more are chance. */
const MAX_FILES_OF_SNIPPET = 6;
/** Hundredths of certainty of a place (survival.md section 2.3). */
export const CONF_ANCHORED = 100;
const CONF_RESURRECTED = 80;
const CONF_AMBIGUOUS = 30;

/** The text that a change adds, its hunks after each other. */
interface AddedText {
  readonly path: string;
  readonly sides: readonly HunkSide[];
  /** Ids of the tokens of all sides with a break between sides; -1 for tokens that no snippet holds. */
  readonly ids: Int32Array;
  /** Side and token index of each id; -1 for a break. */
  readonly sideOf: Int32Array;
  readonly indexOf: Int32Array;
}

interface Candidate {
  readonly snippet: number;
  readonly text: AddedText;
  /** Four-token groups of the snippet that the text holds. */
  nGrams: number;
  /** 0 for the snippet's own file, 1 for one of the same folder, 2 for others. */
  readonly distance: number;
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
  const isLost = (snippet: number): boolean =>
    aliveTokens(snapshot, snippet) < (context.snippets[snippet] as TrackedSnippet).tokens.length;
  const candidates = findCandidates(snapshot, changes, context, isLost);
  const nFiles = new Map<number, number>();
  for (const [index, candidate] of candidates.entries()) {
    const { snippet } = candidate;
    const nTried = nFiles.get(snippet) ?? 0;
    if (nTried >= MAX_FILES_OF_SNIPPET || !isLost(snippet)) continue;
    nFiles.set(snippet, nTried + 1);
    const before = aliveTokens(snapshot, snippet);
    if (!placeCandidate(snapshot, candidate, context)) continue;
    found.add(snippet);
    const gained = aliveTokens(snapshot, snippet) - before;
    if (gained * 2 < aliveTokens(snapshot, snippet)) continue;
    const isAmbiguous = candidates
      .slice(index + 1)
      .some(
        (other) =>
          other.snippet === snippet && other.nGrams === candidate.nGrams && other.distance === candidate.distance,
      );
    const isHome = candidate.distance === 0 && context.isNew(snippet);
    snapshot.conf[snippet] = isAmbiguous ? CONF_AMBIGUOUS : isHome ? CONF_ANCHORED : CONF_RESURRECTED;
  }
  return found;
};

const findCandidates = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  context: ResurrectionContext,
  isLost: (snippet: number) => boolean,
): Candidate[] => {
  const candidates: Candidate[] = [];
  const newHere = newSnippetsByFile(context, isLost);
  for (const change of changes) {
    if (change.newPath === null || change.hunks.length === 0) continue;
    const path = change.newPath;
    const text = readAdded(path, change, context.vocabulary);
    const here = new Map<number, Candidate>();
    const meet = (snippet: number): Candidate => {
      let candidate = here.get(snippet);
      if (candidate === undefined) {
        candidate = { snippet, text, nGrams: 0, distance: distanceTo(snapshot, snippet, path, context) };
        here.set(snippet, candidate);
      }
      return candidate;
    };
    context.grams.find(text.ids, (snippet, at) => {
      if (!isLost(snippet) || !context.isSought(snippet)) return;
      // Context lines alone were there before.
      for (let k = at; k < at + 4; k += 1) {
        const side = text.sides[text.sideOf[k] as number] as HunkSide;
        if (side.isChanged[side.line[text.indexOf[k] as number] as number] === 0) continue;
        meet(snippet).nGrams += 1;
        return;
      }
    });
    for (const snippet of newHere.get(path) ?? []) if (context.isSought(snippet)) meet(snippet);
    candidates.push(...here.values());
  }
  return candidates.sort(
    (left, right) => left.distance - right.distance || right.nGrams - left.nGrams || right.snippet - left.snippet,
  );
};

/** Snippets too short for the index that no commit has held yet, by their own file. */
const newSnippetsByFile = (
  { snippets, short, isNew }: ResurrectionContext,
  isLost: (snippet: number) => boolean,
): ReadonlyMap<string, number[]> => {
  const byFile = new Map<string, number[]>();
  for (const snippet of short) {
    const { file } = snippets[snippet] as TrackedSnippet;
    if (!isLost(snippet) || !isNew(snippet)) continue;
    const known = byFile.get(file);
    if (known === undefined) byFile.set(file, [snippet]);
    else known.push(snippet);
  }
  return byFile;
};

const distanceTo = (snapshot: Snapshot, snippet: number, path: string, { snippets }: ResurrectionContext): number => {
  const homes = snapshot.homes[snippet] ?? [];
  const all = [(snippets[snippet] as TrackedSnippet).file, ...homes];
  if (all.includes(path)) return 0;
  const folder = folderOf(path);
  return all.some((home) => folderOf(home) === folder) ? 1 : 2;
};

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);

const addedTexts = new WeakMap<FileChange, AddedText>();

const readAdded = (path: string, change: FileChange, vocabulary: Vocabulary): AddedText => {
  const known = addedTexts.get(change);
  if (known !== undefined) return known;
  const sides = change.hunks.map((hunk) => readHunk(hunk).new);
  const nIds = sides.reduce((sum, side) => sum + side.tokens.length + 1, 0);
  const ids = new Int32Array(nIds).fill(-1);
  const sideOf = new Int32Array(nIds).fill(-1);
  const indexOf = new Int32Array(nIds).fill(-1);
  let end = 0;
  for (const [number, side] of sides.entries()) {
    for (let index = 0; index < side.tokens.length; index += 1) {
      ids[end] = vocabulary.get(side.tokens[index] as string) ?? -1;
      sideOf[end] = number;
      indexOf[end] = index;
      end += 1;
    }
    end += 1;
  }
  const text = { path, sides, ids, sideOf, indexOf };
  addedTexts.set(change, text);
  return text;
};

const placeCandidate = (
  snapshot: Snapshot,
  { snippet, text, distance }: Candidate,
  context: ResurrectionContext,
): boolean => {
  const { ids, sizes, size } = context.snippets[snippet] as TrackedSnippet;
  const alive = aliveMask(snapshot, snippet, ids.length);
  const isWhollyLost = !alive.includes(1);
  // Tokens that stand somewhere are taken out on the snippet's side, and places that are held on the other.
  const lost = ids.map((id, at) => (alive[at] === 1 ? -2 : id));
  const free = freeIds(snapshot.files.get(text.path), text);
  const runs = keepRunsOfIds(lost, free, (at) => sizes[at] as number);
  const isHome = distance === 0 && context.isNew(snippet);
  const needed =
    isWhollyLost && (isHome || distance === 0) ? Math.min(MIN_MOVED_ALPHANUMERICS, size / 2) : MIN_MOVED_ALPHANUMERICS;
  const found = runs.reduce((sum, run) => sum + sizeOf(run, sizes), 0);
  if (runs.length === 0 || found < needed) return false;
  const added: AnchorRun[] = [];
  for (const run of runs) {
    for (let k = 0; k < run.length; k += 1) {
      const side = text.sides[text.sideOf[run.to + k] as number] as HunkSide;
      const index = text.indexOf[run.to + k] as number;
      added.push({
        line: side.firstLine + (side.line[index] as number),
        at: side.at[index] as number,
        snippet,
        from: run.from + k,
        length: 1,
      });
    }
  }
  setFileAnchors(snapshot, text.path, addAnchors(snapshot.files.get(text.path), added));
  return true;
};

const sizeOf = (run: TokenRun, sizes: Uint16Array): number => {
  let sum = 0;
  for (let k = 0; k < run.length; k += 1) sum += sizes[run.from + k] as number;
  return sum;
};

const freeIds = (anchors: FileAnchors | undefined, { ids, sides }: AddedText): Int32Array => {
  if (anchors === undefined) return ids;
  const free = ids.slice();
  let start = 0;
  for (const side of sides) {
    const owners = ownersIn(side, anchors);
    for (let index = 0; index < owners.length; index += 1) if (owners[index] !== -1) free[start + index] = -1;
    start += owners.length + 1;
  }
  return free;
};

export const addAnchors = (known: FileAnchors | undefined, added: readonly AnchorRun[]): FileAnchors => {
  if (known === undefined) return packAnchors(added);
  const runs = [...added];
  for (let index = 0; index < countAnchors(known); index += 1) runs.push(anchorAt(known, index));
  return packAnchors(runs);
};
