import { AppError } from "../errors.ts";
import { hashOf } from "../content-hash.ts";
import { syncDirectory, writeFileDurably } from "../durable-file.ts";
import type { DataPlaces } from "../places.ts";
import { copyDatabase, schemaVersion } from "../store/database.ts";
import { keptVersion } from "../version.ts";
import { FORMAT, MANIFEST, verifyBackup, type BackupManifest, type BackupProgress } from "./backup-folder.ts";
import Database from "better-sqlite3";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { randomUUID } from "node:crypto";

/** Longest wait for a writer that holds the store, milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;
const PRIVATE_DIR = 0o700;
const PRIVATE_FILE = 0o600;
const STORE = "kept.db";

export interface Backup {
  readonly dir: string;
  readonly manifest: BackupManifest;
}

/**
 * Writes a backup of a data folder into a new folder under `to`, whether or not a server runs on it: the
 * store as one moment of it (with everything that was acknowledged before), then the files that this
 * moment names. The folder gets its name when all of it is durable and has been read back.
 *
 * Not in it: the token, logs, checkpoints of runs, and base models that can be pulled again.
 * @throws AppError `not-found` without a store, `backup-damaged` when what was written reads back otherwise
 */
export function createBackup(places: DataPlaces, to: string, now: Date, onProgress: BackupProgress = () => {}): Backup {
  if (!existsSync(places.database)) throw new AppError("not-found", `${places.dataDir} holds no store.`);
  mkdirSync(to, { recursive: true, mode: PRIVATE_DIR });
  removeUnfinished(to);
  const createdAt = now.toISOString();
  const name = `kept-${createdAt.replaceAll(":", "-")}`;
  const work = path.join(to, `.${name}.${randomUUID()}`);
  mkdirSync(work, { mode: PRIVATE_DIR });
  try {
    const files: BackupManifest["files"] = [];
    let done = 0;
    const keep = (relative: string, bytes: Buffer): void => {
      const file = path.join(work, ...relative.split("/"));
      mkdirSync(path.dirname(file), { recursive: true, mode: PRIVATE_DIR });
      writeFileDurably(file, bytes, PRIVATE_FILE);
      files.push({ path: relative, bytes: bytes.length, sha256: hashOf(bytes) });
      onProgress((done += bytes.length), null);
    };
    const taken = copyStore(places.database, path.join(work, STORE));
    const stored = readFileSync(path.join(work, STORE));
    files.push({ path: STORE, bytes: stored.length, sha256: hashOf(stored) });
    onProgress((done += stored.length), null);
    for (const sha256 of taken.contentFiles) {
      const bytes = readNamed(path.join(places.files, sha256));
      if (hashOf(bytes) !== sha256) {
        throw new AppError("corrupt-store", `The stored file ${sha256} does not have the bytes that its name says.`);
      }
      keep(`files/${sha256}`, bytes);
    }
    for (const sha256 of taken.datasets) {
      for (const part of ["manifest.json", "rows.jsonl"]) {
        keep(`datasets/${sha256}/${part}`, readNamed(path.join(places.datasets, sha256, part)));
      }
    }
    const { schema, eventWatermark } = taken;
    const manifest: BackupManifest = { format: FORMAT, createdAt, keptVersion, schema, eventWatermark, files };
    writeFileDurably(path.join(work, MANIFEST), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`), PRIVATE_FILE);
    verifyBackup(work, onProgress);
    checkIntegrity(path.join(work, STORE));
    const dir = path.join(to, name);
    renameSync(work, dir);
    syncDirectory(to);
    return { dir, manifest };
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
}

interface TakenStore {
  readonly schema: number;
  readonly eventWatermark: number;
  /** Hashes of the files that the copied store names. */
  readonly contentFiles: readonly string[];
  readonly datasets: readonly string[];
}

/** Copies the store, and reads in the copy what else has to be copied. */
function copyStore(from: string, to: string): TakenStore {
  const source = new Database(from, { timeout: BUSY_TIMEOUT_MS, readonly: true, fileMustExist: true });
  try {
    copyDatabase(source, to);
  } finally {
    source.close();
  }
  const copy = new Database(to, { readonly: true });
  try {
    const schema = schemaVersion(copy);
    const list = (sql: string): string[] => copy.prepare(sql).pluck().all() as string[];
    return {
      schema,
      eventWatermark: copy.prepare("SELECT coalesce(max(sequence), 0) FROM events").pluck().get() as number,
      contentFiles: list("SELECT DISTINCT sha256 FROM version_files ORDER BY sha256"),
      datasets: list(`SELECT sha256 FROM datasets WHERE ${stillThere(schema)} ORDER BY sha256`),
    };
  } finally {
    copy.close();
  }
}

/** Of a dataset that held something forgotten, or whose time is over, only the row is left; old schemas knew neither. */
function stillThere(schema: number): string {
  const notForgotten = "id NOT IN (SELECT dataset_id FROM invalid_datasets)";
  if (schema >= 4) return `expired_at IS NULL AND ${notForgotten}`;
  return schema >= 3 ? notForgotten : "1";
}

function readNamed(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new AppError("corrupt-store", `The store names ${path.basename(file)}, which cannot be read.`, {
      cause,
      hint: "It may just have been forgotten: try again. Otherwise `kept doctor` says more.",
    });
  }
}

/** @throws AppError `backup-damaged` */
export function checkIntegrity(database: string): void {
  const db = new Database(database, { readonly: true, fileMustExist: true });
  try {
    const answer = db.pragma("integrity_check(1)", { simple: true });
    if (answer !== "ok") throw new AppError("backup-damaged", `The copied store is damaged: ${String(answer)}`);
  } finally {
    db.close();
  }
}

/** What backups that were killed left behind: nobody lists them, and an hour later nobody writes them. */
function removeUnfinished(to: string): void {
  const HOUR_MS = 3_600_000;
  for (const name of readdirSync(to)) {
    const dir = path.join(to, name);
    if (name.startsWith(".kept-") && statSync(dir).mtimeMs < Date.now() - HOUR_MS) rmSync(dir, { recursive: true });
  }
}
