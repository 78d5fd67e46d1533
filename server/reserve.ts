import type { DataPlaces } from "./places.ts";
import { randomBytes } from "node:crypto";
import { open, rm, statfs } from "node:fs/promises";
import { existsSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

/** Space that is kept free for what a person must be able to do on a full disk, bytes. */
const RESERVE_BYTES = 4 * 1_048_576;
/** The reserve is only filled when so many times its size is free: it must not be what fills the disk. */
const ROOM = 2;
/** Between two tries to fill the reserve again, milliseconds. */
const REFILL_MS = 10_000;

/**
 * A file that does nothing but take up space. On a full disk it is given up for going back to an earlier
 * adapter and for forgetting: both write a little, and both may be what a full disk calls for.
 */
export interface Reserve extends AsyncDisposable {
  /** Does the work; when the disk is full, gives the reserve up and does it once more. The work may be done twice. */
  use<T>(work: () => T | Promise<T>): Promise<T>;
}

export function createReserve({ dataDir }: DataPlaces): Reserve {
  const file = path.join(dataDir, "reserve");
  let isClosed = false;
  let filling: Promise<void> | null = null;
  const refill = (): Promise<void> => (filling ??= fill(file, () => isClosed).finally(() => (filling = null)));
  const timer = setInterval(() => void (existsSync(file) || isClosed || refill()), REFILL_MS);
  timer.unref();
  if (!existsSync(file)) void refill();
  return {
    async use(work) {
      try {
        return await work();
      } catch (error) {
        if (!isFull(error) || !existsSync(file)) throw error;
        rmSync(file);
        return await work();
      }
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      clearInterval(timer);
      await filling;
    },
  };
}

const isFull = (error: unknown): boolean => /^(SQLITE_FULL|ENOSPC)/.test(String((error as { code?: unknown }).code));

async function fill(file: string, isClosed: () => boolean): Promise<void> {
  const draft = `${file}.tmp`;
  try {
    const { bavail, bsize } = await statfs(path.dirname(file));
    if (bavail * bsize < RESERVE_BYTES * ROOM || isClosed()) return;
    const handle = await open(draft, "w", 0o600);
    try {
      // Random, so that a file system that compresses keeps the space too.
      await handle.writeFile(randomBytes(RESERVE_BYTES));
    } finally {
      await handle.close();
    }
    if (!isClosed()) renameSync(draft, file);
  } catch {
    // No room, or the folder is going away: another try comes.
  } finally {
    await rm(draft, { force: true }).catch(() => {});
  }
}
