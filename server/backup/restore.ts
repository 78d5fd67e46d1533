import { withdrawAllIn } from "../egress/allowances.ts";
import { AppError } from "../errors.ts";
import { syncDirectory, writeFileDurably } from "../durable-file.ts";
import { dataPlaces } from "../places.ts";
import { openStore } from "../store/store.ts";
import { checkIntegrity } from "./create.ts";
import { verifyBackup, type BackupManifest, type BackupProgress } from "./backup-folder.ts";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { randomUUID } from "node:crypto";
import path from "node:path";

const PRIVATE_DIR = 0o700;
const PRIVATE_FILE = 0o600;

/**
 * Makes a data folder from a backup. The backup is verified first, the folder gets its name when all of it
 * is durable and its store has been opened, and a folder that holds anything is never written into.
 * @throws AppError `not-found`, `backup-damaged`, `invalid` when the folder is not empty, `newer-schema`
 */
export function restoreBackup(backup: string, dataDir: string, onProgress: BackupProgress = () => {}): BackupManifest {
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) {
    throw new AppError("invalid", `${dataDir} is not empty; a restore never overwrites.`, {
      hint: "Name an empty folder with --to, or move the old one away first.",
    });
  }
  const manifest = verifyBackup(backup, onProgress);
  mkdirSync(path.dirname(dataDir), { recursive: true });
  const work = `${dataDir}.restore-${randomUUID()}`;
  mkdirSync(work, { mode: PRIVATE_DIR });
  try {
    let done = 0;
    const all = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { path: name, bytes } of manifest.files) {
      const file = path.join(work, ...name.split("/"));
      mkdirSync(path.dirname(file), { recursive: true, mode: PRIVATE_DIR });
      writeFileDurably(file, readFileSync(path.join(backup, ...name.split("/"))), PRIVATE_FILE);
      onProgress((done += bytes), all);
    }
    const { database } = dataPlaces(work);
    checkIntegrity(database);
    // Opening brings it to this version's schema, or refuses a newer one, before anybody relies on it.
    openStore(database)[Symbol.dispose]();
    withdrawAllIn(database);
    if (existsSync(dataDir)) rmSync(dataDir, { recursive: true });
    renameSync(work, dataDir);
    syncDirectory(path.dirname(dataDir));
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
  return manifest;
}
