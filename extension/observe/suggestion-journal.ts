import type { KeptEvent } from "../../protocol/events.ts";
import { entryOfRow, withEvent, withServerRow, type JournalEntry, type OwnFolder } from "./journal-entry.ts";
import type { JournalFile } from "./journal-file.ts";
import type { SuggestionRow } from "../../protocol/api.ts";

/**
 * The recent suggestions of this machine and what became of them, as the *Suggestions* view shows
 * them. It holds what was recorded and nothing more: without consent it stays empty, and where only
 * outcomes are recorded it has no code.
 */
export interface SuggestionJournal {
  /** One recorded event; costs a map entry, and the file is written later. */
  see(event: KeptEvent): void;
  /** What the server knows of these suggestions; those of other folders are passed over. */
  merge(rows: readonly SuggestionRow[], folderOf: (row: SuggestionRow) => OwnFolder | null): void;
  get(id: string): JournalEntry | null;
  /** Newest first. */
  entries(): readonly JournalEntry[];
  /** The code of a suggestion stands on another line by now. */
  moved(id: string, line: number): void;
  /** Forget these suggestions, in memory and on disk. */
  forget(isForgotten: (entry: JournalEntry) => boolean): Promise<void>;
  /** Read the file: other windows write to it too. */
  reload(): Promise<void>;
  onDidChange(listener: () => void): { dispose(): void };
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

/** Suggestions remembered; the oldest give way. A heavy day makes about this many that were read. */
export const JOURNAL_CAPACITY = 400;
/** A file with more lines is written anew with one line an entry. */
const MAX_LINES = 8 * JOURNAL_CAPACITY;
/** Changes wait this long for others, milliseconds. */
const WRITE_AFTER_MS = 1_000;

export interface JournalOptions {
  readonly file: JournalFile;
  log(message: string): void;
}

export function createSuggestionJournal({ file, log }: JournalOptions): SuggestionJournal {
  const known = new Map<string, JournalEntry>();
  const unwritten = new Set<string>();
  const listeners = new Set<() => void>();
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();

  const changed = () => {
    for (const listener of listeners) listener();
  };

  /** One access at a time, in order; a disk that fails costs the view its memory, nothing else. */
  const inTurn = (what: string, task: () => Promise<void>): Promise<void> => {
    writing = writing.then(task).catch((error: Error) => log(`The journal could not be ${what}: ${error.message}`));
    return writing;
  };

  const write = () =>
    inTurn("written", async () => {
      const entries = [...unwritten].flatMap((id) => known.get(id) ?? []);
      unwritten.clear();
      if (entries.length > 0) await file.append(entries);
    });

  const put = (entry: JournalEntry) => {
    if (known.get(entry.id) === entry) return;
    known.set(entry.id, entry);
    unwritten.add(entry.id);
    while (known.size > JOURNAL_CAPACITY) {
      const [oldest] = known.keys();
      if (oldest === undefined) break;
      known.delete(oldest);
      unwritten.delete(oldest);
    }
    timer ??= setTimeout(() => {
      timer = null;
      void write();
    }, WRITE_AFTER_MS);
    changed();
  };

  return {
    see(event) {
      const entry = withEvent(known.get(event.suggestionId) ?? null, event);
      if (entry) put(entry);
    },
    merge(rows, folderOf) {
      // Oldest first: the map keeps the order in which suggestions were shown.
      for (const row of rows.toReversed()) {
        const entry = known.get(row.id);
        if (entry) {
          const merged = withServerRow(entry, row);
          if (JSON.stringify(merged) !== JSON.stringify(entry)) put(merged);
          continue;
        }
        const folder = folderOf(row);
        if (folder !== null && known.size < JOURNAL_CAPACITY) put(entryOfRow(row, folder));
      }
    },
    get: (id) => known.get(id) ?? null,
    entries: () => [...known.values()].sort((a, b) => b.shownAtMs - a.shownAtMs),
    moved(id, line) {
      const entry = known.get(id);
      // A position is recorded only with the code.
      if (entry && !entry.isHidden && entry.line !== line) put({ ...entry, line });
    },
    async forget(isForgotten) {
      for (const entry of known.values()) {
        if (!isForgotten(entry)) continue;
        known.delete(entry.id);
        unwritten.delete(entry.id);
      }
      changed();
      await inTurn("cleared", async () => {
        const { entries } = await file.read();
        const kept = [...entries.values()].filter((entry) => !isForgotten(entry));
        await file.rewrite(kept.slice(-JOURNAL_CAPACITY));
      });
    },
    reload: () =>
      inTurn("read", async () => {
        const { entries: stored, nLines } = await file.read();
        const newest = [...stored.values()].slice(-JOURNAL_CAPACITY);
        if (nLines > MAX_LINES) await file.rewrite(newest);
        // What another window forgot is gone here too; what this one has not written yet stays.
        for (const id of known.keys()) if (!stored.has(id) && !unwritten.has(id)) known.delete(id);
        const own = [...known.values()].filter(({ id }) => unwritten.has(id));
        for (const { id } of own) known.delete(id);
        for (const entry of newest) known.set(entry.id, entry);
        for (const entry of own) known.set(entry.id, entry);
        changed();
      }),
    onDidChange(listener) {
      listeners.add(listener);
      return { dispose: () => void listeners.delete(listener) };
    },
    async close() {
      if (timer) clearTimeout(timer);
      timer = null;
      listeners.clear();
      await write();
    },
  };
}
