import { accessSync, constants, lstatSync, statSync } from "node:fs";
import type { DataPlaces } from "./places.ts";

/** Between two looks at the data folder, milliseconds: what is lost is said within five seconds. */
const LOOK_MS = 1_000;

/**
 * Looks whether the data folder is still the one that was opened. A folder that was deleted, or replaced by
 * another or by a symbolic link, is never written to again, neither where it was nor where the link leads.
 */
export interface DataWatch extends Disposable {
  /** Resolves with what became of the folder when it was lost. */
  readonly lost: Promise<string>;
  /** Looks now, for somebody who has a reason to doubt. */
  look(): void;
}

export function watchDataDir({ dataDir, database }: DataPlaces, lookMs = LOOK_MS): DataWatch {
  const lost = Promise.withResolvers<string>();
  const folder = identityOf(dataDir);
  const isStoreInPlace = watchFile(database);
  const look = (): void => {
    const now = identityOf(dataDir);
    if (now === null) lost.resolve("the data folder was deleted");
    else if (now !== folder) lost.resolve("the data folder was replaced");
    else if (!isStoreInPlace()) lost.resolve("the store was deleted or replaced");
    else if (!isWritable(dataDir)) lost.resolve("the data folder became read-only");
    else return;
    clearInterval(timer);
  };
  const timer = setInterval(look, lookMs);
  timer.unref();
  return { lost: lost.promise, look, [Symbol.dispose]: () => clearInterval(timer) };
}

/** True as long as the path leads to the file that it leads to now. */
export function watchFile(file: string): () => boolean {
  const numbers = (): string | null => {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
  };
  const before = numbers();
  return () => numbers() === before;
}

/** Names a folder; a link is none. */
function identityOf(dir: string): string | null {
  const stat = lstatSync(dir, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.isDirectory()}:${stat.dev}:${stat.ino}`;
}

function isWritable(dir: string): boolean {
  // The superuser may write into every folder but those of a file system that is mounted read-only.
  try {
    if (process.platform !== "win32" && (lstatSync(dir).mode & 0o200) === 0) return false;
    accessSync(dir, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
