import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type FileAnchors, ANCHOR_STRIDE } from "../core/survival/anchors.ts";
import type { LostTokens } from "../core/survival/lost-tokens.ts";
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

interface StoredTip {
  readonly files: Readonly<Record<string, number>>;
  readonly conf: string;
  /** By the index of the snippet's id, which of the lists of losses. */
  readonly lost: readonly (readonly [number, number])[];
}

interface Stored {
  readonly version: 2;
  readonly sids: readonly string[];
  readonly introducedBy: readonly (readonly string[])[];
  readonly refs: SeenRefs;
  /** Anchors of files, each list once, in base64. */
  readonly anchors: readonly string[];
  /** Losses of snippets that do not stand whole, each list once, in base64. */
  readonly losses: readonly string[];
  readonly tips: Readonly<Record<string, StoredTip>>;
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
    if (stored.version !== 2) return null;
    // Numbers of snippets go by the order of the log, which may have grown or shrunk since.
    const renumbered = stored.sids.map((sid) => numbers.get(sid) ?? -1);
    const lists = stored.anchors.map((text) => renumber(decode(text), renumbered));
    for (const [index, commits] of stored.introducedBy.entries()) {
      const snippet = context.snippets[renumbered[index] ?? -1] as WalkedSnippet | undefined;
      snippet?.introducedBy.push(...commits);
    }
    const losses = stored.losses.map((text) => decodeLosses(text));
    for (const [commit, { files, conf, lost }] of Object.entries(stored.tips)) {
      const snapshot = emptySnapshot();
      growSnapshot(snapshot, context.snippets.length);
      for (const [path, index] of Object.entries(files)) setFileAnchors(snapshot, path, lists[index] as FileAnchors);
      for (const [index, value] of Buffer.from(conf, "base64").entries()) {
        const number = renumbered[index] ?? -1;
        if (number !== -1) snapshot.conf[number] = value;
      }
      for (const [index, list] of lost) {
        const number = renumbered[index] ?? -1;
        const known = losses[list];
        if (number !== -1 && known !== undefined) snapshot.lost.set(number, known);
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
  const losses: LostTokens[] = [];
  const indexOfLosses = new Map<LostTokens, number>();
  const tips: Record<string, StoredTip> = {};
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
    const lost = [...snapshot.lost].map(([number, list]): readonly [number, number] => {
      const index = indexOfLosses.get(list) ?? losses.push(list) - 1;
      indexOfLosses.set(list, index);
      return [number, index];
    });
    tips[commit] = { files, conf: Buffer.from(snapshot.conf).toString("base64"), lost };
  }
  const stored: Stored = {
    version: 2,
    sids: context.snippets.map(({ sid }) => sid),
    introducedBy: context.snippets.map(({ introducedBy }) => introducedBy),
    refs,
    anchors: lists.map(encode),
    losses: losses.map(encode),
    tips,
    pending: [...pending],
  };
  await store(folder, stored);
};

/** Takes snippets out of the cache of a folder: their ids, their places, and names of files that held nothing else. */
export const forgetInTips = async (folder: string, sids: ReadonlySet<string>): Promise<void> => {
  try {
    const stored = JSON.parse(await readFile(join(folder, NAME), "utf8")) as Stored;
    if (stored.version !== 2) throw new Error("of another version");
    const numbers = stored.sids.map((sid, number) => (sids.has(sid) ? -1 : number));
    const lists = stored.anchors.map((text) => renumber(decode(text), numbers));
    const tips = Object.entries(stored.tips).map(([commit, tip]) => {
      const files = Object.entries(tip.files).filter(([, index]) => lists[index]?.length !== 0);
      const lost = tip.lost.filter(([number]) => numbers[number] !== -1);
      return [commit, { ...tip, files: Object.fromEntries(files), lost }] as const;
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

const encode = ({ buffer, byteOffset, byteLength }: FileAnchors | LostTokens): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

const decodeLosses = (text: string): LostTokens => {
  const bytes = Buffer.from(text, "base64");
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, at) => bytes.readUInt16LE(at * 2));
};

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
