import { open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type FileAnchors, ANCHOR_STRIDE } from "../core/survival/anchors.ts";
import type { Copies, Copy } from "../core/survival/copies.ts";
import type { LostTokens } from "../core/survival/lost-tokens.ts";
import { emptySnapshot, growSnapshot, setFileAnchors, type Snapshot } from "../core/survival/snapshot.ts";
import { TOKEN_RULE_VERSION } from "../core/survival/tokens.ts";
import type { SnippetChange, WalkContext, WalkedSnippet } from "./commit-walk.ts";
import { createTurns } from "./turns.ts";

/** Where the refs stood at the last look, by name. */
export type SeenRefs = Readonly<Record<string, string>>;

/** What is worth keeping between two runs. All of it can be had again by walking the history. */
export interface Tips {
  readonly refs: SeenRefs;
  readonly commits: readonly string[];
  /** Losses on a branch while another place still held the code, by snippet. */
  readonly pending: ReadonlyMap<number, readonly SnippetChange[]>;
}

/** One line of the cache; the last one says that it is whole. */
type Line =
  | { readonly version: string; readonly refs: SeenRefs }
  /** Ids of snippets in the order of their numbers, and the commits that brought each. */
  | { readonly sids: readonly string[]; readonly introducedBy: readonly (readonly string[])[] }
  /** Anchors of files, each list once, in base64. They come before the tips that name them. */
  | { readonly anchors: readonly string[] }
  /** Losses of snippets that do not stand whole, likewise. */
  | { readonly losses: readonly string[] }
  | StoredTip
  | { readonly pending: readonly (readonly [number, readonly SnippetChange[]])[] }
  | { readonly end: true };

interface StoredTip {
  readonly tip: string;
  readonly files: Readonly<Record<string, number>>;
  readonly conf: string;
  /** By the index of the snippet's id, which of the lists of losses. */
  readonly lost: readonly (readonly [number, number])[];
  /** Second places: path, and which of the lists of anchors, each of one snippet. */
  readonly copies?: readonly (readonly [string, number])[];
}

const NAME = "tips.jsonl";
/** Of the lines, and of the rule by which the tokens of anchors and losses are counted. */
const VERSION = `4.${TOKEN_RULE_VERSION}`;
/** What a version before wrote; it would keep what is to be forgotten. */
const OLD_NAME = "tips.json";
/** Snippets, lists of anchors or losses of one line: about a millisecond's work. */
const ITEMS_PER_LINE = 256;

/** Reads the cache into the context; null when there is none, or it does not fit the log. */
export const loadTips = async (
  folder: string,
  context: WalkContext,
  numbers: ReadonlyMap<string, number>,
): Promise<Omit<Tips, "commits"> | null> => {
  await rm(join(folder, OLD_NAME), { force: true });
  /** Numbers of snippets go by the order of the log, which may have grown or shrunk since. */
  const renumbered: number[] = [];
  const lists: FileAnchors[] = [];
  const losses: LostTokens[] = [];
  const snapshots = new Map<string, Snapshot>();
  const introducedBy = new Map<number, readonly string[]>();
  const pending = new Map<number, SnippetChange[]>();
  let refs: SeenRefs = {};
  try {
    for await (const line of readLines(folder)) {
      if ("version" in line) refs = line.refs;
      else if ("sids" in line) {
        for (const [index, sid] of line.sids.entries()) {
          const number = numbers.get(sid) ?? -1;
          renumbered.push(number);
          if (number !== -1) introducedBy.set(number, line.introducedBy[index] as readonly string[]);
        }
      } else if ("anchors" in line) for (const text of line.anchors) lists.push(renumber(decode(text), renumbered));
      else if ("losses" in line) for (const text of line.losses) losses.push(decodeLosses(text));
      else if ("tip" in line)
        snapshots.set(line.tip, readTip(line, lists, losses, renumbered, context.snippets.length));
      else if ("pending" in line) {
        for (const [index, changes] of line.pending) {
          const snippet = renumbered[index] ?? -1;
          const own = changes.map((change) => ({ ...change, snippet }));
          if (snippet !== -1) pending.set(snippet, own);
        }
      }
    }
  } catch {
    return null;
  }
  for (const [number, commits] of introducedBy)
    (context.snippets[number] as WalkedSnippet).introducedBy.push(...commits);
  for (const [commit, snapshot] of snapshots) context.snapshots.set(commit, snapshot);
  return { refs, pending };
};

const readTip = (
  { files, conf, lost, copies = [] }: StoredTip,
  lists: readonly FileAnchors[],
  losses: readonly LostTokens[],
  renumbered: readonly number[],
  nSnippets: number,
): Snapshot => {
  const snapshot = emptySnapshot();
  growSnapshot(snapshot, nSnippets);
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
  snapshot.copies = readCopies(copies, lists);
  return snapshot;
};

const readCopies = (stored: readonly (readonly [string, number])[], lists: readonly FileAnchors[]): Copies => {
  const copies = new Map<string, Copy[]>();
  for (const [path, index] of stored) {
    const anchors = lists[index];
    const snippet = anchors?.[2];
    if (anchors === undefined || snippet === undefined) continue;
    const list = copies.get(path);
    if (list === undefined) copies.set(path, [{ snippet, anchors }]);
    else list.push({ snippet, anchors });
  }
  return copies;
};

/**
 * Writes the cache in turns. A torn write leaves the last one, and so does a write that is given up because
 * `isStale` says that there is news by now: false for that.
 */
export const saveTips = (folder: string, context: WalkContext, tips: Tips, isStale: () => boolean): Promise<boolean> =>
  store(folder, linesOf(context, tips), isStale);

const linesOf = function* (context: WalkContext, { refs, commits, pending }: Tips): Generator<Line> {
  yield { version: VERSION, refs };
  for (let at = 0; at < context.snippets.length; at += ITEMS_PER_LINE) {
    const some = context.snippets.slice(at, at + ITEMS_PER_LINE);
    yield { sids: some.map(({ sid }) => sid), introducedBy: some.map(({ introducedBy }) => introducedBy) };
  }
  const lists = createNumbering();
  const losses = createNumbering();
  for (const commit of commits) {
    const snapshot = context.snapshots.get(commit);
    if (snapshot === undefined) continue;
    const files: Record<string, number> = {};
    for (const [path, anchors] of snapshot.files) {
      files[path] = lists.numberOf(anchors);
      if (lists.fresh.length >= ITEMS_PER_LINE) yield { anchors: lists.take() };
    }
    const lost: [number, number][] = [];
    for (const [number, list] of snapshot.lost) {
      lost.push([number, losses.numberOf(list)]);
      if (losses.fresh.length >= ITEMS_PER_LINE) yield { losses: losses.take() };
    }
    const copies: [string, number][] = [];
    for (const [path, list] of snapshot.copies) {
      for (const { anchors } of list) copies.push([path, lists.numberOf(anchors)]);
      if (lists.fresh.length >= ITEMS_PER_LINE) yield { anchors: lists.take() };
    }
    yield { anchors: lists.take() };
    yield { losses: losses.take() };
    yield { tip: commit, files, conf: Buffer.from(snapshot.conf).toString("base64"), lost, copies };
  }
  const waiting = [...pending];
  for (let at = 0; at < waiting.length; at += ITEMS_PER_LINE) yield { pending: waiting.slice(at, at + ITEMS_PER_LINE) };
  yield { end: true };
};

/** Gives each list its number once, and holds the text of those that were not written yet. */
const createNumbering = () => {
  const numbers = new Map<FileAnchors | LostTokens, number>();
  let fresh: string[] = [];
  return {
    numberOf(list: FileAnchors | LostTokens): number {
      const known = numbers.get(list);
      if (known !== undefined) return known;
      fresh.push(encode(list));
      numbers.set(list, numbers.size);
      return numbers.size - 1;
    },
    get fresh(): readonly string[] {
      return fresh;
    },
    take(): readonly string[] {
      const taken = fresh;
      fresh = [];
      return taken;
    },
  };
};

/** Takes snippets out of the cache of a folder: their ids, their places, and names of files that held nothing else. */
export const forgetInTips = async (folder: string, sids: ReadonlySet<string>): Promise<void> => {
  await rm(join(folder, OLD_NAME), { force: true });
  try {
    const lines: Line[] = [];
    /** Numbers of the snippets that stay; -1 for the others. */
    const numbers: number[] = [];
    const nAnchors: number[] = [];
    for await (const line of readLines(folder)) {
      if ("sids" in line) {
        for (const sid of line.sids) numbers.push(sids.has(sid) ? -1 : numbers.length);
        lines.push({
          sids: line.sids.map((sid) => (sids.has(sid) ? "" : sid)),
          introducedBy: line.introducedBy.map((commits, index) => (sids.has(line.sids[index] ?? "") ? [] : commits)),
        });
      } else if ("anchors" in line) {
        const lists = line.anchors.map((text) => renumber(decode(text), numbers));
        nAnchors.push(...lists.map(({ length }) => length));
        lines.push({ anchors: lists.map(encode) });
      } else if ("tip" in line) {
        const files = Object.entries(line.files).filter(([, index]) => nAnchors[index] !== 0);
        const lost = line.lost.filter(([number]) => numbers[number] !== -1);
        const copies = (line.copies ?? []).filter(([, index]) => nAnchors[index] !== 0);
        lines.push({ ...line, files: Object.fromEntries(files), lost, copies });
      } else if ("pending" in line) lines.push({ pending: line.pending.filter(([number]) => numbers[number] !== -1) });
      else lines.push(line);
    }
    await store(folder, lines, () => false);
  } catch {
    // All of it can be had again from the history.
    await rm(join(folder, NAME), { force: true });
  }
};

const store = async (folder: string, lines: Iterable<Line>, isStale: () => boolean): Promise<boolean> => {
  const file = join(folder, `${NAME}.new`);
  const turns = createTurns();
  let isWhole = false;
  const handle = await open(file, "w", 0o600);
  try {
    let text = "";
    for (const line of lines) {
      text += `${JSON.stringify(line)}\n`;
      isWhole = "end" in line;
      if (!turns.isOver() && !isWhole) continue;
      if (isStale()) {
        isWhole = false;
        return false;
      }
      await handle.appendFile(text);
      text = "";
      await turns.next();
    }
  } finally {
    await handle.close();
    if (!isWhole) await rm(file, { force: true });
  }
  await rename(file, join(folder, NAME));
  return true;
};

/**
 * Reads the lines in turns.
 *
 * @throws when there is no cache, or it is not whole or of another version
 */
const readLines = async function* (folder: string): AsyncGenerator<Line> {
  const text = await readFile(join(folder, NAME), "utf8");
  const turns = createTurns();
  let last: Line | null = null;
  for (let start = 0, end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
    const line = JSON.parse(text.slice(start, end)) as Line;
    if (last === null && !("version" in line && line.version === VERSION)) break;
    start = end + 1;
    last = line;
    yield line;
    if (turns.isOver()) await turns.next();
  }
  if (last === null || !("end" in last)) throw new Error("the cache is not whole, or of another version");
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
