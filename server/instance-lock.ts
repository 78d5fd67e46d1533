import { AppError } from "./errors.ts";
import Database from "better-sqlite3";
import { chmodSync } from "node:fs";

/**
 * One server a data folder. The lock is an exclusive SQLite transaction on a file of its own: the
 * operating system drops it with the process, however that ends, so there is no stale lock to judge
 * and a recycled process id cannot hold it.
 */
export function acquireInstanceLock(file: string): Disposable {
  const db = new Database(file, { timeout: 0 });
  try {
    chmodSync(file, 0o600);
    db.pragma("locking_mode = EXCLUSIVE");
    db.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    if (!String((cause as { code?: unknown }).code).startsWith("SQLITE_BUSY")) throw cause;
    throw new AppError("already-running", "Another Kept server is running on this data folder.", {
      cause,
      hint: "Use it (`kept status`), stop it, or choose another folder with --data-dir.",
    });
  }
  return {
    [Symbol.dispose]() {
      db.close();
    },
  };
}
