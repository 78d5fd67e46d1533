import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../errors.ts";
import type { HubFile } from "./model-files.ts";

/** The bytes of a file from an offset on. */
export type ByteSource = (file: HubFile, from: number) => Promise<AsyncIterable<Uint8Array>>;

/**
 * Brings one file into a folder: what is there of an earlier attempt is kept and hashed, the rest is
 * fetched, and the file gets its name only when all of its bytes have the hash that the hub named.
 * `onBytes` hears of every byte that is in place. @throws AppError `hub-invalid`
 */
export async function downloadFile(
  folder: string,
  file: HubFile,
  source: ByteSource,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const target = path.join(folder, file.name);
  const partial = `${target}.part`;
  if ((await sizeOf(target)) === file.bytes) return onBytes(file.bytes);
  const hash = startHash(file);
  let have = Math.min(Math.max(0, await sizeOf(partial)), file.bytes);
  if (have > 0) await hashFile(partial, have, hash, signal);
  onBytes(have);
  const handle = await open(partial, have > 0 ? "r+" : "w", 0o600);
  try {
    await handle.truncate(have);
    if (have < file.bytes) {
      for await (const piece of await source(file, have)) {
        signal.throwIfAborted();
        if (have + piece.length > file.bytes) throw wrongBytes(file, "is longer than the hub said");
        await handle.write(piece, 0, piece.length, have);
        hash.update(piece);
        have += piece.length;
        onBytes(piece.length);
      }
      if (have < file.bytes)
        throw new AppError("hub-unreachable", `The download of ${file.name} ended early.`, {
          hint: "Run the command again: it goes on where it stopped.",
        });
    }
    await handle.sync();
  } catch (error) {
    if (error instanceof AppError && error.code === "hub-invalid") await rm(partial, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  if (hash.digest("hex") !== file.hash.hex) {
    await rm(partial, { force: true });
    throw wrongBytes(file, "does not have the hash that the hub named");
  }
  await rename(partial, target);
}

/** True when the file is there and has its bytes. */
export async function isIntact(folder: string, file: HubFile, signal: AbortSignal): Promise<boolean> {
  const target = path.join(folder, file.name);
  if ((await sizeOf(target)) !== file.bytes) return false;
  const hash = startHash(file);
  await hashFile(target, file.bytes, hash, signal);
  return hash.digest("hex") === file.hash.hex;
}

/** Git hashes a blob with its length in front of it. */
function startHash({ hash, bytes }: HubFile): Hash {
  return hash.kind === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${bytes}\0`);
}

async function hashFile(file: string, bytes: number, hash: Hash, signal: AbortSignal): Promise<void> {
  if (bytes === 0) return;
  for await (const piece of createReadStream(file, { end: bytes - 1, signal })) hash.update(piece as Uint8Array);
}

/** The size of a file in bytes, -1 when there is none. */
export async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => null))?.size ?? -1;
}

const wrongBytes = (file: HubFile, what: string) =>
  new AppError("hub-invalid", `${file.name} ${what}; it was thrown away.`, { hint: "Run the command again." });
