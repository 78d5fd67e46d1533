import { structuredPatch } from "diff";
import { anchorAt, countAnchors } from "../../../core/survival/anchors.ts";
import { carryOver, settle } from "../../../core/survival/commit-step.ts";
import type { FileChange } from "../../../core/survival/file-change.ts";
import { isBeyondIndex } from "../../../core/survival/candidates.ts";
import { createGramIndex } from "../../../core/survival/gram-index.ts";
import type { ResurrectionContext } from "../../../core/survival/resurrection.ts";
import { aliveTokens, emptySnapshot, filesOf, growSnapshot } from "../../../core/survival/snapshot.ts";
import { type TrackedSnippet, trackSnippet, type Vocabulary } from "../../../core/survival/tracked-snippet.ts";

/** Files of a commit's tree by path. */
export type Tree = Readonly<Record<string, string>>;

/** A line of commits in memory: the pure commit step of the tracker, without git. */
export interface CommitLine {
  /** Goes on to another tree. Renames are what git's `-M` would be told: from the new path to the old one. */
  commit(tree: Tree, renames?: Readonly<Record<string, string>>): void;
  /** Retained share of a snippet's significant tokens. */
  tok(snippet?: number): number;
  files(snippet?: number): string[];
  /** Places of all tokens that stand, as `path:line:ordinal`: each at most once. */
  heldPlaces(): string[];
}

/** Context lines of git's hunks, as the tracker asks for them. */
const CONTEXT_LINES = 3;

export const commitLine = (start: Tree, snippets: readonly { file: string; text: string }[]): CommitLine => {
  const vocabulary: Vocabulary = new Map();
  const grams = createGramIndex();
  const short: number[] = [];
  const tracked: TrackedSnippet[] = snippets.map(({ file, text }, number) => {
    const snippet = trackSnippet({ sid: String(number), file, line: null, text }, vocabulary);
    if (isBeyondIndex(snippet.size, grams.add(number, snippet.ids, snippet.sizes))) short.push(number);
    return snippet;
  });
  const seen = new Set<number>();
  const snapshot = emptySnapshot();
  growSnapshot(snapshot, tracked.length);
  const isLost = (number: number): boolean =>
    aliveTokens(snapshot, number) < (tracked[number] as TrackedSnippet).tokens.length;
  const context: ResurrectionContext = {
    snippets: tracked,
    vocabulary,
    grams,
    short,
    isSought: () => true,
    wanted: () =>
      tracked.some((_, at) => isLost(at)) ? Uint8Array.from(tracked, (_, at) => (isLost(at) ? 1 : 0)) : null,
    isNew: (number) => !seen.has(number),
  };
  let tree = start;
  return {
    commit(next, renames = {}) {
      const changes = changesBetween(tree, next, renames);
      tree = next;
      const { copies } = snapshot;
      const touched = carryOver(snapshot, changes);
      settle(snapshot, changes, touched.keys(), context, copies);
      for (const number of tracked.keys()) if (aliveTokens(snapshot, number) > 0) seen.add(number);
    },
    tok: (number = 0) => aliveTokens(snapshot, number) / (tracked[number] as TrackedSnippet).tokens.length,
    files: (number = 0) => filesOf(snapshot, number),
    heldPlaces: () =>
      [...snapshot.files].flatMap(([path, anchors]) =>
        Array.from({ length: countAnchors(anchors) }, (_, index) => anchorAt(anchors, index)).flatMap((run) =>
          Array.from({ length: run.length }, (_, k) => `${path}:${run.line}:${run.at + k}`),
        ),
      ),
  };
};

const changesBetween = (old: Tree, next: Tree, renames: Readonly<Record<string, string>>): FileChange[] => {
  const changes: FileChange[] = [];
  const moved = new Set(Object.values(renames));
  for (const path of new Set([...Object.keys(old), ...Object.keys(next)])) {
    if (!(path in next)) {
      if (!moved.has(path)) changes.push(changeOf(path, null, old[path] ?? "", ""));
      continue;
    }
    const from = renames[path] ?? (path in old ? path : null);
    const before = from === null ? "" : (old[from] ?? "");
    if (from === path && before === next[path]) continue;
    changes.push(changeOf(from, path, before, next[path] ?? ""));
  }
  return changes;
};

const changeOf = (oldPath: string | null, newPath: string | null, before: string, after: string): FileChange => {
  const { hunks } = structuredPatch("a", "b", before, after, undefined, undefined, { context: CONTEXT_LINES });
  return {
    oldPath,
    newPath,
    newBlob: newPath === null ? null : "0",
    content: "text",
    hunks: hunks.map(({ oldStart, oldLines, newStart, newLines, lines }) => ({
      // Git names the line before a place without lines.
      oldStart: oldLines === 0 ? oldStart - 1 : oldStart,
      nOld: oldLines,
      newStart: newLines === 0 ? newStart - 1 : newStart,
      nNew: newLines,
      lines: () => lines.filter((line) => !line.startsWith("\\")),
      known: null,
    })),
  };
};
