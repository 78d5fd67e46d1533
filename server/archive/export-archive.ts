import { AppError } from "../errors.ts";
import { syncDirectory } from "../durable-file.ts";
import type { DataPlaces } from "../places.ts";
import { schemaVersion } from "../store/database.ts";
import { MIGRATIONS } from "../store/migrations.ts";
import { keptVersion } from "../version.ts";
import { ARCHIVE_FORMAT, MANIFEST_MEMBER, type ArchiveManifest, type ArchiveMember } from "./layout.ts";
import { archiveReadme } from "./readme.ts";
import { DERIVED, EVENTS_MEMBER, STANDING, TABLES, toRecord, type RecordTable } from "./records.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar.ts";
import Database from "better-sqlite3";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdtemp, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

/** Longest wait for a writer that holds the store, milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;
const PRIVATE_FILE = 0o600;
/** Between two looks at the signal and two reports of progress, rows. */
const ROWS_AT_ONCE = 512;

export interface ExportRequest {
  readonly places: DataPlaces;
  /** The file that is made; one that ends in `.gz` or `.tgz` is packed. */
  readonly out: string;
  readonly now: Date;
  readonly signal: AbortSignal;
  /** Hears how many of all bytes are written; `all` is null until it is known. */
  readonly onProgress: (done: number, all: number | null) => void;
}

/**
 * Writes everything of a data folder into one file, whether or not a server runs on it: one moment of the
 * store, with everything that was acknowledged before, and the files that this moment names. The file gets
 * its name when all of it is on the disk.
 *
 * Not in it: the token, logs, checkpoints of runs, base models, permissions to connect, and the names of
 * files and folders that were forgotten.
 * @throws AppError `not-found` without a store, `invalid` when the file is there, `busy` while something is
 * being forgotten, `corrupt-store`
 */
export async function exportArchive(request: ExportRequest): Promise<ArchiveManifest> {
  const { places, out } = request;
  if (!existsSync(places.database)) throw new AppError("not-found", `${places.dataDir} holds no store.`);
  if (existsSync(out)) {
    throw new AppError("invalid", `${out} is there already; an export never overwrites.`, {
      hint: "Name another file, or move it away.",
    });
  }
  // Beside the wanted file, so that it only has to be renamed: nothing of it lies where others may read.
  const work = await mkdtemp(`${out}.`);
  const db = openSnapshot(places.database);
  try {
    const { manifest, sources } = await collect(db, request, work);
    const packed = path.join(work, "archive");
    await pack(manifest, sources, packed, request);
    if (existsSync(out)) throw new AppError("invalid", `${out} appeared meanwhile; an export never overwrites.`);
    await rename(packed, out);
    syncDirectory(path.dirname(out));
    return manifest;
  } finally {
    db.close();
    await rm(work, { recursive: true, force: true });
  }
}

/** One moment of the store: what is committed later is not seen. */
function openSnapshot(file: string): Database.Database {
  const db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    const schema = schemaVersion(db);
    if (schema !== MIGRATIONS.length) {
      throw new AppError(
        schema > MIGRATIONS.length ? "newer-schema" : "invalid",
        `The store has schema ${schema}; this Kept exports schema ${MIGRATIONS.length}.`,
        {
          hint: schema > MIGRATIONS.length ? "Update Kept." : "Start the server once: it brings the store up to date.",
        },
      );
    }
    db.exec("BEGIN");
    // A transaction sees the moment of its first read.
    const unfinished = db.prepare("SELECT count(*) FROM forget_operations WHERE finished_at IS NULL").pluck().get();
    if (unfinished !== 0) {
      throw new AppError("busy", "Something is being forgotten; an archive must not hold it.", {
        hint: "Try again in a moment. `kept forget list` shows what is under way.",
      });
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

interface Collected {
  readonly manifest: ArchiveManifest;
  /** The file that holds the bytes of each member. */
  readonly sources: ReadonlyMap<string, string>;
}

async function collect(db: Database.Database, request: ExportRequest, work: string): Promise<Collected> {
  const { places, signal, now } = request;
  const members: ArchiveMember[] = [];
  const sources = new Map<string, string>();
  let done = 0;
  const onBytes = (bytes: number): void => request.onProgress((done += bytes), null);
  const add = async (name: string, lines: Iterable<string>): Promise<void> => {
    const file = path.join(work, `part-${members.length}`);
    members.push({ path: name, ...(await writeLines(file, lines, signal, onBytes)) });
    sources.set(name, file);
  };
  const readme = archiveReadme(now, keptVersion);
  await add("README.md", [readme]);
  delete members[0]!.records;
  await add(EVENTS_MEMBER, eventLines(db));
  for (const table of [...TABLES, ...STANDING, ...DERIVED]) await add(table.member, tableLines(db, table));

  const addFile = async (name: string, file: string, sha256: string | null): Promise<void> => {
    signal.throwIfAborted();
    const found = await hashFile(file);
    if (sha256 !== null && found.sha256 !== sha256) {
      throw new AppError("corrupt-store", `The stored file ${sha256} does not have the bytes that its name says.`);
    }
    members.push({ path: name, ...found });
    sources.set(name, file);
    onBytes(found.bytes);
  };
  const datasets = db
    .prepare(`
      SELECT sha256 FROM datasets
      WHERE expired_at IS NULL AND id NOT IN (SELECT dataset_id FROM invalid_datasets) ORDER BY sha256`)
    .pluck()
    .all() as string[];
  for (const sha256 of datasets) {
    const dir = path.join(places.datasets, sha256);
    await addFile(`datasets/${sha256}/manifest.json`, path.join(dir, "manifest.json"), sha256);
    await addFile(`datasets/${sha256}/rows.jsonl`, path.join(dir, "rows.jsonl"), null);
  }
  const files = db.prepare("SELECT version_id, name, sha256 FROM version_files ORDER BY version_id, name").all() as {
    version_id: string;
    name: string;
    sha256: string;
  }[];
  for (const { version_id: version, name, sha256 } of files) {
    await addFile(`versions/${version}/${name}`, path.join(places.files, sha256), sha256);
  }
  const manifest: ArchiveManifest = {
    format: ARCHIVE_FORMAT,
    createdAt: now.toISOString(),
    keptVersion,
    schema: schemaVersion(db),
    eventWatermark: db.prepare("SELECT coalesce(max(sequence), 0) FROM events").pluck().get() as number,
    members,
  };
  return { manifest, sources };
}

function* eventLines(db: Database.Database): Generator<string> {
  const rows = db.prepare("SELECT sequence, received_at, body FROM events ORDER BY sequence").iterate();
  for (const row of rows as Iterable<{ sequence: number; received_at: number; body: string }>) {
    // The body is the canonical text of the event: it is not parsed and written anew.
    yield `{"sequence":${row.sequence},"received_at":${row.received_at},"event":${row.body}}\n`;
  }
}

function* tableLines(db: Database.Database, table: RecordTable): Generator<string> {
  const where = table.where === undefined ? "" : `WHERE ${table.where}`;
  const rows = db.prepare(`SELECT * FROM ${table.table} ${where} ORDER BY ${table.order}`).iterate();
  for (const row of rows as Iterable<Record<string, unknown>>) {
    const record = toRecord(table, row);
    // Its job stays behind: where the archive is read it is no longer under way.
    if (table.table === "runs" && ["queued", "running", "paused"].includes(String(record["state"]))) {
      record["state"] = "cancelled";
    }
    yield `${JSON.stringify(record)}\n`;
  }
}

async function writeLines(
  file: string,
  lines: Iterable<string>,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<Omit<ArchiveMember, "path">> {
  const hash = createHash("sha256");
  const handle = await open(file, "wx", PRIVATE_FILE);
  let bytes = 0;
  let records = 0;
  let held: string[] = [];
  const flush = async (): Promise<void> => {
    signal.throwIfAborted();
    const chunk = Buffer.from(held.join(""));
    held = [];
    hash.update(chunk);
    await handle.writeFile(chunk);
    bytes += chunk.length;
    onBytes(chunk.length);
  };
  try {
    for (const line of lines) {
      held.push(line);
      records += 1;
      if (held.length >= ROWS_AT_ONCE) await flush();
    }
    await flush();
  } finally {
    await handle.close();
  }
  return { bytes, sha256: hash.digest("hex"), records };
}

async function hashFile(file: string): Promise<Omit<ArchiveMember, "path">> {
  const hash = createHash("sha256");
  try {
    const { size } = await stat(file);
    for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
    return { bytes: size, sha256: hash.digest("hex") };
  } catch (cause) {
    throw new AppError("corrupt-store", `The store names ${path.basename(file)}, which cannot be read.`, {
      cause,
      hint: "It may just have been forgotten: try again. Otherwise `kept doctor` says more.",
    });
  }
}

/** Writes the tar file and makes it durable. */
async function pack(
  manifest: ArchiveManifest,
  sources: ReadonlyMap<string, string>,
  file: string,
  request: ExportRequest,
): Promise<void> {
  const all = manifest.members.reduce((sum, { bytes }) => sum + bytes, 0);
  const modifiedAt = request.now.getTime();
  let done = 0;
  async function* bytesOfArchive(): AsyncGenerator<Buffer> {
    const head = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
    yield tarHeader(MANIFEST_MEMBER, head.length, modifiedAt);
    yield Buffer.concat([head, tarPadding(head.length)]);
    for (const { path: name, bytes, sha256 } of manifest.members) {
      yield tarHeader(name, bytes, modifiedAt);
      const hash = createHash("sha256");
      for await (const piece of createReadStream(sources.get(name)!)) {
        hash.update(piece as Buffer);
        yield piece as Buffer;
        request.onProgress((done += (piece as Buffer).length), all);
      }
      // Between the two readings it may have been forgotten and made anew: the manifest must not lie.
      if (hash.digest("hex") !== sha256) throw new AppError("corrupt-store", `${name} changed while it was exported.`);
      yield tarPadding(bytes);
    }
    yield tarEnd();
  }
  const isPacked = /\.(gz|tgz)$/.test(request.out);
  const packing = isPacked ? createGzip() : new Transform({ transform: (piece, _encoding, next) => next(null, piece) });
  const target = createWriteStream(file, { flags: "wx", mode: PRIVATE_FILE, flush: true });
  await pipeline(Readable.from(bytesOfArchive(), { objectMode: false }), packing, target, { signal: request.signal });
}
