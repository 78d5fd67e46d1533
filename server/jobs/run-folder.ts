import { lockExclusively } from "../exclusive-lock.ts";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Longest wait for a worker that was killed to be gone, milliseconds. */
const GONE_MS = 15_000;
const RETRY_MS = 100;

/**
 * One worker a run folder. The lock goes with its process, however that ends. A worker of an earlier server
 * that still holds it, because it was stopped or does not notice that its server is gone, is ended first:
 * two would write the same checkpoint.
 * @throws Error when the other one does not end
 */
export async function takeRunFolder(runDir: string, signal: AbortSignal): Promise<Disposable> {
  const lock = path.join(runDir, "worker.lock");
  const holder = path.join(runDir, "worker.pid");
  const late = AbortSignal.any([signal, AbortSignal.timeout(GONE_MS)]);
  for (;;) {
    const taken = lockExclusively(lock, RETRY_MS);
    if (taken !== null) {
      writeFileSync(holder, String(process.pid), { mode: 0o600 });
      return taken;
    }
    // Whoever holds the lock wrote its number after it got it, so the number is of a process that lives.
    endHolder(holder);
    if (late.aborted) throw new Error("Another training process holds the run's folder and does not end.");
    await delay(RETRY_MS, undefined, { signal: late }).catch(() => {});
  }
}

function endHolder(file: string): void {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    // Its group, so that what it started goes too; Windows has no groups.
    if (pid > 1 && pid !== process.pid) process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // Not written yet, or just gone.
  }
}
