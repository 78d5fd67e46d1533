import { checkIntegrity } from "./backup/create.ts";
import { listBackups, verifyBackup } from "./backup/backup-folder.ts";
import { syncDirectory, writeFileDurably } from "./durable-file.ts";
import { withdrawAllIn } from "./egress/allowances.ts";
import { AppError } from "./errors.ts";
import type { Log } from "./log.ts";
import { backupsOf, type DataPlaces } from "./places.ts";
import { openStore, type Store } from "./store/store.ts";
import { MIGRATIONS } from "./store/migrations.ts";
import Database from "better-sqlite3";
import { randomInt } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

const PRIVATE_DIR = 0o700;
const PRIVATE_FILE = 0o600;

/**
 * Opens the store of a data folder. A damaged one is set aside as `damaged-<time>/`, never overwritten, and
 * the newest backup that can be verified takes its place; without a backup it stays as it is and nothing
 * starts. A store that is not the one that was here before counts as damaged: an empty file, or one into
 * which another store's log was applied.
 * @throws AppError `newer-schema`, `corrupt-store`
 */
export function openOrRestore(places: DataPlaces, log: Log): Store {
  const unfinished = readIntent(places);
  if (unfinished !== null) restoreInto(places, unfinished, log);
  try {
    return openKnown(places);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "corrupt-store") throw error;
    const backup = newestBackup(backupsOf(places.dataDir), log);
    if (backup === null) throw error;
    const aside = `damaged-${new Date().toISOString().replaceAll(":", "-")}`;
    const intent = { backup, aside };
    writeFileDurably(intentFile(places), Buffer.from(JSON.stringify(intent)), PRIVATE_FILE);
    log.error({ event: "store-damaged", reason: error.message, aside });
    restoreInto(places, intent, log);
    return openKnown(places);
  }
}

/** The number in the store's header by which its folder knows it again. */
const idFile = ({ database }: DataPlaces): string => `${database}.id`;

function openKnown(places: DataPlaces): Store {
  const file = idFile(places);
  const known = existsSync(file) ? Number(readFileSync(file, "utf8")) : null;
  // An empty file is how SQLite begins; here something was before.
  if (known !== null && existsSync(places.database) && statSync(places.database).size === 0) {
    throw damaged(places, "it is empty");
  }
  inspectWithLog(places, known);
  const store = openStore(places.database);
  let id = store.db.pragma("application_id", { simple: true }) as number;
  if (known !== null && id !== known) {
    store.db.close();
    throw damaged(places, "it is another store than the one that was here");
  }
  if (id === 0) {
    id = randomInt(1, 2 ** 31 - 1);
    store.db.pragma(`application_id = ${id}`);
  }
  if (known === null) writeFileDurably(file, Buffer.from(String(id)), PRIVATE_FILE);
  return store;
}

/**
 * Looks at a store with a log before anybody may write: the last connection that closes writes the log back,
 * and with the log of another store that would mix the two for good.
 */
function inspectWithLog(places: DataPlaces, known: number | null): void {
  const log = `${places.database}-wal`;
  if (!existsSync(places.database) || !existsSync(log) || statSync(log).size === 0) return;
  let problem: string | null;
  try {
    const db = new Database(places.database, { readonly: true, fileMustExist: true });
    try {
      const isOther = known !== null && db.pragma("application_id", { simple: true }) !== known;
      const found = db.pragma("quick_check(1)", { simple: true });
      problem = isOther ? "its log belongs to another store" : found === "ok" ? null : String(found);
    } finally {
      db.close();
    }
  } catch (error) {
    problem = (error as Error).message;
  }
  if (problem !== null) throw damaged(places, problem);
}

const damaged = ({ database }: DataPlaces, what: string): AppError =>
  new AppError("corrupt-store", `The store ${database} cannot be used: ${what}.`, {
    hint: "It was left as it is, and there is no backup that could take its place. Move it away, or start with another folder by --data-dir.",
  });

const intent = z.object({ backup: z.string(), aside: z.string().regex(/^damaged-[0-9TZ.-]+$/) });
type Intent = z.infer<typeof intent>;
const intentFile = ({ dataDir }: DataPlaces): string => path.join(dataDir, "restore.json");

/** A restore that an earlier start was killed in. */
function readIntent(places: DataPlaces): Intent | null {
  const file = intentFile(places);
  return existsSync(file) ? intent.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
}

/** Every step can be done again: the one before the last replaces the store, the last says that it is done. */
function restoreInto(places: DataPlaces, { backup, aside }: Intent, log: Log): void {
  const manifest = verifyBackup(backup);
  const kept = path.join(places.dataDir, aside);
  const restored = `${places.database}.restored.tmp`;
  const store = path.basename(places.database);
  for (const { path: name } of manifest.files) {
    const file = name === store ? restored : path.join(places.dataDir, ...name.split("/"));
    mkdirSync(path.dirname(file), { recursive: true, mode: PRIVATE_DIR });
    writeFileDurably(file, readFileSync(path.join(backup, ...name.split("/"))), PRIVATE_FILE);
  }
  withdrawAllIn(restored);
  mkdirSync(kept, { recursive: true, mode: PRIVATE_DIR });
  if (!existsSync(path.join(kept, store))) linkSync(places.database, path.join(kept, store));
  for (const end of ["-wal", "-shm"]) {
    const file = places.database + end;
    if (existsSync(file) && !existsSync(path.join(kept, store + end))) renameSync(file, path.join(kept, store + end));
  }
  syncDirectory(kept);
  rmSync(idFile(places), { force: true });
  renameSync(restored, places.database);
  syncDirectory(places.dataDir);
  rmSync(intentFile(places));
  syncDirectory(places.dataDir);
  const { createdAt, eventWatermark } = manifest;
  log.error({ event: "store-restored", backup, createdAt, eventWatermark, aside });
}

/** The newest backup of which every byte is as its manifest says and which this version can open. */
function newestBackup(folder: string, log: Log): string | null {
  const { backups, damaged: unreadable } = listBackups(folder);
  for (const { dir, reason } of unreadable) log.warn({ event: "backup-not-used", backup: path.basename(dir), reason });
  for (const { dir, manifest } of backups) {
    if (manifest.schema > MIGRATIONS.length) continue;
    try {
      verifyBackup(dir);
      checkIntegrity(path.join(dir, "kept.db"));
      return dir;
    } catch (error) {
      log.warn({ event: "backup-not-used", backup: path.basename(dir), reason: (error as Error).message });
    }
  }
  return null;
}
