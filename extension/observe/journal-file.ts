import { journalEntry, type JournalEntry } from "./journal-entry.ts";
import { appendFile, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";

/**
 * The journal on disk: one JSON line for each change of an entry, the last line of an id counts. Every
 * window of this machine appends to the same file; only forgetting and compacting write it anew.
 */
export interface JournalFile {
  /** Entries by id, oldest first, and the file's lines. Lines that are damaged or of another version are passed over. */
  read(): Promise<{ readonly entries: Map<string, JournalEntry>; readonly nLines: number }>;
  append(entries: readonly JournalEntry[]): Promise<void>;
  /** Keep these and nothing else. */
  rewrite(entries: readonly JournalEntry[]): Promise<void>;
}

export function journalFile(dir: string): JournalFile {
  const file = path.join(dir, "journal.jsonl");
  return {
    async read() {
      const entries = new Map<string, JournalEntry>();
      const lines = (await textOf(file)).split("\n");
      for (const line of lines) {
        const entry = entryOf(line);
        if (!entry) continue;
        // The place in the order is that of the first line: rows do not jump when they change.
        entries.set(entry.id, entry);
      }
      return { entries, nLines: lines.length - 1 };
    },
    async append(entries) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      // One write: lines of two windows never mix.
      await appendFile(file, linesOf(entries), { mode: 0o600 });
    },
    async rewrite(entries) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const fresh = `${file}.${process.pid}.new`;
      await writeFile(fresh, linesOf(entries), { mode: 0o600 });
      await rename(fresh, file);
    },
  };
}

const linesOf = (entries: readonly JournalEntry[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

function entryOf(line: string): JournalEntry | null {
  if (line === "") return null;
  try {
    const parsed = journalEntry.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
