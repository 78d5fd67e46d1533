import type { DatasetRow } from "../../core/dataset-row.ts";
import { createReadStream } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";

/** True when a row holds something that was forgotten. */
export type RowTest = (row: SearchedRow) => boolean;

/** The parts of a row that say whose it is. */
type SearchedRow = Pick<
  DatasetRow,
  "suggestionId" | "source" | "root" | "path" | "prefix" | "suffix" | "completion" | "examples"
>;

/** Hashes of the snapshots in the folder that have such a row. A file that cannot be read counts as one. */
export async function snapshotsWith(datasetsDir: string, isForgotten: RowTest | "all"): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(datasetsDir, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    if (isForgotten === "all" || (await hasRow(path.join(datasetsDir, entry.name, "rows.jsonl"), isForgotten)))
      found.push(entry.name);
  }
  return found;
}

export const removeSnapshot = (datasetsDir: string, sha256: string): Promise<void> =>
  rm(path.join(datasetsDir, sha256), { recursive: true, force: true });

async function hasRow(file: string, isForgotten: RowTest): Promise<boolean> {
  const stream = createReadStream(file, "utf8");
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) if (line !== "" && isForgotten(JSON.parse(line) as DatasetRow)) return true;
    return false;
  } catch {
    // Cut off by a kill, or damaged: nobody can say what is in it, and nothing can be trained on it.
    return true;
  } finally {
    lines.close();
    stream.destroy();
  }
}
