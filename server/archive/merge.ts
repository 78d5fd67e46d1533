import { v7 as uuidv7 } from "uuid";
import type { ImportOrigin } from "../../protocol/imports.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { canonicalJson } from "../store/event-store.ts";
import type { DataPlaces } from "../places.ts";
import type { Store } from "../store/store.ts";
import { MAX_EVENT_BYTES } from "../ingest/ingest.ts";
import { createFilePlacer } from "./place-files.ts";
import type { UnpackedArchive } from "./read-archive.ts";
import { readRecords } from "./record-file.ts";
import { DERIVED, EVENTS_MEMBER, recordOf, STANDING, storedEvent, TABLES, toRow, type RecordTable } from "./records.ts";
import { invalidArchive } from "./tar.ts";

export interface MergeParts {
  readonly places: DataPlaces;
  readonly nowMs: number;
  /** Of the file, without its folder. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** Hears how many records are stored, of how many. */
  readonly onProgress: (done: number, all: number) => void;
}

/** What became of what the archive holds. */
export interface MergeCounts {
  readonly events: {
    readonly new: number;
    readonly known: number;
    /** Known under the same id with another body: the one that is here stays. */
    readonly different: number;
    /** Forgotten here: they do not come back. */
    readonly forgotten: number;
  };
  readonly datasets: { readonly new: number; readonly known: number; readonly withheld: number };
  readonly runs: { readonly new: number; readonly known: number };
  readonly versions: { readonly new: number; readonly known: number };
  /** Versions whose weights must not be served. */
  readonly unsound: readonly string[];
  /** Whether what was served, and the settings, were taken over: only into a folder that had nothing. */
  readonly takenOver: boolean;
  /** What nothing is learnt from until it is accepted; null when there is none. */
  readonly held: { readonly import: string; readonly suggestions: number; readonly events: number } | null;
}

/** Between two breaths of the event loop, records. */
const AT_ONCE = 256;

type Row = Readonly<Record<string, unknown>>;

/** Brings the archive into the store: everything or nothing. */
export async function mergeArchive(store: Store, archive: UnpackedArchive, parts: MergeParts): Promise<MergeCounts> {
  const { db } = store;
  const isEmpty = nothingIn(store);
  db.exec("BEGIN IMMEDIATE");
  try {
    db.pragma("defer_foreign_keys = ON");
    const counts = await merge(store, archive, parts, isEmpty);
    parts.signal.throwIfAborted();
    try {
      db.exec("COMMIT");
    } catch (error) {
      if ((error as { code?: unknown }).code !== "SQLITE_CONSTRAINT_FOREIGNKEY") throw error;
      throw invalidArchive("a record names another one that is not in it");
    }
    return counts;
  } finally {
    if (db.inTransaction) db.exec("ROLLBACK");
  }
}

const nothingIn = ({ db }: Store): boolean =>
  ["events", "runs", "versions", "datasets", "alias_history", "settings"].every(
    (table) => db.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get() === undefined,
  );

async function merge(
  store: Store,
  archive: UnpackedArchive,
  parts: MergeParts,
  isEmpty: boolean,
): Promise<MergeCounts> {
  const { db } = store;
  const all = archive.manifest.members.reduce((sum, { records = 0 }) => sum + records, 0);
  let done = 0;
  const breathe = async (): Promise<void> => {
    done += 1;
    if (done % AT_ONCE !== 0) return;
    parts.signal.throwIfAborted();
    parts.onProgress(done, all);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const each = async (table: RecordTable, take: (row: Row) => void | Promise<void>): Promise<void> => {
    if (table.isOptional === true && archive.manifest.members.every(({ path }) => path !== table.member)) return;
    for await (const { raw } of recordsOf(archive, table)) {
      await take(raw);
      await breathe();
    }
  };
  const tables = new Map([...TABLES, ...STANDING, ...DERIVED].map((table) => [table.table, table]));
  const insert = inserter(store);
  const files = createFilePlacer(archive, parts.places);

  const events = { new: 0, known: 0, different: 0, forgotten: 0 };
  const touched = new Set<string>();
  const hold = isEmpty ? null : createHolder(store, parts);
  for await (const { data } of readRecords(
    ...member(archive, EVENTS_MEMBER),
    storedEvent,
    nRecords(archive, EVENTS_MEMBER),
  )) {
    if (Buffer.byteLength(canonicalJson(data.event)) > MAX_EVENT_BYTES) throw invalidArchive("an event is too large");
    hold?.look(data.event);
    const outcome = storeEvent(store, data.event, data.received_at, isEmpty ? data.sequence : null);
    if (outcome === "new") hold?.take(data.event);
    events[outcome] += 1;
    if (outcome === "new") touched.add(data.event.suggestionId);
    await breathe();
  }
  store.events.note({ accepted: events.new, duplicate: events.known, rejected: events.different + events.forgotten });

  hold?.end();
  // In an empty folder they are the owner's own, with what that had imported and not accepted.
  for (const name of ["imports", "imported_suggestions", "imported_events"])
    await each(tables.get(name)!, (row) => void (isEmpty && insert(name, row)));

  // Tombstones come with their archive, but an import deletes nothing: what is here stays.
  const hasEvents = db.prepare("SELECT 1 FROM events WHERE suggestion_id = ? LIMIT 1");
  const hasEvent = db.prepare("SELECT 1 FROM events WHERE id = ?");
  await each(tables.get("forget_operations")!, (row) => void insert("forget_operations", row));
  await each(tables.get("forgotten_suggestions")!, (row) => {
    if (hasEvents.get(row["suggestion_id"]) === undefined) insert("forgotten_suggestions", row);
  });
  await each(tables.get("forgotten_events")!, (row) => {
    if (hasEvent.get(row["event_id"]) === undefined) insert("forgotten_events", row);
  });

  const gone = new Set<unknown>();
  await each(tables.get("invalid_datasets")!, (row) => void gone.add(row["dataset_id"]));
  const datasets = { new: new Set<unknown>(), known: 0, withheld: 0 };
  await each(tables.get("datasets")!, async (row) => {
    if (store.datasets.get(row["id"] as string) !== null) return void (datasets.known += 1);
    const isKept = row["expired_at"] === null && !gone.has(row["id"]);
    insert("datasets", row);
    datasets.new.add(row["id"]);
    if (!isKept) return;
    const rows = await files.checkDataset(row["sha256"] as string, row["id"] as string);
    const operation = forgottenSince(store, rows.suggestionIds, row["created_at"] as number);
    if (operation === null) return files.placeDataset(row["sha256"] as string);
    datasets.withheld += 1;
    store.forget.invalidate(row["id"] as string, operation, parts.nowMs);
    store.erasure.forgetManifest(row["id"] as string);
  });
  await each(tables.get("invalid_datasets")!, (row) => {
    if (datasets.new.has(row["dataset_id"])) insert("invalid_datasets", row);
  });

  const runs = { new: new Set<unknown>(), known: 0 };
  await each(tables.get("runs")!, (row) => {
    if (insert("runs", row)) runs.new.add(row["id"]);
    else runs.known += 1;
  });
  await each(tables.get("run_points")!, (row) => {
    if (runs.new.has(row["run_id"])) insert("run_points", row);
  });
  const versions = { new: new Set<unknown>(), known: 0 };
  await each(tables.get("versions")!, (row) => {
    if (insert("versions", row)) versions.new.add(row["id"]);
    else versions.known += 1;
  });
  const unsound = new Set<string>();
  await each(tables.get("version_files")!, (row) => {
    // Nothing is added to a version that is here: it never changes.
    if (!versions.new.has(row["version_id"])) return;
    const { version_id: version, name, sha256, bytes } = row as Record<string, string> & { bytes: never };
    if (!files.placeVersionFile(version!, name!, sha256!, bytes)) unsound.add(version!);
    insert("version_files", row);
  });
  await each(tables.get("evaluations")!, (row) => {
    if (runs.new.has(row["run_id"])) insert("evaluations", row);
  });
  // They go with the rows of their dataset: where those did not come, they do not either.
  const isRowless = db.prepare(`
    SELECT 1 FROM runs r JOIN datasets d ON d.id = r.dataset_id WHERE r.id = ?
      AND (d.expired_at IS NOT NULL OR EXISTS (SELECT 1 FROM invalid_datasets i WHERE i.dataset_id = d.id))`);
  await each(tables.get("evaluation_samples")!, (row) => {
    if (runs.new.has(row["run_id"]) && isRowless.get(row["run_id"]) === undefined) insert("evaluation_samples", row);
  });

  const setAlias = db.prepare("UPDATE aliases SET version_id = @version_id WHERE alias = @alias");
  await each(tables.get("aliases")!, (row) => {
    if (isEmpty && !unsound.has(row["version_id"] as string)) setAlias.run(row);
  });
  for (const name of ["alias_history", "settings"]) {
    await each(tables.get(name)!, (row) => void (isEmpty && insert(name, row)));
  }

  // The examples of the archive are computed last and in its order: the newest stays the newest.
  const examples: string[] = [];
  await each(tables.get("examples")!, (row) => {
    const id = row["suggestion_id"] as string;
    if (touched.delete(id)) examples.push(id);
  });
  for (const name of ["suggestions", "labels"]) await each(tables.get(name)!, () => {});
  store.derivations.add([...touched, ...examples]);
  return {
    events,
    datasets: { ...datasets, new: datasets.new.size },
    runs: { ...runs, new: runs.new.size },
    versions: { ...versions, new: versions.new.size },
    unsound: [...unsound],
    takenOver: isEmpty,
    held: hold?.counts() ?? null,
  };
}

/** Holds what an archive brings to a store that has its own: suggestions, and events of those that are here. */
function createHolder(store: Store, { name, nowMs }: MergeParts) {
  const origin: ImportOrigin = { id: uuidv7(), kind: "archive", name };
  const isHere = store.db.prepare("SELECT 1 FROM events WHERE suggestion_id = ? LIMIT 1");
  const suggestions = new Set<string>();
  const known = new Set<string>();
  const events: string[] = [];
  return {
    /** Before an event is stored: whether its suggestion was here. */
    look({ suggestionId }: KeptEvent): void {
      if (!suggestions.has(suggestionId) && isHere.get(suggestionId) !== undefined) known.add(suggestionId);
    },
    take({ id, suggestionId }: KeptEvent): void {
      if (known.has(suggestionId)) events.push(id);
      else suggestions.add(suggestionId);
    },
    end(): void {
      if (suggestions.size > 0) store.imports.hold(origin, [...suggestions], nowMs);
      if (events.length > 0) store.imports.holdEvents(origin, events, nowMs);
    },
    counts: (): MergeCounts["held"] =>
      suggestions.size + events.length === 0
        ? null
        : { import: origin.id, suggestions: suggestions.size, events: events.length },
  };
}

function storeEvent(
  store: Store,
  event: KeptEvent,
  receivedAt: number,
  sequence: number | null,
): keyof MergeCounts["events"] {
  if (store.forget.refuses(event)) {
    // What came before its suggestion was known to be forgotten goes with it.
    if (event.kind === "shown") store.erasure.deleteSuggestions([event.suggestionId]);
    return "forgotten";
  }
  const outcome = store.events.append(store.forget.cleaned(event), receivedAt, sequence);
  return outcome === "accepted" ? "new" : outcome === "duplicate" ? "known" : "different";
}

/** The request by which something of a dataset was forgotten here, or null. */
function forgottenSince(store: Store, suggestionIds: ReadonlySet<string>, createdAt: number): string | null {
  const buried = store.db.prepare("SELECT operation_id FROM forgotten_suggestions WHERE suggestion_id = ?").pluck();
  for (const id of suggestionIds) {
    const operation = buried.get(id) as string | undefined;
    if (operation !== undefined) return operation;
  }
  // Places and times are known by their rules alone: a dataset from before may have what they name.
  const rule = store.db
    .prepare(
      `SELECT o.id FROM forget_operations o JOIN forget_rules r ON r.operation_id = o.id
       WHERE o.requested_at >= ? ORDER BY o.requested_at LIMIT 1`,
    )
    .pluck()
    .get(createdAt) as string | undefined;
  return rule ?? null;
}

/** Adds a record to its table; false when one with its key is there. */
function inserter(store: Store): (table: string, record: Row) => boolean {
  const statements = new Map(
    [...TABLES, ...STANDING].map((table) => {
      const names = Object.keys(table.columns);
      const sql = `INSERT INTO ${table.table} (${names.join(", ")}) VALUES (${names.map((name) => `@${name}`).join(", ")})`;
      return [table.table, { table, run: store.db.prepare(`${sql} ON CONFLICT DO NOTHING`) }] as const;
    }),
  );
  return (name, record) => {
    const { table, run } = statements.get(name)!;
    return run.run(toRow(table, record)).changes === 1;
  };
}

const recordsOf = (archive: UnpackedArchive, table: RecordTable) =>
  readRecords(...member(archive, table.member), recordOf(table), nRecords(archive, table.member));

const member = (archive: UnpackedArchive, name: string): [string, string] => [archive.fileOf(name), name];

const nRecords = ({ manifest }: UnpackedArchive, name: string): number | undefined =>
  manifest.members.find(({ path }) => path === name)?.records;
