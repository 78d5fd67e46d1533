import { type AnchorRun, ANCHOR_STRIDE, anchorsBetween, type FileAnchors } from "./anchors.ts";
import { type CodeHunk, type FileChange, type HunkSide, readHunk } from "./file-change.ts";
import type { ResurrectionContext } from "./resurrection.ts";
import { sideIds } from "./side-ids.ts";
import { addToFile, aliveMask, aliveTokens, type Snapshot } from "./snapshot.ts";
import { maximalRuns } from "./maximal-runs.ts";
import { createTiling, MIN_RUN_TOKENS, NEAR_TOKENS } from "./token-runs.ts";
import type { TrackedSnippet } from "./tracked-snippet.ts";

/**
 * Lets what stands of a snippet in a changed place grow to lost tokens beside it, by the token rule's last two
 * parts: an edit that is taken back leaves no trace, whether it was undone in one commit or never made.
 * Changes the snapshot; gives the snippets that it found something of.
 */
export const extendAnchors = (
  snapshot: Snapshot,
  changes: readonly FileChange[],
  context: ResurrectionContext,
): Set<number> => {
  const extended = new Set<number>();
  for (const change of changes) {
    if (change.newPath === null) continue;
    for (const hunk of change.hunks) {
      const anchors = snapshot.files.get(change.newPath);
      if (anchors === undefined) break;
      const incomplete = incompleteIn(snapshot, anchors, hunk, context);
      if (incomplete.size === 0) continue;
      const side = readHunk(hunk).new;
      if (!side.isChanged.includes(1)) continue;
      const added = extendInHunk(snapshot, anchors, side, incomplete, context);
      if (added.length === 0) continue;
      for (const { snippet } of added) extended.add(snippet);
      addToFile(snapshot, change.newPath, added);
    }
  }
  return extended;
};

/** Snippets with anchors in a hunk's new lines that have lost tokens. */
const incompleteIn = (
  snapshot: Snapshot,
  anchors: FileAnchors,
  { newStart, nNew }: CodeHunk,
  { snippets, isSought }: ResurrectionContext,
): Set<number> => {
  const incomplete = new Set<number>();
  const [first, end] = anchorsBetween(anchors, newStart, newStart + nNew);
  for (let at = first * ANCHOR_STRIDE; at < end * ANCHOR_STRIDE; at += ANCHOR_STRIDE) {
    const snippet = anchors[at + 2] as number;
    if (incomplete.has(snippet)) continue;
    const { tokens } = snippets[snippet] as TrackedSnippet;
    if (aliveTokens(snapshot, snippet) < tokens.length && isSought(snippet)) incomplete.add(snippet);
  }
  return incomplete;
};

interface Placed {
  readonly token: number;
  readonly index: number;
}

const extendInHunk = (
  snapshot: Snapshot,
  anchors: FileAnchors,
  side: HunkSide,
  incomplete: ReadonlySet<number>,
  { snippets, vocabulary }: ResurrectionContext,
): AnchorRun[] => {
  const { held, placed } = readPlaces(anchors, side, incomplete);
  const ids = sideIds(side, vocabulary);
  const added: AnchorRun[] = [];
  markFree(ids, held, vocabulary.size);
  for (const [snippet, own] of placed) {
    const { ids: wanted } = snippets[snippet] as TrackedSnippet;
    const alive = aliveMask(snapshot, snippet, wanted.length);
    if (!isAnyFree(wanted, alive)) continue;
    const reach = wanted.length + NEAR_TOKENS;
    const start = Math.max(0, Math.min(...own.map(({ index }) => index)) - reach);
    const end = Math.min(ids.length, Math.max(...own.map(({ index }) => index)) + reach + 1);
    const isOwn = new Map(own.map(({ token, index }) => [token, index]));
    const lost = wanted.map((id, at) => (alive[at] === 1 && !isOwn.has(at) ? -2 : id));
    const free = ids.slice(start, end);
    for (let at = 0; at < free.length; at += 1) if (held[start + at] === 1) free[at] = -1;
    for (const { token, index } of own) free[index - start] = wanted[token] as number;
    const tiling = createTiling(lost, free);
    for (const { token, index } of own) tiling.take(token, index - start);
    // A run is placed where four tokens in a row are free: mostly too few in a row were lost.
    if (hasLostRun(lost, isOwn)) for (const run of maximalRuns(lost, free)) if (tiling.isNear(run)) tiling.place(run);
    tiling.grow();
    for (let token = 0; token < wanted.length; token += 1) {
      const place = tiling.placeOf[token] as number;
      if (place === -1 || isOwn.has(token)) continue;
      const index = start + place;
      held[index] = 1;
      const line = side.firstLine + (side.line[index] as number);
      added.push({ line, at: side.at[index] as number, snippet, from: token, length: 1 });
    }
  }
  return added;
};

/** 1 for each token of the vocabulary that stands in the hunk where no snippet holds it, of the last hunk. */
let isFreeHere = new Uint8Array(1_024);
let freeHere: number[] = [];

const markFree = (ids: Int32Array, held: Uint8Array, nWords: number): void => {
  if (isFreeHere.length < nWords) isFreeHere = new Uint8Array(2 * nWords);
  else for (const id of freeHere) isFreeHere[id] = 0;
  freeHere = [];
  for (let at = 0; at < ids.length; at += 1) {
    const id = ids[at] as number;
    if (id < 0 || held[at] === 1 || isFreeHere[id] === 1) continue;
    isFreeHere[id] = 1;
    freeHere.push(id);
  }
};

/** Whether a lost token of a snippet stands in the hunk at all: mostly it was replaced, and nothing has to be tiled. */
const isAnyFree = (ids: Int32Array, alive: Uint8Array): boolean => {
  for (let at = 0; at < ids.length; at += 1) if (alive[at] === 0 && isFreeHere[ids[at] as number] === 1) return true;
  return false;
};

/** Whether so many tokens in a row are lost as a run has. */
const hasLostRun = (lost: Int32Array, isOwn: ReadonlyMap<number, number>): boolean => {
  let length = 0;
  for (let at = 0; at < lost.length; at += 1) {
    length = (lost[at] as number) < 0 || isOwn.has(at) ? 0 : length + 1;
    if (length === MIN_RUN_TOKENS) return true;
  }
  return false;
};

/** 1 for each token of the side that some snippet holds, and what the wanted snippets hold there. */
const readPlaces = (
  anchors: FileAnchors,
  side: HunkSide,
  wanted: ReadonlySet<number>,
): { held: Uint8Array; placed: Map<number, Placed[]> } => {
  const held = new Uint8Array(side.tokens.length);
  const placed = new Map<number, Placed[]>();
  const [first, end] = anchorsBetween(anchors, side.firstLine, side.firstLine + side.lines.length);
  for (let at = first * ANCHOR_STRIDE; at < end * ANCHOR_STRIDE; at += ANCHOR_STRIDE) {
    const line = (anchors[at] as number) - side.firstLine;
    const snippet = anchors[at + 2] as number;
    for (let index = side.starts[line] as number; index < (side.starts[line + 1] as number); index += 1) {
      const offset = (side.at[index] as number) - (anchors[at + 1] as number);
      if (offset < 0 || offset >= (anchors[at + 4] as number)) continue;
      held[index] = 1;
      if (!wanted.has(snippet)) continue;
      const one = { token: (anchors[at + 3] as number) + offset, index };
      const known = placed.get(snippet);
      if (known === undefined) placed.set(snippet, [one]);
      else known.push(one);
    }
  }
  return { held, placed };
};
