import type { FileAnchors } from "./anchors.ts";
import type { FileChange } from "./file-change.ts";
import { mapAnchors } from "./map-anchors.ts";

/** A second place of a snippet in one file. */
export interface Copy {
  readonly snippet: number;
  readonly anchors: FileAnchors;
}

/**
 * Second places by file: later commits wrote the code there while it stood elsewhere. None of their tokens counts
 * as retained as long as the first place holds the code. Never changed once made.
 */
export type Copies = ReadonlyMap<string, readonly Copy[]>;

export const NO_COPIES: Copies = new Map();

/** Carries second places over a commit's changes, as first ones are. */
export const carryCopies = (copies: Copies, changes: readonly FileChange[]): Copies => {
  if (copies.size === 0) return copies;
  const next = new Map(copies);
  const moved: { path: string; list: readonly Copy[] }[] = [];
  let isSame = true;
  for (const { oldPath, newPath, content, hunks } of changes) {
    const list = oldPath === null ? undefined : copies.get(oldPath);
    if (list === undefined || oldPath === null) continue;
    isSame = false;
    next.delete(oldPath);
    if (newPath === null || content !== "text") continue;
    const left = list
      .map(({ snippet, anchors }) => ({ snippet, anchors: mapAnchors(anchors, hunks).anchors }))
      .filter(({ anchors }) => anchors.length > 0);
    if (left.length > 0) moved.push({ path: newPath, list: left });
  }
  for (const { path, list } of moved) next.set(path, list);
  return isSame ? copies : next;
};

/** Snippets that have second places in other files than before. */
export const changedCopies = (before: Copies, after: Copies): Set<number> => {
  const changed = new Set<number>();
  if (before === after) return changed;
  const compare = (one: readonly Copy[], other: readonly Copy[]): void => {
    const known = new Set(other.map(({ snippet }) => snippet));
    for (const { snippet } of one) if (!known.has(snippet)) changed.add(snippet);
  };
  for (const [path, list] of before) if (after.get(path) !== list) compare(list, after.get(path) ?? []);
  for (const [path, list] of after) if (before.get(path) !== list) compare(list, before.get(path) ?? []);
  return changed;
};

/** Adds the second places that another line of history knows in the same tree. */
export const addCopies = (copies: Copies, others: Copies): Copies => {
  let next = copies;
  for (const [path, list] of others) {
    if (copies.get(path) === list) continue;
    const known = new Set(copies.get(path)?.map(({ snippet }) => snippet));
    for (const copy of list) if (!known.has(copy.snippet)) next = withCopy(next, path, copy);
  }
  return next;
};

/** Puts a copy beside those of its file. */
export const withCopy = (copies: Copies, path: string, copy: Copy): Copies =>
  new Map(copies).set(path, [...(copies.get(path) ?? []), copy]);

/** Leaves out the copies of a snippet in one file. */
export const withoutCopy = (copies: Copies, path: string, snippet: number): Copies => {
  const left = (copies.get(path) ?? []).filter((copy) => copy.snippet !== snippet);
  const next = new Map(copies);
  if (left.length === 0) next.delete(path);
  else next.set(path, left);
  return next;
};

/** Files with a second place of a snippet, by name. */
export const copyPaths = (copies: Copies, snippet: number): readonly string[] =>
  copies.size === 0 ? NONE : (pathsOf(copies).get(snippet) ?? NONE);

const NONE: readonly string[] = [];

const pathsOf = (copies: Copies): ReadonlyMap<number, readonly string[]> => {
  const known = knownPaths.get(copies);
  if (known !== undefined) return known;
  const paths = new Map<number, string[]>();
  for (const path of [...copies.keys()].sort()) {
    for (const { snippet } of copies.get(path) ?? []) {
      const own = paths.get(snippet);
      if (own === undefined) paths.set(snippet, [path]);
      else if (!own.includes(path)) own.push(path);
    }
  }
  knownPaths.set(copies, paths);
  return paths;
};

const knownPaths = new WeakMap<Copies, ReadonlyMap<number, readonly string[]>>();
