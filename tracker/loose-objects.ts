import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { inflate, inflateSync, type ZlibOptions } from "node:zlib";
import { MAX_BLOB_BYTES } from "./blobs.ts";

const inflateBytes = promisify<Buffer, ZlibOptions, Buffer>(inflate);

/** Tags of tags; a longer chain is a loop. */
const MAX_TAGS = 8;

/**
 * Parents of a commit that lies in a file of its own; null when it does not. Reads at once: some hundred bytes are
 * there sooner than a thread that reads them, and a rebase asks for one commit behind the other.
 */
export const readParents = (commonDir: string, commit: string): string[] | null => {
  const header = headerOf(readObjectNow(commonDir, commit));
  if (header?.type !== "commit") return null;
  return [...header.text.matchAll(/^parent ([0-9a-f]{40,64})$/gm)].map((match) => match[1] as string);
};

/** The object that a tag stands for, through tags of tags, or the object itself; null when one lies in no file of its own. */
export const readTarget = async (commonDir: string, id: string): Promise<string | null> => {
  let next = id;
  for (let nTags = 0; nTags < MAX_TAGS; nTags += 1) {
    const header = await readHeader(commonDir, next);
    if (header === null) return null;
    if (header.type !== "tag") return next;
    const [, target, type] = /^object ([0-9a-f]{40,64})\ntype (\w+)$/m.exec(header.text) ?? [];
    if (target === undefined) return null;
    if (type !== "tag") return target;
    next = target;
  }
  return null;
};

/** A file of a commit's tree; without an answer where something on the way to it lies in a pack. */
export type LooseFile = { readonly ok: true; readonly content: Buffer | null } | { readonly ok: false };

/** Content of a file in a commit, which for one that was just made needs no process; null when there is no such file. */
export const readLooseFile = async (commonDir: string, commit: string, path: string): Promise<LooseFile> => {
  const header = await readHeader(commonDir, commit);
  let id = header?.type === "commit" ? /^tree ([0-9a-f]{40,64})$/m.exec(header.text)?.[1] : undefined;
  if (id === undefined) return { ok: false };
  for (const name of path.split("/")) {
    const tree = await readObject(commonDir, id);
    if (tree === null) return { ok: false };
    id = tree.type === "tree" ? entryOf(tree.body, Buffer.from(name), id.length / 2) : undefined;
    if (id === undefined) return { ok: true, content: null };
  }
  const file = await readObject(commonDir, id);
  return file === null ? { ok: false } : { ok: true, content: file.type === "blob" ? file.body : null };
};

/** Id that a tree has for a name: after its mode, the name and a zero byte the id follows in bytes. */
const entryOf = (tree: Buffer, name: Buffer, nIdBytes: number): string | undefined => {
  for (let at = 0; at < tree.length;) {
    const start = tree.indexOf(SPACE, at) + 1;
    const end = tree.indexOf(0, start);
    if (start === 0 || end === -1) return undefined;
    at = end + 1 + nIdBytes;
    if (tree.subarray(start, end).equals(name)) return tree.toString("hex", end + 1, at);
  }
  return undefined;
};

const SPACE = 0x20;

/** Type and text, up to the first blank line, of a loose object. */
const readHeader = async (commonDir: string, id: string): Promise<ObjectHeader | null> =>
  headerOf(await readObject(commonDir, id));

interface ObjectHeader {
  readonly type: string;
  readonly text: string;
}

const headerOf = (object: LooseObject | null): ObjectHeader | null => {
  if (object === null) return null;
  const text = object.body.toString("latin1");
  const end = text.indexOf("\n\n");
  return { type: object.type, text: end === -1 ? text : text.slice(0, end) };
};

interface LooseObject {
  readonly type: string;
  readonly body: Buffer;
}

/** A loose object; null when it lies in a pack, is no object, or is larger than what git is asked for. */
const readObject = async (commonDir: string, id: string): Promise<LooseObject | null> => {
  try {
    return parseObject(await inflateBytes(await readFile(fileOf(commonDir, id)), INFLATED));
  } catch {
    return null;
  }
};

const readObjectNow = (commonDir: string, id: string): LooseObject | null => {
  try {
    return parseObject(inflateSync(readFileSync(fileOf(commonDir, id)), INFLATED));
  } catch {
    return null;
  }
};

const INFLATED: ZlibOptions = { maxOutputLength: MAX_BLOB_BYTES };

const fileOf = (commonDir: string, id: string): string => join(commonDir, "objects", id.slice(0, 2), id.slice(2));

const parseObject = (bytes: Buffer): LooseObject | null => {
  const end = bytes.indexOf(0);
  const type = /^(\w+) \d+$/.exec(bytes.toString("latin1", 0, Math.max(0, end)))?.[1];
  return type === undefined ? null : { type, body: bytes.subarray(end + 1) };
};
