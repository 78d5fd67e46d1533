import { createRandom } from "../../../core/statistics/random.ts";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** What of the writes that were never made durable is on the disk after the power came back. */
export type Unsynced = { readonly kind: "lost" } | { readonly kind: "partly-kept"; readonly seed: number };

/**
 * Makes a folder what a power cut left of it: the names that were fsynced with their folders, each with the
 * bytes of its last fsync; with `partly-kept` also a random beginning of the later writes of each file.
 */
export function rebuildDisk(root: string, shadow: string, rootKey: string, unsynced: Unsynced): void {
  for (const name of readdirSync(root)) rmSync(path.join(root, name), { recursive: true, force: true });
  const random = unsynced.kind === "lost" ? null : createRandom(unsynced.seed);
  const restore = (dir: string, key: string): void => {
    const list = path.join(shadow, "folders", key);
    if (!existsSync(list)) return;
    for (const line of readFileSync(list, "utf8").split("\n")) {
      const entry = /^([df]) (\d+) (\S+) (.+)$/.exec(line);
      if (!entry) continue;
      const [, kind, mode, child, name] = entry as unknown as [string, "d" | "f", string, string, string];
      const place = path.join(dir, name);
      if (kind === "d") {
        mkdirSync(place);
        restore(place, child);
      } else {
        const kept = path.join(shadow, "inodes", child);
        const bytes = existsSync(kept) ? readFileSync(kept) : Buffer.alloc(0);
        writeFileSync(place, random === null ? bytes : withPending(bytes, path.join(shadow, "pending", child), random));
      }
      chmodSync(place, Number.parseInt(mode, 8));
    }
  };
  restore(root, rootKey);
}

const HEAD_BYTES = 16;

/** Some of the first writes after the last fsync, the last of them cut short. */
function withPending(durable: Buffer, pending: string, random: () => number): Buffer {
  if (!existsSync(pending)) return durable;
  const log = readFileSync(pending);
  const writes: { offset: number; bytes: Buffer }[] = [];
  for (let at = 0; at + HEAD_BYTES <= log.length;) {
    const length = Number(log.readBigUInt64LE(at + 8));
    const bytes = log.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    writes.push({ offset: Number(log.readBigUInt64LE(at)), bytes });
    at += HEAD_BYTES + length;
  }
  const nKept = Math.floor(random() * (writes.length + 1));
  const torn = writes[nKept];
  const kept = writes.slice(0, nKept);
  if (torn) kept.push({ offset: torn.offset, bytes: torn.bytes.subarray(0, Math.floor(random() * torn.bytes.length)) });
  const size = Math.max(durable.length, ...kept.map(({ offset, bytes }) => offset + bytes.length));
  const disk = Buffer.alloc(size);
  durable.copy(disk);
  for (const { offset, bytes } of kept) bytes.copy(disk, offset);
  return disk;
}
