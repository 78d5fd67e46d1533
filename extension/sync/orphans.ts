import { randomUUID } from "node:crypto";
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
  const own = path.basename(ownFile, ".jsonl");
  // This window's own file, and those that it has taken over before.
  const names = (await readdir(dir)).filter((name) => name.endsWith(".jsonl") && !name.startsWith(own));
  for (const name of names.sort()) {
    const file = path.join(dir, name);
    if (isAlive(Number.parseInt(name, 10)) && !(await isFromBeforeBoot(file))) continue;
    const mine = ownFile.replace(/\.jsonl$/, `.from-${randomUUID().slice(0, NAME_CHARS)}.jsonl`);
    if (!(await tryRename(file, mine))) continue;
    // An offset lost between the two renames only means that events are sent again.
    await tryRename(`${file}.offset`, `${mine}.offset`);
    await rm(`${file}.new`, { force: true });
    claimed.push(mine);
  }
  return claimed;
}

/** Enough that the files which one window takes over never meet. */
const NAME_CHARS = 8;

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
