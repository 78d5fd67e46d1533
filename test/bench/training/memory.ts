import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

export interface MemoryRun {
  /** Largest resident size of the process, weights included, 10^9 bytes. */
  readonly peakGb: number;
  readonly seconds: number;
  readonly loss: number;
}

/** Peak memory of a step of the 0.5 B shape at 512 tokens, in a process of its own. */
export async function measureMemory(strategy: string, threads: number, signal: AbortSignal): Promise<MemoryRun> {
  const program = path.join(import.meta.dirname, "memory-run.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [program, strategy, String(threads)], { signal });
  return JSON.parse(stdout) as MemoryRun;
}
