import { AppError } from "./errors.ts";
import { lockExclusively } from "./exclusive-lock.ts";

/** Long enough for one of two that start at once to go ahead. */
const WAIT_MS = 250;

/** One server a data folder. @throws AppError `already-running` */
export function acquireInstanceLock(file: string): Disposable {
  const lock = lockExclusively(file, WAIT_MS);
  if (lock !== null) return lock;
  throw new AppError("already-running", "Another Kept server is running on this data folder.", {
    hint: "Use it (`kept status`), stop it, or choose another folder with --data-dir.",
  });
}
