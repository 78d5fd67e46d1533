import { createHash } from "node:crypto";
import { globSync } from "node:fs";
import { readPackedLines } from "../harness/packed-lines.ts";

/** One repository in this many is kept from training. */
const HELD_OUT_BUCKETS = 43;

/** Shorter files are not trained on either. */
const MIN_CHARS = 40;

export interface SourceText {
  /** Unique among the texts that are measured together. */
  readonly name: string;
  readonly path: string;
  readonly repository: string;
  readonly text: string;
}

/** The rule by which training leaves whole repositories out: `is_held_out` of server/training/torch/corpus.py. */
export function isHeldOut(repository: string): boolean {
  const head = createHash("sha256").update(repository).digest("hex").slice(0, 8);
  return Number.parseInt(head, 16) % HELD_OUT_BUCKETS === 0;
}

/**
 * Files of the held-out repositories among the corpus shards (JSON lines of `{ repo, path, text }`, packed or
 * not) that match the globs, without their licence headers, sorted by name.
 */
export async function readHeldOutFiles(globs: readonly string[], signal: AbortSignal): Promise<SourceText[]> {
  const files = new Map<string, SourceText>();
  for (const shard of globs.flatMap((glob) => globSync(glob)).sort()) {
    for await (const line of readPackedLines(shard, signal)) {
      signal.throwIfAborted();
      const file = heldOutFile(line);
      if (file) files.set(file.name, file);
    }
  }
  return [...files.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Null for a line of a repository that was trained on. Throws SyntaxError for what is not JSON. */
export function heldOutFile(line: string): SourceText | null {
  // Nearly every line is left out: reading its name alone saves parsing half a gigabyte.
  const name = /^\{"repo": ?"([^"\\]+)"/.exec(line)?.[1];
  if (line.trim() === "" || (name !== undefined && !isHeldOut(name))) return null;
  const row = JSON.parse(line) as { repo: string; path: string; text: string };
  const text = withoutLicense(row.text.replaceAll("\r\n", "\n"));
  if (!isHeldOut(row.repo) || text.length < MIN_CHARS) return null;
  return { name: `${row.repo}/${row.path}`, path: row.path, repository: row.repo.split("/").at(-1)!, text };
}

const HEADER_COMMENT = /^\s*(?:(?:\/\*[^]*?\*\/|<!--[^]*?-->)\s*|(?:(?:\/\/|#)[^\n]*\n)+\s*)/;
const LICENSE_WORDS = /licen[sc]e|copyright|spdx|all rights reserved/i;

/** Training drops a leading comment that is a licence header, and so does measuring. */
function withoutLicense(text: string): string {
  const header = HEADER_COMMENT.exec(text)?.[0];
  return header && LICENSE_WORDS.test(header) ? text.slice(header.length) : text;
}
