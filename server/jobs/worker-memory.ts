import { readFileSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import type { ChildProcess } from "node:child_process";

const MIB = 1_048_576;
/** Share of the machine's memory that a training process may take: the rest is the editor's. */
const SHARE = 0.75;
/** Between two looks, milliseconds: memory is taken at a few GiB a second at most. */
const LOOK_MS = 250;

/** Most that a worker may take, MiB: `KEPT_WORKER_MEMORY_MIB`, or three quarters of what the machine has. */
export const MAX_WORKER_MIB = (): number => {
  const asked = Number(process.env["KEPT_WORKER_MEMORY_MIB"]);
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.MAX_SAFE_INTEGER);
  return asked > 0 ? asked : Math.floor((memory / MIB) * SHARE);
};

/**
 * Calls `onTooMuch` when a process holds more memory than it may. Where the system can be asked to, it is
 * also the first that goes when memory runs out between two looks. Linux alone tells what a process holds
 * without starting another one; elsewhere nobody looks.
 */
export function watchMemory(child: ChildProcess, maxMiB: number, onTooMuch: () => void): () => void {
  if (process.platform !== "linux") return () => {};
  child.once("spawn", () => offerToKernel(child.pid!));
  const timer = setInterval(() => {
    if (child.pid !== undefined && residentMiB(child.pid) > maxMiB) onTooMuch();
  }, LOOK_MS);
  return () => clearInterval(timer);
}

function residentMiB(pid: number): number {
  try {
    const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(resident ?? 0) / 1_024;
  } catch {
    return 0;
  }
}

function offerToKernel(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, "1000");
  } catch {
    // Already gone, or not allowed: the limit holds all the same.
  }
}
