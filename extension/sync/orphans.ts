import { readdir, rename, rm, stat } from "node:fs/promises";
import { uptime } from "node:os";
import path from "node:path";

/**
 * Takes the files of windows that ended without sending everything, oldest first. A rename decides:
 * of two windows that open at once, one gets each file, and no lock is needed or left behind.
 */
export async function claimOrphans(
  dir: string,
  ownFile: string,
  isAlive: (pid: number) => boolean = isProcessAlive,
): Promise<string[]> {
  const claimed: string[] = [];
  const names = (await readdir(dir)).filter((name) => name.endsWith(".jsonl") && name !== path.basename(ownFile));
  for (const name of names.sort()) {
    const file = path.join(dir, name);
    if (isAlive(Number.parseInt(name, 10)) && !(await isFromBeforeBoot(file))) continue;
    const mine = ownFile.replace(/\.jsonl$/, `.from-${claimed.length}.jsonl`);
    if (!(await tryRename(file, mine))) continue;
    // An offset lost between the two renames only means that events are sent again.
    await tryRename(`${file}.offset`, `${mine}.offset`);
    await rm(`${file}.new`, { force: true });
    claimed.push(mine);
  }
  return claimed;
}

/** The process that wrote it is gone whatever its number says now: numbers are given anew after a boot. */
async function isFromBeforeBoot(file: string): Promise<boolean> {
  try {
    return (await stat(file)).mtimeMs < Date.now() - uptime() * 1_000 - BOOT_MARGIN_MS;
  } catch {
    return false;
  }
}

/** Clocks are set right during a boot. */
const BOOT_MARGIN_MS = 600_000;

async function tryRename(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch {
    return false;
  }
}

function isProcessAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  // A file of this process that is not ours is from an earlier life of the same pid.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
