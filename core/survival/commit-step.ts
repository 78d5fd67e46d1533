import {
  ANCHOR_STRIDE,
  anchorAt,
  type AnchorRun,
  anchorsBetween,
  countAnchors,
  type FileAnchors,
  packAnchors,
} from "./anchors.ts";
import { extendAnchors } from "./extend-anchors.ts";
import { carryCopies, type Copies } from "./copies.ts";
import { type FileChange, readHunk } from "./file-change.ts";
import { isOfParts, isTaken, noteLosses } from "./lost-tokens.ts";
import { mapAnchors, type TouchedHunk } from "./map-anchors.ts";
import { type ResurrectionContext, resurrect } from "./resurrection.ts";
import { noteCopies, takeOver } from "./second-places.ts";
import { addToFile, aliveMask, aliveTokens, growSnapshot, setFileAnchors, type Snapshot } from "./snapshot.ts";
import { dropTaken, type OtherParent } from "./taken-elsewhere.ts";
import { textBeforeOf } from "./text-before.ts";
import { MIN_MOVED_ALPHANUMERICS, MIN_RUN_TOKENS } from "./token-runs.ts";
import type { TrackedSnippet } from "./tracked-snippet.ts";

/** A hunk that took lines of a snippet, and the change that it belongs to. */
export interface TouchedSnippet extends TouchedHunk {
  readonly change: FileChange;
}

/** What a commit did to the snippets whose lines it touched. */
export interface StepResult {
  /** Snippets of which more or less may stand now. */
  readonly affected: ReadonlySet<number>;
  readonly touched: ReadonlyMap<number, readonly TouchedSnippet[]>;
}

/** Carries a parent's snapshot over a commit's changes, in place: steps a and c of survival.md section 3.5. */
export const carryOver = (snapshot: Snapshot, changes: readonly FileChange[]): Map<number, TouchedSnippet[]> => {
  const touched = new Map<number, TouchedSnippet[]>();
  const moved: { path: string; anchors: FileAnchors }[] = [];
  for (const change of changes) {
    const { oldPath, newPath } = change;
    const anchors = oldPath === null ? undefined : snapshot.files.get(oldPath);
    if (anchors === undefined || oldPath === null) continue;
    if (newPath === null || change.content !== "text") {
      for (const hunk of change.hunks) note(mapAnchors(anchors, [hunk]).touched, change);
      noteAll(anchors);
      setFileAnchors(snapshot, oldPath, EMPTY);
      continue;
    }
    const mapped = mapAnchors(anchors, change.hunks);
    note(mapped.touched, change);
    if (oldPath === newPath) setFileAnchors(snapshot, newPath, mapped.anchors);
    else {
      noteAll(anchors);
      // Two files may change names with each other: all leave before any arrives.
      setFileAnchors(snapshot, oldPath, EMPTY);
      moved.push({ path: newPath, anchors: mapped.anchors });
    }
  }
  for (const { path, anchors } of moved) setFileAnchors(snapshot, path, anchors);
  snapshot.copies = carryCopies(snapshot.copies, changes);
  return touched;

  function noteAll(anchors: FileAnchors): void {
    for (let index = 0; index < countAnchors(anchors); index += 1) {
      const { snippet } = anchorAt(anchors, index);
      if (!touched.has(snippet)) touched.set(snippet, []);
    }
  }

  function note(hunks: readonly TouchedHunk[], change: FileChange): void {
    for (const hunk of hunks) {
      const known = touched.get(hunk.snippet);
      if (known === undefined) touched.set(hunk.snippet, [{ ...hunk, change }]);
      else known.push({ ...hunk, change });
    }
  }
};

const EMPTY: FileAnchors = new Int32Array(0);

/**
 * Adds to a snapshot what another one of the same tree holds and it lacks: step c. The first place of a token
 * wins. `isNew` says what a merge changed of its first parent: tokens that the line of that parent took stand
 * again only there, because elsewhere it had a text already that is not the snippet, and not from a line of history
 * that never held more than parts.
 */
export const addSource = (
  snapshot: Snapshot,
  other: Snapshot,
  snippets: readonly TrackedSnippet[],
  isNew: ((path: string, line: number) => boolean) | null = null,
): Set<number> => {
  const gained = new Set<number>();
  for (let snippet = 0; snippet < snippets.length; snippet += 1) {
    const nTokens = (snippets[snippet] as TrackedSnippet).tokens.length;
    if (aliveTokens(snapshot, snippet) === nTokens || aliveTokens(other, snippet) === 0) continue;
    const alive = aliveMask(snapshot, snippet, nTokens);
    const lost = snapshot.lost.get(snippet);
    const isPart = isOfParts(other.lost.get(snippet));
    for (const path of other.homes[snippet] ?? []) {
      const mayStand = (token: number, line: number): boolean =>
        isNew === null || !isTaken(lost?.[token]) || (!isPart && isNew(path, line));
      const added = missingRuns(snapshot.files.get(path), other.files.get(path), snippet, alive, mayStand);
      if (added.length === 0) continue;
      addToFile(snapshot, path, added);
      gained.add(snippet);
    }
    if (gained.has(snippet)) snapshot.conf[snippet] = Math.max(snapshot.conf[snippet] ?? 0, other.conf[snippet] ?? 0);
  }
  return gained;
};

/** Whether a line of a tree is one that the changes brought. */
export const addedLines = (changes: readonly FileChange[]): ((path: string, line: number) => boolean) => {
  const byPath = new Map(changes.map((change) => [change.newPath, change]));
  return (path, line) => {
    const hunk = byPath.get(path)?.hunks.find(({ newStart, nNew }) => line >= newStart && line < newStart + nNew);
    return hunk !== undefined && readHunk(hunk).newOther[line - hunk.newStart] === -1;
  };
};

const missingRuns = (
  known: FileAnchors | undefined,
  other: FileAnchors | undefined,
  snippet: number,
  alive: Uint8Array,
  mayStand: (token: number, line: number) => boolean,
): AnchorRun[] => {
  const added: AnchorRun[] = [];
  if (other === undefined) return added;
  for (let offset = 0; offset < other.length; offset += ANCHOR_STRIDE) {
    if (other[offset + 2] !== snippet) continue;
    const run = anchorAt(other, offset / ANCHOR_STRIDE);
    for (let k = 0; k < run.length; k += 1) {
      if (alive[run.from + k] === 1 || isHeld(known, run.line, run.at + k)) continue;
      if (!mayStand(run.from + k, run.line)) continue;
      alive[run.from + k] = 1;
      added.push({ ...run, at: run.at + k, from: run.from + k, length: 1 });
    }
  }
  return added;
};

/** Whether a token of some snippet stands at a place. */
const isHeld = (anchors: FileAnchors | undefined, line: number, ordinal: number): boolean => {
  if (anchors === undefined) return false;
  const [first, end] = anchorsBetween(anchors, line, line + 1);
  for (let offset = first * ANCHOR_STRIDE; offset < end * ANCHOR_STRIDE; offset += ANCHOR_STRIDE) {
    const at = anchors[offset + 1] as number;
    if (at <= ordinal && ordinal < at + (anchors[offset + 4] as number)) return true;
  }
  return false;
};

/**
 * Finishes a commit's snapshot once all sources are in it: growth, resurrection from the text that the commit
 * adds, what the lines of a merge's other parents took, and the rule that a few tokens of a snippet are chance.
 * `copiesBefore` are the second places before the commit.
 */
export const settle = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  touched: Iterable<number>,
  context: ResurrectionContext,
  copiesBefore: Copies,
  others: readonly OtherParent[] = [],
): Set<number> => {
  growSnapshot(snapshot, context.snippets.length);
  const stood = new Set(touched);
  const affected = new Set(stood);
  const brought = others.length === 0 ? new Set<number>() : new Set(stood);
  for (const snippet of extendAnchors(snapshot, changes, context)) affected.add(snippet);
  const textBefore = textBeforeOf(changes, context.vocabulary);
  const isRead = changes.some(({ newPath, hunks }) => newPath !== null && hunks.length > 0);
  const wanted = isRead ? context.wanted(snapshot) : null;
  if (wanted !== null)
    for (const snippet of resurrect(snapshot, changes, wanted, context, affected, textBefore)) brought.add(snippet);
  for (const snippet of takeOver(snapshot, stood, context)) affected.add(snippet);
  for (const snippet of brought) affected.add(snippet);
  for (const other of others)
    for (const snippet of dropTaken(snapshot, other, addedLines(changes))) affected.add(snippet);
  const isNextLine = lineOrder(changes);
  for (const snippet of affected)
    dropChance(snapshot, snippet, context.snippets[snippet] as TrackedSnippet, isNextLine);
  noteLosses(snapshot, affected, stood, context.snippets);
  // Of code that the commit itself brings twice nobody can say which is the first.
  const mayBeCopied = (snippet: number): boolean => !brought.has(snippet) && !context.isNew(snippet);
  noteCopies(snapshot, changes, copiesBefore, mayBeCopied, context, textBefore);
  return affected;
};

/** Blank lines that one run of tokens may skip, where the commit does not show what is on them. */
const MAX_SKIPPED_LINES = 3;

/** The end of a run of tokens: a line of a file, and the ordinal behind the run's last token. */
interface RunEnd {
  readonly path: string;
  readonly line: number;
  readonly at: number;
}

/**
 * Tells whether a run that ends on one line goes on at the beginning of a later one, with no other token between.
 * Of lines that the commit does not show that is taken for granted: it was so when it last showed them.
 */
const lineOrder = (changes: readonly FileChange[]): ((end: RunEnd, line: number) => boolean) => {
  const byPath = new Map(changes.map((change) => [change.newPath, change]));
  const lastOrdinal = (path: string, line: number): number | null => {
    const hunk = byPath.get(path)?.hunks.find(({ newStart, nNew }) => line >= newStart && line < newStart + nNew);
    if (hunk === undefined) return null;
    const { starts, at } = readHunk(hunk).new;
    const index = line - hunk.newStart;
    const end = starts[index + 1] ?? 0;
    return end === starts[index] ? -1 : (at[end - 1] as number);
  };
  return ({ path, line, at }, next) => {
    if (next - line > MAX_SKIPPED_LINES + 1) return false;
    for (let between = line; between < next; between += 1) {
      const last = lastOrdinal(path, between);
      if (last !== null && last >= (between === line ? at : 0)) return false;
    }
    return true;
  };
};

/** What is left of a snippet counts from a run of four tokens and twenty letters and digits (or half of its own) on. */
const dropChance = (
  snapshot: Snapshot,
  snippet: number,
  { tokens, sizes, size }: TrackedSnippet,
  isNextLine: (end: RunEnd, line: number) => boolean,
): void => {
  const nAlive = aliveTokens(snapshot, snippet);
  if (nAlive === 0 || nAlive === tokens.length) return;
  const alive = aliveMask(snapshot, snippet, tokens.length);
  let found = 0;
  for (let at = 0; at < alive.length; at += 1) if (alive[at] === 1) found += sizes[at] as number;
  if (
    found >= Math.min(MIN_MOVED_ALPHANUMERICS, size / 2) &&
    longestRun(snapshot, snippet, isNextLine) >= MIN_RUN_TOKENS
  )
    return;
  for (const path of snapshot.homes[snippet] ?? []) {
    const anchors = snapshot.files.get(path);
    if (anchors === undefined) continue;
    const kept: AnchorRun[] = [];
    for (let index = 0; index < countAnchors(anchors); index += 1) {
      const run = anchorAt(anchors, index);
      if (run.snippet !== snippet) kept.push(run);
    }
    if (kept.length < countAnchors(anchors)) setFileAnchors(snapshot, path, packAnchors(kept));
  }
};

const longestRun = (
  snapshot: Snapshot,
  snippet: number,
  isNextLine: (end: RunEnd, line: number) => boolean,
): number => {
  let longest = 0;
  for (const path of snapshot.homes[snippet] ?? []) {
    const anchors = snapshot.files.get(path);
    if (anchors === undefined) continue;
    let length = 0;
    let end = { path, from: -1, line: -1, at: -1 };
    for (let index = 0; index < countAnchors(anchors); index += 1) {
      const run = anchorAt(anchors, index);
      if (run.snippet !== snippet) continue;
      const isBeside = run.line === end.line ? run.at === end.at : run.at === 0 && isNextLine(end, run.line);
      const continues = run.from === end.from && isBeside;
      length = continues ? length + run.length : run.length;
      longest = Math.max(longest, length);
      end = { path, from: run.from + run.length, line: run.line, at: run.at + run.length };
    }
  }
  return longest;
};
