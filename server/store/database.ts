import { AppError } from "../errors.ts";
import { MIGRATIONS } from "./migrations.ts";
import Database from "better-sqlite3";
import { syncDirectory } from "../durable-file.ts";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import path from "node:path";

export type Db = Database.Database;

/** Longest wait for another connection's lock, milliseconds: a reader such as a backup tool. */
const BUSY_TIMEOUT_MS = 5_000;

/** The WAL is cut back to this after a checkpoint, bytes. */
const WAL_LIMIT_BYTES = 16 * 1024 * 1024;
/**
 * Pages in the WAL at which a commit of the writer thread writes them back. SQLite's own 1,000 would hold
 * up one event in a hundred; these are as many as {@link WAL_LIMIT_BYTES}.
 */
const WRITER_CHECKPOINT_PAGES = 4_000;
/** The same for the thread that answers requests: only when the writer thread does not come to it. */
const MAIN_CHECKPOINT_PAGES = 16_000;

/**
 * Opens the store, checks it and brings it to this version's schema.
 *
 * `synchronous` is FULL: with WAL the default loses acknowledged rows in a power cut.
 * @throws AppError `newer-schema` when a later Kept wrote it, `corrupt-store` when it is damaged.
 */
export function openDatabase(file: string): Db {
  if (file !== ":memory:") closeSync(openSync(file, "a", 0o600));
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    if (file !== ":memory:") chmodSync(file, 0o600);
    refuseNewerSchema(db);
    // Only counts before there is anything: the file of a store can give back the pages of what was deleted.
    if (schemaVersion(db) === 0) db.pragma("auto_vacuum = INCREMENTAL");
    db.pragma("journal_mode = WAL");
    configure(db);
    db.pragma(`wal_autocheckpoint = ${MAIN_CHECKPOINT_PAGES}`);
    const [check] = db.pragma("quick_check(1)") as { quick_check: string }[];
    if (check?.quick_check !== "ok") throw new Error(check?.quick_check);
    migrate(db);
    return db;
  } catch (cause) {
    db.close();
    if (cause instanceof AppError) throw cause;
    throw damagedStore(file, cause);
  }
}

export const damagedStore = (file: string, cause: unknown): AppError =>
  new AppError("corrupt-store", `The store ${file} cannot be read: ${(cause as Error).message}`, {
    cause,
    hint: "It was left as it is. Move it away, or start with another folder by --data-dir.",
  });

/** Another connection to a store that this process has opened: it is neither checked nor migrated again. */
export function joinDatabase(file: string): Db {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS, fileMustExist: true });
  configure(db);
  db.pragma(`wal_autocheckpoint = ${WRITER_CHECKPOINT_PAGES}`);
  return db;
}

/** A connection to a store that is open elsewhere, which cannot write. */
export function readDatabase(file: string): Db {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS, readonly: true });
  db.pragma("trusted_schema = OFF");
  return db;
}

/** Settings of a connection, not of the file: every one needs them. */
function configure(db: Db): void {
  db.pragma("synchronous = FULL");
  db.pragma("foreign_keys = ON");
  db.pragma("secure_delete = ON");
  db.pragma("trusted_schema = OFF");
  db.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`);
}

/** Schema version of an open store. */
export const schemaVersion = (db: Db): number => db.pragma("user_version", { simple: true }) as number;

function refuseNewerSchema(db: Db): void {
  const found = schemaVersion(db);
  if (found <= MIGRATIONS.length) return;
  throw new AppError("newer-schema", `The store has schema ${found}; this Kept knows up to ${MIGRATIONS.length}.`, {
    hint: "Update Kept. The store was not changed.",
  });
}

/** Each migration and its version number are one transaction: a kill leaves the old or the new schema. */
function migrate(db: Db): void {
  const from = schemaVersion(db);
  if (from > 0 && from < MIGRATIONS.length && db.name !== ":memory:") copyBeforeMigration(db, from);
  for (let version = schemaVersion(db); version < MIGRATIONS.length; version++) {
    db.transaction(() => {
      db.exec(MIGRATIONS[version]!);
      db.pragma(`user_version = ${version + 1}`);
    }).immediate();
  }
}

/**
 * The store as it was before this version changed its schema, beside it: `kept.db.schema-<n>`. It gets its
 * name when it is whole, so a kill in the middle leaves the next start to write it.
 */
function copyBeforeMigration(db: Db, from: number): void {
  const copy = `${db.name}.schema-${from}`;
  if (existsSync(copy)) return;
  const unfinished = `${copy}.tmp`;
  rmSync(unfinished, { force: true });
  copyDatabase(db, unfinished);
  renameSync(unfinished, copy);
  syncDirectory(path.dirname(copy));
}

/** One consistent moment of a store, without what was deleted from it, written anew page by page and durable. */
export function copyDatabase(db: Db, to: string): void {
  db.prepare("VACUUM INTO ?").run(to);
  chmodSync(to, 0o600);
  const file = openSync(to, "r+");
  fsyncSync(file);
  closeSync(file);
}

/** Deletes what {@link copyBeforeMigration} wrote. */
export function removeCopies(db: Db): void {
  if (db.name === ":memory:") return;
  const dir = path.dirname(db.name);
  const begin = `${path.basename(db.name)}.schema-`;
  for (const name of readdirSync(dir)) if (name.startsWith(begin)) rmSync(path.join(dir, name), { force: true });
}

/**
 * Writes the WAL back into the file and empties it; false when somebody reads what stands only there, or
 * writes now. It waits for nobody: whoever waited would hold the lock of the writer meanwhile.
 */
export function truncateLog(db: Db): boolean {
  db.pragma("busy_timeout = 0");
  try {
    const [result] = db.pragma("wal_checkpoint(TRUNCATE)") as { busy: number }[];
    return result?.busy === 0;
  } finally {
    db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  }
}

/** The same for a WAL that has become large. */
export function boundLog(db: Db): void {
  if ((statSync(`${db.name}-wal`, { throwIfNoEntry: false })?.size ?? 0) > WAL_LIMIT_BYTES) truncateLog(db);
}

/** Writes the WAL back into the file, empties it and closes the store. */
export function closeDatabase(db: Db): void {
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
}
