import { ANCHOR_STRIDE, type AnchorRun, type FileAnchors, mergeAnchors, packAnchors } from "./anchors.ts";
import { type Copies, copyPaths, NO_COPIES } from "./copies.ts";
import type { LostTokens } from "./lost-tokens.ts";

/** Where the tokens of all snippets stand in the tree of one commit. No token of a snippet stands twice. */
export interface Snapshot {
  readonly files: Map<string, FileAnchors>;
  /** Tokens of each snippet that stand in the tree. */
  alive: Int32Array;
  /** Files that hold each snippet; may name files that no longer do. */
  homes: (readonly string[] | undefined)[];
  /** How sure the place of each snippet is, in hundredths (survival.md section 2.3). */
  conf: Uint8Array;
  /** Of snippets that do not stand whole, what this line of history took when. */
  readonly lost: Map<number, LostTokens>;
  /** Second places of code that stands. */
  copies: Copies;
}

export const emptySnapshot = (): Snapshot => ({
  files: new Map(),
  alive: new Int32Array(0),
  homes: [],
  conf: new Uint8Array(0),
  lost: new Map(),
  copies: NO_COPIES,
});

export const cloneSnapshot = ({ files, alive, homes, conf, lost, copies }: Snapshot): Snapshot => ({
  files: new Map(files),
  alive: alive.slice(),
  homes: homes.slice(),
  conf: conf.slice(),
  lost: new Map(lost),
  copies,
});

/** Makes room for snippets that were accepted since the snapshot was made. */
export const growSnapshot = (snapshot: Snapshot, nSnippets: number): void => {
  if (snapshot.alive.length >= nSnippets) return;
  // Rounded up, so that following each accept alone does not copy each time.
  const size = Math.ceil((nSnippets + 1) / 64) * 64;
  const alive = new Int32Array(size);
  alive.set(snapshot.alive);
  snapshot.alive = alive;
  const conf = new Uint8Array(size);
  conf.set(snapshot.conf);
  snapshot.conf = conf;
};

export const aliveTokens = (snapshot: Snapshot, snippet: number): number => snapshot.alive[snippet] ?? 0;

/** Puts a file's anchors in place of those it had, and counts. */
export const setFileAnchors = (snapshot: Snapshot, path: string, anchors: FileAnchors): void => {
  const known = snapshot.files.get(path);
  if (known !== undefined) count(snapshot, known, -1);
  if (anchors.length === 0) {
    snapshot.files.delete(path);
    return;
  }
  snapshot.files.set(path, anchors);
  count(snapshot, anchors, 1);
  let last = -1;
  for (let at = 2; at < anchors.length; at += ANCHOR_STRIDE) {
    const snippet = anchors[at] as number;
    if (snippet !== last) settleIn(snapshot, snippet, path);
    last = snippet;
  }
};

/** Adds anchors to those of a file: tokens that stood nowhere until now. */
export const addToFile = (snapshot: Snapshot, path: string, added: readonly AnchorRun[]): void => {
  const known = snapshot.files.get(path);
  snapshot.files.set(path, known === undefined ? packAnchors(added) : mergeAnchors(known, added));
  let last = -1;
  for (const { snippet, length } of added) {
    snapshot.alive[snippet] = (snapshot.alive[snippet] as number) + length;
    if (snippet !== last) settleIn(snapshot, snippet, path);
    last = snippet;
  }
};

const settleIn = (snapshot: Snapshot, snippet: number, path: string): void => {
  const homes = snapshot.homes[snippet];
  if (homes === undefined) snapshot.homes[snippet] = [path];
  else if (!homes.includes(path)) snapshot.homes[snippet] = [...homes.filter((home) => snapshot.files.has(home)), path];
};

const count = ({ alive }: Snapshot, anchors: FileAnchors, sign: 1 | -1): void => {
  for (let at = 0; at < anchors.length; at += ANCHOR_STRIDE) {
    const snippet = anchors[at + 2] as number;
    alive[snippet] = (alive[snippet] as number) + sign * (anchors[at + 4] as number);
  }
};

/** 1 for every token of a snippet that stands somewhere in the tree. */
export const aliveMask = (snapshot: Snapshot, snippet: number, nTokens: number): Uint8Array => {
  const mask = new Uint8Array(nTokens);
  if (aliveTokens(snapshot, snippet) === 0) return mask;
  for (const path of snapshot.homes[snippet] ?? []) {
    const anchors = snapshot.files.get(path);
    if (anchors === undefined) continue;
    for (let at = 0; at < anchors.length; at += ANCHOR_STRIDE) {
      if (anchors[at + 2] !== snippet) continue;
      const from = anchors[at + 3] as number;
      mask.fill(1, from, from + (anchors[at + 4] as number));
    }
  }
  return mask;
};

/** The only file that can hold a snippet, in its first or a second place; null when there are several, or none. */
export const onlyFileOf = (snapshot: Snapshot, snippet: number): string | null => {
  if (aliveTokens(snapshot, snippet) === 0 || copyPaths(snapshot.copies, snippet).length > 0) return null;
  const homes = snapshot.homes[snippet] ?? [];
  if (homes.length === 1) return homes[0] as string;
  let only: string | null = null;
  for (const path of homes) {
    if (!snapshot.files.has(path)) continue;
    if (only !== null) return null;
    only = path;
  }
  return only;
};

/** Files that hold a snippet, most tokens first, and behind them those of its second places. */
export const filesOf = (snapshot: Snapshot, snippet: number): string[] => {
  const only = onlyFileOf(snapshot, snippet);
  if (only !== null) return [only];
  if (aliveTokens(snapshot, snippet) === 0) return [];
  const counts: { path: string; nTokens: number }[] = [];
  for (const path of snapshot.homes[snippet] ?? []) {
    const anchors = snapshot.files.get(path);
    if (anchors === undefined) continue;
    let nTokens = 0;
    for (let at = 0; at < anchors.length; at += ANCHOR_STRIDE) {
      if (anchors[at + 2] === snippet) nTokens += anchors[at + 4] as number;
    }
    if (nTokens > 0) counts.push({ path, nTokens });
  }
  counts.sort((left, right) => right.nTokens - left.nTokens || (left.path < right.path ? -1 : 1));
  return [...new Set([...counts.map(({ path }) => path), ...copyPaths(snapshot.copies, snippet)])];
};
