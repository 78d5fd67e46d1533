import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Provider } from "./device.ts";

/**
 * Processes that began to run a model on a device and had no result yet. A driver that aborts takes the
 * process with it, and the next one would go the same way: the list outlives them and tells.
 */
export interface Attempts {
  /** This process begins. */
  begin(provider: Provider): void;
  /** This process had a result, or left the device in an orderly way. */
  end(provider: Provider): void;
  /** Processes that began and are gone without a result. */
  nLost(provider: Provider): number;
  forget(provider: Provider): void;
}

export function createAttempts(folder: string): Attempts {
  const fileOf = (provider: Provider) => path.join(folder, `${provider}.begun.json`);
  const rewrite = (provider: Provider, change: (pids: readonly number[]) => readonly number[]): void => {
    try {
      const pids = change(read(fileOf(provider)));
      if (pids.length === 0) rmSync(fileOf(provider), { force: true });
      else {
        mkdirSync(folder, { recursive: true });
        writeFileSync(fileOf(provider), JSON.stringify(pids));
      }
    } catch {
      // Without the list a driver that aborts is tried at every start; nothing else is lost.
    }
  };
  return {
    begin: (provider) => rewrite(provider, (pids) => [...pids, process.pid]),
    // A result clears the ones before it too: whatever ended them, the device works.
    end: (provider) => rewrite(provider, (pids) => pids.filter((pid) => pid !== process.pid && isAlive(pid))),
    nLost: (provider) => read(fileOf(provider)).filter((pid) => !isAlive(pid)).length,
    forget: (provider) => rewrite(provider, () => []),
  };
}

function read(file: string): readonly number[] {
  try {
    const pids: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(pids) ? pids.filter((pid) => Number.isSafeInteger(pid) && pid > 0) : [];
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
