import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileAnchors, ANCHOR_STRIDE } from "../core/survival/anchors.ts";
import { emptySnapshot, growSnapshot, setFileAnchors, type Snapshot } from "../core/survival/snapshot.ts";
import type { SnippetChange, WalkContext, WalkedSnippet } from "./commit-walk.ts";

/** Where the refs stood at the last look, by name. */
export type SeenRefs = Readonly<Record<string, string>>;

/** What is worth keeping between two runs. All of it can be had again by walking the history. */
export interface Tips {
  readonly refs: SeenRefs;
  readonly commits: readonly string[];
  /** Losses on a branch while another place still held the code, by snippet. */
  readonly pending: ReadonlyMap<number, readonly SnippetChange[]>;
}

interface Stored {
  readonly version: 1;
  readonly sids: readonly string[];
  readonly introducedBy: readonly (readonly string[])[];
  readonly refs: SeenRefs;
  /** Anchors of files, each list once, in base64. */
  readonly anchors: readonly string[];
  readonly tips: Readonly<Record<string, { readonly files: Readonly<Record<string, number>>; readonly conf: string }>>;
  readonly pending: readonly (readonly [number, readonly SnippetChange[]])[];
}

const NAME = "tips.json";

/** Reads the cache into the context; null when there is none, or it does not fit the log. */
export const loadTips = async (
  folder: string,
  context: WalkContext,
  numbers: ReadonlyMap<string, number>,
): Promise<Omit<Tips, "commits"> | null> => {
  try {
    const stored = JSON.parse(await readFile(join(folder, NAME), "utf8")) as Stored;
    if (stored.version !== 1) return null;
    // Numbers of snippets go by the order of the log, which may have grown or shrunk since.
    const renumbered = stored.sids.map((sid) => numbers.get(sid) ?? -1);
    const lists = stored.anchors.map((text) => renumber(decode(text), renumbered));
    for (const [index, commits] of stored.introducedBy.entries()) {
      const snippet = context.snippets[renumbered[index] ?? -1] as WalkedSnippet | undefined;
      snippet?.introducedBy.push(...commits);
    }
    for (const [commit, { files, conf }] of Object.entries(stored.tips)) {
      const snapshot = emptySnapshot();
      growSnapshot(snapshot, context.snippets.length);
      for (const [path, index] of Object.entries(files)) setFileAnchors(snapshot, path, lists[index] as FileAnchors);
      for (const [index, value] of Buffer.from(conf, "base64").entries()) {
        const number = renumbered[index] ?? -1;
        if (number !== -1) snapshot.conf[number] = value;
      }
      context.snapshots.set(commit, snapshot);
    }
    const pending = new Map<number, SnippetChange[]>();
    for (const [index, changes] of stored.pending) {
      const snippet = renumbered[index] ?? -1;
      if (snippet !== -1)
        pending.set(
          snippet,
          changes.map((change) => ({ ...change, snippet })),
        );
    }
    return { refs: stored.refs, pending };
  } catch {
    context.snapshots.clear();
    return null;
  }
};

/** Writes the cache; a torn write leaves the last one. */
export const saveTips = async (
  folder: string,
  context: WalkContext,
  { refs, commits, pending }: Tips,
): Promise<void> => {
  const lists: FileAnchors[] = [];
  const indexOf = new Map<FileAnchors, number>();
  const tips: Record<string, { files: Record<string, number>; conf: string }> = {};
  for (const commit of commits) {
    const snapshot: Snapshot | undefined = context.snapshots.get(commit);
    if (snapshot === undefined) continue;
    const files: Record<string, number> = {};
    for (const [path, anchors] of snapshot.files) {
      let index = indexOf.get(anchors);
      if (index === undefined) {
        index = lists.push(anchors) - 1;
        indexOf.set(anchors, index);
      }
      files[path] = index;
    }
    tips[commit] = { files, conf: Buffer.from(snapshot.conf).toString("base64") };
  }
  const stored: Stored = {
    version: 1,
    sids: context.snippets.map(({ sid }) => sid),
    introducedBy: context.snippets.map(({ introducedBy }) => introducedBy),
    refs,
    anchors: lists.map(encode),
    tips,
    pending: [...pending],
  };
  await store(folder, stored);
};

/** Takes snippets out of the cache of a folder: their ids, their places, and names of files that held nothing else. */
export const forgetInTips = async (folder: string, sids: ReadonlySet<string>): Promise<void> => {
  try {
    const stored = JSON.parse(await readFile(join(folder, NAME), "utf8")) as Stored;
    if (stored.version !== 1) throw new Error("of another version");
    const numbers = stored.sids.map((sid, number) => (sids.has(sid) ? -1 : number));
    const lists = stored.anchors.map((text) => renumber(decode(text), numbers));
    const tips = Object.entries(stored.tips).map(([commit, tip]) => {
      const files = Object.entries(tip.files).filter(([, index]) => lists[index]?.length !== 0);
      return [commit, { ...tip, files: Object.fromEntries(files) }] as const;
    });
    await store(folder, {
      ...stored,
      sids: stored.sids.map((sid) => (sids.has(sid) ? "" : sid)),
      introducedBy: stored.introducedBy.map((commits, number) => (numbers[number] === -1 ? [] : commits)),
      anchors: lists.map(encode),
      tips: Object.fromEntries(tips),
      pending: stored.pending.filter(([number]) => numbers[number] !== -1),
    });
  } catch {
    // All of it can be had again from the history.
    await rm(join(folder, NAME), { force: true });
  }
};

const store = async (folder: string, stored: Stored): Promise<void> => {
  await writeFile(join(folder, `${NAME}.new`), JSON.stringify(stored), { mode: 0o600 });
  await rename(join(folder, `${NAME}.new`), join(folder, NAME));
};

const encode = (anchors: FileAnchors): string =>
  Buffer.from(anchors.buffer, anchors.byteOffset, anchors.byteLength).toString("base64");

const decode = (text: string): FileAnchors => {
  const bytes = Buffer.from(text, "base64");
  const anchors = new Int32Array(bytes.length >> 2);
  for (let at = 0; at < anchors.length; at += 1) anchors[at] = bytes.readInt32LE(at * 4);
  return anchors;
};

const renumber = (anchors: FileAnchors, numbers: readonly number[]): FileAnchors => {
  const kept: number[] = [];
  for (let at = 0; at < anchors.length; at += ANCHOR_STRIDE) {
    const number = numbers[anchors[at + 2] as number] ?? -1;
    if (number === -1) continue;
    for (let k = 0; k < ANCHOR_STRIDE; k += 1) kept.push(k === 2 ? number : (anchors[at + k] as number));
  }
  return Int32Array.from(kept);
};
