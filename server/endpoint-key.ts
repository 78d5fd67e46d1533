import { writeFileDurably } from "./durable-file.ts";
import { createToken } from "./http/token.ts";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";

/** What `createToken` makes: anything else in the file is not ours. */
const KEY = /^[A-Za-z0-9_-]{43}$/;

/**
 * The key of other editors, in a file of mode 0600: it opens the list of models and completions and nothing else,
 * and counts until somebody makes another, so that it may stand in another program's settings. Null when there is
 * none, or when others may read the file.
 */
export function readEndpointKey(file: string): string | null {
  try {
    if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) return null;
    const key = readFileSync(file, "utf8").trim();
    return KEY.test(key) ? key : null;
  } catch {
    return null;
  }
}

/** Writes another key: the one before counts no more. */
export function makeEndpointKey(file: string): string {
  const key = createToken();
  writeFileDurably(file, Buffer.from(`${key}\n`), 0o600);
  return key;
}

/** Whether there was one. */
export function removeEndpointKey(file: string): boolean {
  const was = existsSync(file);
  rmSync(file, { force: true });
  return was;
}
