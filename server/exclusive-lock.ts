import Database from "better-sqlite3";
import { chmodSync } from "node:fs";

/**
 * Holds a file for one process: an exclusive SQLite transaction on it. The operating system drops it with the
 * process, however that ends, so there is no stale lock to judge and a recycled process id cannot hold it.
 * @param waitMs longest wait for whoever holds it. It must not be 0 where two may ask at once: each can see
 *   the other ask and give up, and neither has it.
 * @returns null when another process still holds it
 */
export function lockExclusively(file: string, waitMs: number): Disposable | null {
  const db = new Database(file, { timeout: waitMs });
  try {
    chmodSync(file, 0o600);
    // A journal on disk would stay behind when the process is killed.
    db.pragma("journal_mode = MEMORY");
    db.exec("BEGIN EXCLUSIVE");
    return { [Symbol.dispose]: () => void db.close() };
  } catch (error) {
    db.close();
    if (!String((error as { code?: unknown }).code).startsWith("SQLITE_BUSY")) throw error;
    return null;
  }
}
