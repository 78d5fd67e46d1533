import { systemClock } from "../clock.ts";
import { prepareDataDir } from "../data-dir.ts";
import { AppError } from "../errors.ts";
import { acquireInstanceLock } from "../instance-lock.ts";
import { derivePending } from "../labels/derive.ts";
import { removeLeftovers } from "../leftovers.ts";
import { dataPlaces, type DataPlaces } from "../places.ts";
import { copyDatabase } from "../store/database.ts";
import { openStore, type Store } from "../store/store.ts";
import type { ArchiveManifest } from "./layout.ts";
import { mergeArchive, type MergeCounts } from "./merge.ts";
import { readArchive, type UnpackedArchive } from "./read-archive.ts";
import Database from "better-sqlite3";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

export interface ImportRequest {
  readonly dataDir: string;
  readonly file: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Hears what is being done, and how far it is. */
  readonly onProgress: (step: "reading" | "storing" | "learning", done: number, all: number) => void;
}

export interface ImportReport extends MergeCounts {
  readonly createdAt: string;
  readonly keptVersion: string;
}

/**
 * Takes an archive in: all of it in one transaction, after every byte was compared with its manifest. What
 * is there already stays as it is, and what was forgotten here does not come back. A kill leaves the folder
 * as it was before, or with all of the archive in it; labels and examples that a kill left out are computed
 * when the server starts.
 * @throws AppError `not-found`, `archive-invalid`, `archive-newer`, `too-large`, `already-running`
 */
export async function importArchive(request: ImportRequest): Promise<ImportReport> {
  const isNew = !existsSync(request.dataDir);
  const places = prepareDataDir(request.dataDir);
  const lock = acquireInstanceLock(places.lock);
  // Of a process that was killed the next start removes it, like everything with this ending.
  const work = path.join(places.dataDir, `import-${randomUUID()}.tmp`);
  let isDone = false;
  try {
    mkdirSync(work, { mode: 0o700 });
    const archive = await read(request, work);
    using store = openStore(places.database);
    try {
      const counts = await mergeArchive(store, archive, { places, ...mergeParts(request) });
      isDone = true;
      await derive(store, request);
      return report(archive.manifest, counts);
    } catch (error) {
      // Files that were put in their places and are named by nothing.
      if (!isDone) removeLeftovers(places, store);
      throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
    lock[Symbol.dispose]();
    if (isNew && !isDone) rmSync(places.dataDir, { recursive: true, force: true });
  }
}

/** What an import would do: it is done to a copy of the store, which is thrown away. A server may run. */
export async function tryImport(request: ImportRequest): Promise<ImportReport> {
  const work = await mkdtemp(path.join(os.tmpdir(), "kept-import-"));
  try {
    const copy = dataPlaces(path.join(work, "data"));
    prepareDataDir(copy.dataDir);
    copyStore(dataPlaces(request.dataDir), copy);
    const unpacked = path.join(work, "archive");
    mkdirSync(unpacked);
    const archive = await read(request, unpacked);
    using store = openStore(copy.database);
    return report(archive.manifest, await mergeArchive(store, archive, { places: copy, ...mergeParts(request) }));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const report = ({ createdAt, keptVersion }: ArchiveManifest, counts: MergeCounts): ImportReport => ({
  createdAt,
  keptVersion,
  ...counts,
});

const read = (request: ImportRequest, to: string): Promise<UnpackedArchive> =>
  readArchive({
    file: request.file,
    to,
    maxBytes: request.maxBytes,
    signal: request.signal,
    onProgress: (done, all) => request.onProgress("reading", done, all),
  });

/** Longest name of an import, characters. */
const MAX_NAME_CHARS = 256;

const mergeParts = ({ file, signal, onProgress }: ImportRequest) => ({
  signal,
  name: path.basename(file).slice(0, MAX_NAME_CHARS),
  nowMs: systemClock.wallMs(),
  onProgress: (done: number, all: number) => onProgress("storing", done, all),
});

function copyStore(from: DataPlaces, to: DataPlaces): void {
  if (!existsSync(from.database)) return;
  const db = new Database(from.database, { readonly: true, fileMustExist: true });
  try {
    copyDatabase(db, to.database);
  } catch (cause) {
    throw new AppError("corrupt-store", `The store cannot be read: ${(cause as Error).message}`, { cause });
  } finally {
    db.close();
  }
}

/** Suggestions derived in one transaction. */
const DERIVED_AT_ONCE = 64;

/** What follows from the events. It can be stopped: the server goes on with it. */
async function derive(store: Store, { signal, onProgress }: ImportRequest): Promise<void> {
  const all = store.derivations.count();
  for (let left = all; left > 0 && !signal.aborted; left = store.derivations.count()) {
    onProgress("learning", all - left, all);
    derivePending(store, DERIVED_AT_ONCE);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
