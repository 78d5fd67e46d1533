import { type AnchorRun, anchorsBetween, ANCHOR_STRIDE } from "./anchors.ts";
import { type FileChange, type HunkSide, readHunk } from "./file-change.ts";
import { ownersIn } from "./map-anchors.ts";
import { addAnchors, type ResurrectionContext } from "./resurrection.ts";
import { aliveMask, aliveTokens, setFileAnchors, type Snapshot } from "./snapshot.ts";
import { createTiling, maximalRuns } from "./token-runs.ts";
import type { TrackedSnippet } from "./tracked-snippet.ts";

/**
 * Lets what stands of a snippet in a changed place grow to lost tokens beside it, by the token rule's last two
 * parts: an edit that is taken back leaves no trace, whether it was undone in one commit or never made.
 * Changes the snapshot.
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
      if (hunk.nNew === 0) continue;
      const [first, end] = anchorsBetween(anchors, hunk.newStart, hunk.newStart + hunk.nNew);
      const incomplete = new Set<number>();
      for (let at = first * ANCHOR_STRIDE; at < end * ANCHOR_STRIDE; at += ANCHOR_STRIDE) {
        const snippet = anchors[at + 2] as number;
        const { tokens } = context.snippets[snippet] as TrackedSnippet;
        if (aliveTokens(snapshot, snippet) < tokens.length && context.isSought(snippet)) incomplete.add(snippet);
      }
      if (incomplete.size === 0) continue;
      const side = readHunk(hunk).new;
      if (!side.isChanged.includes(1)) continue;
      for (const snippet of incomplete) {
        if (extendIn(snapshot, change.newPath, side, snippet, context)) extended.add(snippet);
      }
    }
  }
  return extended;
};

const extendIn = (
  snapshot: Snapshot,
  path: string,
  side: HunkSide,
  snippet: number,
  { snippets, vocabulary }: ResurrectionContext,
): boolean => {
  const { ids } = snippets[snippet] as TrackedSnippet;
  const anchors = snapshot.files.get(path);
  const owners = ownersIn(side, anchors);
  const placed = placedTokens(snapshot, path, side, snippet);
  const alive = aliveMask(snapshot, snippet, ids.length);
  const lost = ids.map((id, at) => (alive[at] === 1 && !placed.has(at) ? -2 : id));
  const to = Int32Array.from(side.tokens, (token, index) => {
    const owner = owners[index] as number;
    return owner !== -1 && owner !== snippet ? -1 : (vocabulary.get(token) ?? -1);
  });
  const tiling = createTiling(lost, to);
  for (const [at, place] of placed) tiling.take(at, place);
  for (const run of maximalRuns(lost, to)) if (tiling.isNear(run)) tiling.place(run);
  tiling.grow();
  const added: AnchorRun[] = [];
  for (let at = 0; at < ids.length; at += 1) {
    const place = tiling.placeOf[at] as number;
    if (place === -1 || placed.has(at)) continue;
    const line = side.firstLine + (side.line[place] as number);
    added.push({ line, at: side.at[place] as number, snippet, from: at, length: 1 });
  }
  if (added.length === 0) return false;
  setFileAnchors(snapshot, path, addAnchors(anchors, added));
  return true;
};

/** Tokens of a snippet that stand in a side, with the index of each there. */
const placedTokens = (snapshot: Snapshot, path: string, side: HunkSide, snippet: number): Map<number, number> => {
  const placed = new Map<number, number>();
  const anchors = snapshot.files.get(path);
  if (anchors === undefined) return placed;
  const [first, end] = anchorsBetween(anchors, side.firstLine, side.firstLine + side.lines.length);
  for (let at = first * ANCHOR_STRIDE; at < end * ANCHOR_STRIDE; at += ANCHOR_STRIDE) {
    if (anchors[at + 2] !== snippet) continue;
    const line = (anchors[at] as number) - side.firstLine;
    for (let index = side.starts[line] as number; index < (side.starts[line + 1] as number); index += 1) {
      const offset = (side.at[index] as number) - (anchors[at + 1] as number);
      if (offset >= 0 && offset < (anchors[at + 4] as number)) placed.set((anchors[at + 3] as number) + offset, index);
    }
  }
  return placed;
};
