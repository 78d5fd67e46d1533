import { runtimeFile, type RuntimeFile } from "../protocol/api.ts";
import { writeFileDurably } from "./durable-file.ts";
import { readFileSync, rmSync, statSync } from "node:fs";

/** Writes `server.json` with mode 0600: readers see the old file or the whole new one. */
export function writeRuntimeFile(file: string, value: RuntimeFile): void {
  writeFileDurably(file, Buffer.from(JSON.stringify(value, null, 2) + "\n"), 0o600);
}

/** The runtime file, or null when there is none, it is not ours alone, or it is not readable. */
export function readRuntimeFile(file: string): RuntimeFile | null {
  try {
    if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) return null;
    return runtimeFile.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return null;
  }
}

/** Removes the runtime file when it is still the one that this process wrote. */
export function removeRuntimeFile(file: string, token: string): void {
  if (readRuntimeFile(file)?.token === token) rmSync(file, { force: true });
}
