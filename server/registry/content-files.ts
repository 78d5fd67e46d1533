import type { ArtefactFile } from "../../protocol/api.ts";
import { hashOf } from "../content-hash.ts";
import { writeFileDurably } from "../durable-file.ts";
import { AppError } from "../errors.ts";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";

/** Files named by the sha256 of their bytes: `files/<sha256>`. Written whole, never changed. */
export interface ContentFiles {
  /** Stores bytes under their hash; what is there already is left alone. */
  put(name: string, bytes: Uint8Array): ArtefactFile;
  /** Reads a file and checks its hash. @throws AppError `not-found`, `corrupt-store` */
  read(sha256: string): Buffer;
}

const SHA256 = /^[0-9a-f]{64}$/;

export function openContentFiles(dir: string): ContentFiles {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  removeUnfinished(dir);
  return {
    put(name, bytes) {
      const sha256 = hashOf(bytes);
      const file = path.join(dir, sha256);
      // A file of that name with other bytes is damage: it is replaced by what its name says.
      if (!existsSync(file) || hashOf(readFileSync(file)) !== sha256) writeFileDurably(file, bytes, 0o600);
      return { name, sha256, bytes: bytes.length };
    },
    read(sha256) {
      if (!SHA256.test(sha256) || !existsSync(path.join(dir, sha256))) {
        throw new AppError("not-found", "There is no file with this hash.");
      }
      const bytes = readFileSync(path.join(dir, sha256));
      if (hashOf(bytes) !== sha256) {
        throw new AppError("corrupt-store", `The stored file ${sha256} does not have the bytes that its name says.`);
      }
      return bytes;
    },
  };
}

/** Temporary files of a process that was killed while it wrote. */
function removeUnfinished(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (name.startsWith(".") && name.endsWith(".tmp")) rmSync(path.join(dir, name), { force: true });
  }
}
