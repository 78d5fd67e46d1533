import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { inflate } from "node:zlib";

const inflateBytes = promisify(inflate);

/** Tags of tags; a longer chain is a loop. */
const MAX_TAGS = 8;

/** Parents of a commit that lies in a file of its own; null when it does not. */
export const readParents = async (commonDir: string, commit: string): Promise<string[] | null> => {
  const header = await readHeader(commonDir, commit);
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

/** Type and text, up to the first blank line, of a loose object. */
const readHeader = async (commonDir: string, id: string): Promise<{ type: string; text: string } | null> => {
  try {
    const packed = await readFile(join(commonDir, "objects", id.slice(0, 2), id.slice(2)));
    const text = (await inflateBytes(packed)).toString("latin1");
    const [, type, body] = /^(\w+) \d+\0([^]*)$/.exec(text) ?? [];
    if (type === undefined || body === undefined) return null;
    const end = body.indexOf("\n\n");
    return { type, text: end === -1 ? body : body.slice(0, end) };
  } catch {
    return null;
  }
};
