import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { randomUUID } from "node:crypto";
import path from "node:path";

/**
 * Writes a file so that a crash or a power cut leaves the old bytes or all of the new ones: temporary
 * file, fsync, rename, fsync of the folder.
 */
export function writeFileDurably(file: string, bytes: Uint8Array, mode: number): void {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomUUID()}.tmp`);
  const fd = openSync(temporary, "wx", mode);
  try {
    fchmodSync(fd, mode);
    for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset);
    fsyncSync(fd);
  } catch (error) {
    closeSync(fd);
    rmSync(temporary, { force: true });
    throw error;
  }
  closeSync(fd);
  renameSync(temporary, file);
  syncDirectory(path.dirname(file));
}

/** Makes renames in a folder durable. Windows has no such call and needs none. */
export function syncDirectory(dir: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(dir, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
