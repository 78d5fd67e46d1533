import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type ChangesReader, openChanges } from "./commit-changes.ts";
import { GitError } from "./git.ts";
import type { Repository } from "./repository.ts";

/**
 * One `git diff-tree` for many looks. An editor's memory is large, and to start a process from it stops all its
 * threads for tens of milliseconds, as long as it takes to copy the tables of that memory (Linux).
 */
export interface KeptChanges extends Disposable {
  /** For one look. Disposing of it leaves the process to the next one. */
  open(signal: AbortSignal): ChangesReader;
  /** Ends a process that has read something that is different now: the next look starts another one. */
  refresh(): Promise<void>;
}

/** Git remembers each commit that it was asked for; after so many another process takes over. */
const MAX_PAIRS = 2_000;
/** Windows lets nobody remove a folder or a pack of objects that a process has open. */
const IS_KEPT = process.platform !== "win32";

interface Running {
  readonly reader: ChangesReader;
  readonly stop: AbortController;
  readonly stamp: string;
  nPairs: number;
}

export const keepChanges = (repository: Repository, isRead: (path: string) => boolean): KeptChanges => {
  let running: Running | null = null;
  const end = (): void => {
    running?.reader[Symbol.dispose]();
    running = null;
  };
  const start = async (): Promise<Running> => {
    const stop = new AbortController();
    const stamp = await stampOf(repository);
    return { reader: openChanges(repository.top, stop.signal, isRead), stop, stamp, nPairs: 0 };
  };

  const read = async function* (
    pairs: Parameters<ChangesReader["read"]>[0],
    signal: AbortSignal,
  ): ReturnType<ChangesReader["read"]> {
    let nAnswered = 0;
    let isWhole = false;
    let isReused = running !== null;
    const abort = (): void => running?.stop.abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      while (!isWhole) {
        running ??= await start();
        if (signal.aborted) abort();
        running.nPairs += pairs.length - nAnswered;
        try {
          for await (const changes of running.reader.read(pairs.slice(nAnswered))) {
            nAnswered += 1;
            // It says what is text, and git reads it once.
            if (changes.changes.some(isAboutAttributes)) running.nPairs = Infinity;
            yield changes;
          }
          isWhole = true;
        } catch (error) {
          // One that has waited for long may have ended, or not know of a store of objects that came since.
          if (!isReused || !(error instanceof GitError) || signal.aborted) throw error;
          isReused = false;
          end();
        }
      }
    } finally {
      signal.removeEventListener("abort", abort);
      if (!isWhole || !IS_KEPT || (running?.nPairs ?? 0) > MAX_PAIRS) end();
    }
  };

  return {
    open: (signal) => ({
      read: (pairs) => read(pairs, signal),
      [Symbol.dispose]: () => undefined,
    }),
    async refresh() {
      if (running !== null && (await stampOf(repository)) !== running.stamp) end();
    },
    [Symbol.dispose]: end,
  };
};

const isAboutAttributes = ({ oldPath, newPath }: { oldPath: string | null; newPath: string | null }): boolean =>
  [oldPath, newPath].some((path) => path?.endsWith(".gitattributes") === true);

/** What git reads once, and packs of objects that it would keep from being removed. */
const stampOf = async ({ top, commonDir }: Repository): Promise<string> => {
  const files = [
    join(top, ".gitattributes"),
    ...["info/attributes", "config", "shallow", "objects/pack", "objects/info/alternates"].map((name) =>
      join(commonDir, name),
    ),
  ];
  const stats = await Promise.all(files.map((file) => stat(file, { bigint: true }).catch(() => null)));
  return stats.map((found) => (found === null ? "-" : `${found.mtimeNs}:${found.size}:${found.ino}`)).join(" ");
};
