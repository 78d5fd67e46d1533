import { type AddedText, anchorIn, freeIds, isAdded, readAdded } from "./added-text.ts";
import { anchorAt, type AnchorRun, countAnchors, packAnchors } from "./anchors.ts";
import { type Copies, type Copy, copyPaths, withCopy, withoutCopy } from "./copies.ts";
import type { FileChange } from "./file-change.ts";
import { CONF_RESURRECTED, type ResurrectionContext } from "./resurrection.ts";
import { addToFile, aliveMask, aliveTokens, type Snapshot } from "./snapshot.ts";
import { heldBefore, type TextBefore } from "./text-before.ts";
import { keepRunsOfIds } from "./token-runs.ts";
import type { TrackedSnippet } from "./tracked-snippet.ts";

/**
 * A move in two commits: one writes the code a second time, a later one takes out the first place. The second
 * place is written down when it appears, and takes over when the first one dies, so that what stands does not
 * depend on whether the two commits were one (P9). Code that stood twice when it was accepted has no second
 * place: nobody can say which of the two would be left. Nor can anybody of code that was written a third time: it is
 * a pattern that a project repeats, and its other places are no move. A commit that moves or edits a copy has not
 * written it.
 */

/** Share of what stands, or of what a commit took, that a second place has to hold, by letters and digits. */
const COPIED_FROM = 0.9;
/** A commit that takes less of what stood than this is an edit of the first place. */
const DYING_FROM = 0.5;
/** Shorter code is written a second time by chance: letters and digits. */
const MIN_COPIED = 40;
const MAX_COPIES_PER_SNIPPET = 3;
/** Tokens that a copy may be shifted by within itself. */
const SLACK_TOKENS = 24;

/** Writes down where a commit writes code a second time. `copiesBefore` are those before it. Changes the snapshot. */
export const noteCopies = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  copiesBefore: Copies,
  mayBeCopied: (snippet: number) => boolean,
  context: ResurrectionContext,
  textBefore: () => TextBefore,
): void => {
  for (const change of changes) {
    const path = change.newPath;
    if (path === null || change.hunks.length === 0) continue;
    const text = readAdded(path, change, context.vocabulary);
    context.grams.probes.find(text.ids, (at, snippet, token) => {
      if (!mayBeCopied(snippet) || !context.isSought(snippet) || !isAdded(text, at)) return;
      const { tokens, size } = context.snippets[snippet] as TrackedSnippet;
      if (size < MIN_COPIED || 2 * aliveTokens(snapshot, snippet) < tokens.length) return;
      const known = copyPaths(snapshot.copies, snippet);
      if (known.length >= MAX_COPIES_PER_SNIPPET || known.includes(path)) return;
      const anchors = copyAt(snapshot, text, freeIds(snapshot, text), snippet, at - token, context);
      if (anchors === null) return;
      const isCarried = known.length < copyPaths(copiesBefore, snippet).length;
      if (!isCarried && stoodBeside(snapshot, changes, snippet, context, textBefore())) return;
      snapshot.copies = withCopy(snapshot.copies, path, { snippet, anchors: packAnchors(anchors) });
    });
  }
};

/** What stands of a snippet, if nearly all of it is in the text around the place where its first token would be. */
const copyAt = (
  snapshot: Snapshot,
  text: AddedText,
  free: Int32Array,
  snippet: number,
  start: number,
  { snippets }: ResurrectionContext,
): AnchorRun[] | null => {
  const { ids, sizes } = snippets[snippet] as TrackedSnippet;
  const standing = standingIds(snapshot, snippet, ids);
  const isInPlace = (at: number): boolean => standing[at] === free[start + at];
  let [size, inPlace] = [0, 0];
  for (let at = 0; at < ids.length; at += 1) {
    if ((standing[at] as number) < 0) continue;
    size += sizes[at] as number;
    if (standing[at] === free[start + at]) inPlace += sizes[at] as number;
  }
  const needed = COPIED_FROM * size;
  // Most probes are found in texts that share a phrase with the snippet and nothing else.
  if (2 * inPlace < needed) return null;
  const anchors: AnchorRun[] = [];
  if (inPlace >= needed) {
    for (let at = 0; at < ids.length; at += 1) if (isInPlace(at)) anchors.push(anchorIn(text, start + at, snippet, at));
    return anchors;
  }
  const first = Math.max(0, start - SLACK_TOKENS);
  const around = free.subarray(first, Math.min(free.length, start + ids.length + SLACK_TOKENS));
  let found = 0;
  for (const run of keepRunsOfIds(standing, around, (at) => sizes[at] as number)) {
    for (let k = 0; k < run.length; k += 1) {
      found += sizes[run.from + k] as number;
      anchors.push(anchorIn(text, first + run.to + k, snippet, run.from + k));
    }
  }
  return found >= needed ? anchors : null;
};

/**
 * Whether half of what stands of a snippet stood in the changed places before, beside the snippet itself: then the
 * commit moves or edits code that stood twice already, and writes nothing a second time.
 */
const stoodBeside = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  snippet: number,
  { snippets }: ResurrectionContext,
  text: TextBefore,
): boolean => {
  const { ids, sizes } = snippets[snippet] as TrackedSnippet;
  const standing = standingIds(snapshot, snippet, ids);
  if (!text.grams.hasAny(standing, null)) return false;
  const held = heldBefore(text, snapshot, changes, snippet);
  const others = text.ids.map((id, at) => (held[at] === 1 ? -1 : id));
  let found = 0;
  for (const { from, length } of keepRunsOfIds(standing, others, (at) => sizes[at] as number))
    for (let at = from; at < from + length; at += 1) found += sizes[at] as number;
  return 2 * found >= sizeWhere(sizes, (at) => (standing[at] as number) >= 0);
};

/** A snippet's tokens, with -2 in place of those that stand nowhere. Not to be changed. */
const standingIds = (snapshot: Snapshot, snippet: number, ids: Int32Array): Int32Array => {
  if (aliveTokens(snapshot, snippet) === ids.length) return ids;
  const alive = aliveMask(snapshot, snippet, ids.length);
  return ids.map((id, at) => (alive[at] === 1 ? id : -2));
};

const sizeWhere = (sizes: Uint16Array, holds: (at: number) => boolean): number => {
  let sum = 0;
  for (let at = 0; at < sizes.length; at += 1) if (holds(at)) sum += sizes[at] as number;
  return sum;
};

/**
 * Lets second places take over from first ones that a commit took. `stood` are the snippets whose lines it went
 * over. Changes the snapshot; gives the snippets that stand elsewhere now.
 */
export const takeOver = (
  snapshot: Snapshot,
  stood: ReadonlySet<number>,
  { snippets, isSought }: ResurrectionContext,
): Set<number> => {
  const taken = new Set<number>();
  if (snapshot.copies.size === 0) return taken;
  for (const snippet of stood) {
    const { tokens, sizes } = snippets[snippet] as TrackedSnippet;
    if (aliveTokens(snapshot, snippet) === tokens.length || !isSought(snippet)) continue;
    const alive = aliveMask(snapshot, snippet, tokens.length);
    const earlier = snapshot.lost.get(snippet);
    const isGone = (at: number): boolean => alive[at] === 0 && (earlier?.[at] ?? 0) === 0;
    const gone = sizeWhere(sizes, isGone);
    if (gone < DYING_FROM * (gone + sizeWhere(sizes, (at) => alive[at] === 1))) continue;
    const [path, ...others] = copyPaths(snapshot.copies, snippet);
    if (path === undefined || others.length > 0) continue;
    const runs = freeRuns(snapshot, path, snippet, isGone);
    if (sizeOfRuns(runs, sizes) < COPIED_FROM * gone) continue;
    addToFile(snapshot, path, runs);
    snapshot.copies = withoutCopy(snapshot.copies, path, snippet);
    snapshot.conf[snippet] = CONF_RESURRECTED;
    taken.add(snippet);
  }
  return taken;
};

/** Wanted tokens of a copy at places that no snippet holds. */
const freeRuns = (
  { files, copies }: Snapshot,
  path: string,
  snippet: number,
  isWanted: (token: number) => boolean,
): AnchorRun[] => {
  const held = new Set<string>();
  const anchors = files.get(path);
  for (let index = 0; anchors !== undefined && index < countAnchors(anchors); index += 1) {
    const run = anchorAt(anchors, index);
    for (let k = 0; k < run.length; k += 1) held.add(`${run.line}:${run.at + k}`);
  }
  return (copies.get(path) ?? [])
    .filter((copy) => copy.snippet === snippet)
    .flatMap(tokensOf)
    .filter(({ line, at, from }) => isWanted(from) && !held.has(`${line}:${at}`));
};

const tokensOf = ({ anchors }: Copy): AnchorRun[] =>
  Array.from({ length: countAnchors(anchors) }, (_, index) => anchorAt(anchors, index)).flatMap((run) =>
    Array.from({ length: run.length }, (_, k) => ({ ...run, at: run.at + k, from: run.from + k, length: 1 })),
  );

const sizeOfRuns = (runs: readonly AnchorRun[], sizes: Uint16Array): number =>
  runs.reduce((sum, { from }) => sum + (sizes[from] as number), 0);
