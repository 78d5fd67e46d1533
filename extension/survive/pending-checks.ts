import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";

/** Checks of accepted code that are still to come, as they stand on disk. Small, and without what consent forbids. */
export const storedChecks = z.object({
  v: z.literal(1),
  checks: z.array(
    z.object({
      suggestionId: z.uuidv7(),
      /** URI of the document by now. */
      document: z.string().max(8_192),
      /** Workspace folder that consent is asked for. */
      root: z.string().max(4_096),
      /** Relative to `root`. */
      path: z.string().max(4_096),
      /** Wall clock, milliseconds since 1970. */
      acceptedWallMs: z.number().nonnegative(),
      nextIdx: z.int().nonnegative(),
      /** What was accepted, secrets redacted; null where code may not be stored. */
      text: z.string().max(16_384).nullable(),
    }),
  ),
});
export type StoredCheck = z.infer<typeof storedChecks>["checks"][number];

/** The durable file of one window. Nothing of it is on the typing path. */
export interface PendingChecks {
  /** Take what `read` answers to disk soon; calls in between are one write. */
  save(): void;
  /**
   * Write now what `read` answers, and take checks out of the files that windows have left whose process is
   * gone. Windows that are open do that with their own.
   */
  forget(isForgotten: (check: StoredCheck) => boolean): Promise<void>;
  /** Write now, and leave the file to the next window. */
  close(): Promise<void>;
}

/** Accepts whose checks are kept; the newest count. */
const MAX_CHECKS = 200;
/** Longest text kept of one accept, UTF-16 units; longer code is censored after a restart. */
const MAX_TEXT_CHARS = 8_192;
const SAVE_AFTER_MS = 500;
/** No check comes later than 15 minutes after an accept; an hour later nobody can look at anything. */
const FORGOTTEN_AFTER_MS = 60 * 60_000;

export function openPendingChecks(
  dir: string,
  sessionId: string,
  read: () => Promise<readonly StoredCheck[]>,
  log: (message: string) => void,
): PendingChecks {
  const file = path.join(dir, `${process.pid}-${sessionId}.json`);
  let timer: NodeJS.Timeout | null = null;
  let written = "";
  let working: Promise<void> = Promise.resolve();

  const write = async () => {
    const checks = (await read())
      .slice(-MAX_CHECKS)
      .map((check) => (check.text !== null && check.text.length > MAX_TEXT_CHARS ? { ...check, text: null } : check));
    const text = checks.length === 0 ? "" : JSON.stringify({ v: 1, checks });
    if (text === written) return;
    written = text;
    if (text === "") return rm(file, { force: true });
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await replace(file, text);
  };
  const inTurn = () => {
    working = working.then(write).catch((error: Error) => {
      written = "";
      log(`Pending checks cannot be written: ${error.message}`);
    });
    return working;
  };

  return {
    save() {
      timer ??= setTimeout(() => {
        timer = null;
        void inTurn();
      }, SAVE_AFTER_MS);
    },
    async forget(isForgotten) {
      await inTurn();
      for (const name of await namesIn(dir)) {
        const owner = /^(\d+)-/.exec(name)?.[1];
        if (owner !== undefined && isProcessAlive(Number(owner))) continue;
        const left = path.join(dir, name);
        const checks = name.endsWith(".json") ? await readChecks(left) : null;
        const kept = checks?.filter((check) => !isForgotten(check)) ?? [];
        // What cannot be read may hold anything.
        if (kept.length === 0) await rm(left, { force: true });
        else if (kept.length < (checks?.length ?? 0)) await replace(left, JSON.stringify({ v: 1, checks: kept }));
      }
    },
    async close() {
      if (timer) clearTimeout(timer);
      await inTurn();
      if (written !== "") await rename(file, path.join(dir, `closed-${sessionId}.json`));
    },
  };
}

/**
 * Takes over the checks that windows have left whose process is gone: those in these folders. Two windows that
 * start at once never take the same file, and files of other folders are left to windows on them.
 */
export async function adoptPendingChecks(
  dir: string,
  isMine: (root: string) => boolean,
  wallMs: number,
  isAlive: (pid: number) => boolean = isProcessAlive,
): Promise<readonly StoredCheck[]> {
  const adopted: StoredCheck[] = [];
  for (const name of await namesIn(dir)) {
    const owner = /^(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && isAlive(Number(owner))) continue;
    const file = path.join(dir, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: wallMs }));
    if (wallMs - mtimeMs > FORGOTTEN_AFTER_MS) {
      await rm(file, { force: true });
      continue;
    }
    if (!name.endsWith(".json")) continue;
    const checks = await readChecks(file);
    if (checks !== null && !checks.some(({ root }) => isMine(root))) continue;
    const claimed = path.join(dir, `${process.pid}-claimed-${name}`);
    try {
      await rename(file, claimed);
    } catch {
      continue;
    }
    for (const check of checks ?? []) if (isMine(check.root)) adopted.push(check);
    await rm(claimed, { force: true });
  }
  return adopted;
}

async function replace(file: string, text: string): Promise<void> {
  const partial = `${file}.partial`;
  const handle = await open(partial, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(partial, file);
}

/** Null when the file holds something else: a crash, another version. */
async function readChecks(file: string): Promise<readonly StoredCheck[] | null> {
  try {
    return storedChecks.parse(JSON.parse(await readFile(file, "utf8"))).checks;
  } catch {
    return null;
  }
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir);
  } catch {
    return [];
  }
}

function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
