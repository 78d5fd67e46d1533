import { idTimeMs } from "../../core/forget/id-time.ts";
import type { ForgetOperation, ForgetRequest, ForgetScope } from "../../protocol/api.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { isoTime } from "../clock.ts";
import type { Db } from "./database.ts";
import { createHmac, randomBytes } from "node:crypto";

/** Requests to forget, and the tombstones that keep what was forgotten from coming back. */
export interface ForgetStore {
  /**
   * Takes a request in with its tombstones, in one transaction: from now on nothing of it is stored
   * again. False when the request is known.
   */
  begin(request: ForgetRequest): boolean;
  /** The scope of a request that is not done yet, or null. */
  scopeOf(id: string): { scope: ForgetScope; requestedAtMs: number } | null;
  /** Requests that a server began and did not finish. */
  unfinished(): string[];
  /** Suggestions that may not come back, and why: the request. */
  bury(suggestionIds: Iterable<string>, operationId: string): void;
  buryEvents(eventIds: Iterable<string>): void;
  isBuried(suggestionId: string): boolean;
  /** True for an event of what was forgotten; its suggestion is buried with it. */
  refuses(event: KeptEvent): boolean;
  /** Marks a dataset as gone, and every version that was trained on it. */
  invalidate(datasetId: string, operationId: string, at: number): void;
  invalidDatasets(): { id: string; sha256: string }[];
  /** The event without excerpts of what was forgotten; the same event when it has none. */
  cleaned(event: KeptEvent): KeptEvent;
  count(id: string, counts: { suggestions: number; events: number; scrubbed: number }): void;
  /** Ends a request: what it asked for is forgotten too. */
  finish(id: string, at: number): void;
  get(id: string): ForgetOperation | null;
  list(limit: number): ForgetOperation[];
  tainted(): { version: string; dataset: string; operation: string; aliases: string[] }[];
  /** Rises with every request. */
  revision(): number;
}

const KEY_BYTES = 32;

export function openForgetStore(db: Db): ForgetStore {
  const insert = db.prepare(`
    INSERT INTO forget_operations (id, kind, scope, requested_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`);
  const addRule = db.prepare(
    "INSERT INTO forget_rules (operation_id, kind, place, from_ms, to_ms) VALUES (?, ?, ?, ?, ?)",
  );
  const bury = db.prepare(
    "INSERT INTO forgotten_suggestions (suggestion_id, operation_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const buryEvent = db.prepare("INSERT INTO forgotten_events (event_id) VALUES (?) ON CONFLICT DO NOTHING");
  const buried = db.prepare("SELECT 1 FROM forgotten_suggestions WHERE suggestion_id = ?").pluck();
  const buriedEvent = db.prepare("SELECT 1 FROM forgotten_events WHERE event_id = ?").pluck();
  const timeRule = db
    .prepare(`
    SELECT operation_id FROM forget_rules
    WHERE kind IN ('time', 'everything') AND ((from_ms <= @event AND to_ms >= @event) OR (from_ms <= @made AND to_ms >= @made))
    LIMIT 1`)
    .pluck();
  const placeRule = db
    .prepare(`
    SELECT operation_id FROM forget_rules WHERE place IN (@file, @folder) AND to_ms >= @made LIMIT 1`)
    .pluck();
  const hasRules = db.prepare("SELECT EXISTS (SELECT 1 FROM forget_rules)").pluck();
  const scope = db.prepare("SELECT scope, requested_at FROM forget_operations WHERE id = ? AND scope IS NOT NULL");
  const unfinished = db
    .prepare("SELECT id FROM forget_operations WHERE finished_at IS NULL ORDER BY requested_at")
    .pluck();
  const invalidate = db.prepare(`
    INSERT INTO invalid_datasets (dataset_id, operation_id, invalid_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`);
  const invalid = db.prepare(
    "SELECT d.id, d.sha256 FROM invalid_datasets i JOIN datasets d ON d.id = i.dataset_id ORDER BY d.id",
  );
  const count = db.prepare(`
    UPDATE forget_operations SET n_suggestions = n_suggestions + @suggestions, n_events = n_events + @events,
      n_scrubbed = n_scrubbed + @scrubbed WHERE id = @id`);
  const finish = db.prepare("UPDATE forget_operations SET scope = NULL, finished_at = @at WHERE id = @id");
  const one = db.prepare("SELECT * FROM forget_operations WHERE id = ?");
  const list = db.prepare("SELECT * FROM forget_operations ORDER BY requested_at DESC, id LIMIT ?");
  const datasetsOf = db
    .prepare("SELECT dataset_id FROM invalid_datasets WHERE operation_id = ? ORDER BY dataset_id")
    .pluck();
  const taintedOf = db
    .prepare(`
    SELECT v.id FROM versions v JOIN invalid_datasets i ON i.dataset_id = v.dataset_id WHERE i.operation_id = ? ORDER BY v.id`)
    .pluck();
  const tainted = db.prepare(`
    SELECT v.id AS version, v.dataset_id AS dataset, i.operation_id AS operation
    FROM versions v JOIN invalid_datasets i ON i.dataset_id = v.dataset_id ORDER BY v.created_at DESC, v.id`);
  const standing = db.prepare("SELECT alias FROM aliases WHERE version_id = ? ORDER BY alias").pluck();

  const key = placeKey(db);
  const placeName = (root: string, path: string | null) =>
    createHmac("sha256", key)
      .update(path === null ? root : `${root}\n${path}`)
      .digest("hex");

  const rulesOf = ({ id, requestedAtMs, scope }: ForgetRequest): void => {
    const to = Math.round(requestedAtMs);
    switch (scope.kind) {
      case "suggestions":
        for (const suggestion of scope.ids) bury.run(suggestion, id);
        return;
      case "files":
        for (const { root, path } of scope.files) addRule.run(id, scope.kind, placeName(root, path), 0, to);
        return;
      case "folders":
        for (const root of scope.roots) addRule.run(id, scope.kind, placeName(root, null), 0, to);
        return;
      case "time":
        addRule.run(id, scope.kind, null, Math.round(scope.fromMs), Math.round(scope.toMs));
        return;
      case "everything":
        addRule.run(id, scope.kind, null, 0, to);
    }
  };

  const toWire = (row: StoredOperation): ForgetOperation => ({
    id: row.id,
    kind: row.kind,
    state: row.finished_at === null ? "running" : "done",
    requestedAt: isoTime(row.requested_at),
    finishedAt: row.finished_at === null ? null : isoTime(row.finished_at),
    suggestions: row.n_suggestions,
    events: row.n_events,
    scrubbed: row.n_scrubbed,
    datasets: datasetsOf.all(row.id) as string[],
    taintedVersions: taintedOf.all(row.id) as string[],
  });

  return {
    begin: db.transaction((request: ForgetRequest) => {
      const { id, scope, requestedAtMs } = request;
      if (insert.run(id, scope.kind, JSON.stringify(scope), Math.round(requestedAtMs)).changes === 0) return false;
      rulesOf(request);
      return true;
    }),
    scopeOf(id) {
      const row = scope.get(id) as { scope: string; requested_at: number } | undefined;
      return row ? { scope: JSON.parse(row.scope) as ForgetScope, requestedAtMs: row.requested_at } : null;
    },
    unfinished: () => unfinished.all() as string[],
    bury(ids, operationId) {
      for (const id of ids) bury.run(id, operationId);
    },
    buryEvents(ids) {
      for (const id of ids) buryEvent.run(id);
    },
    isBuried: (id) => buried.get(id) !== undefined,
    refuses(event) {
      if (buried.get(event.suggestionId) !== undefined || buriedEvent.get(event.id) !== undefined) return true;
      // Rules speak of what an editor saw at a time; a replayed history has the times of its commits.
      const isSeen = event.origin !== undefined || (event.kind === "shown" && event.source === "editor");
      if (!isSeen || hasRules.get() !== 1) return false;
      const made = idTimeMs(event.suggestionId);
      const byTime = timeRule.get({ event: idTimeMs(event.id), made }) as string | undefined;
      const byPlace =
        event.kind === "shown"
          ? (placeRule.get({
              file: placeName(event.context.root, event.context.path),
              folder: placeName(event.context.root, null),
              made,
            }) as string | undefined)
          : undefined;
      const operation = byPlace ?? byTime;
      if (operation === undefined) return false;
      if (event.kind === "shown") bury.run(event.suggestionId, operation);
      return true;
    },
    invalidate: (datasetId, operationId, at) => void invalidate.run(datasetId, operationId, at),
    invalidDatasets: () => invalid.all() as { id: string; sha256: string }[],
    cleaned(event) {
      if (event.kind !== "shown" || event.context.examples.length === 0) return event;
      const { root } = event.context;
      const made = idTimeMs(event.suggestionId);
      const examples = event.context.examples.filter(({ path, suggestionId }) => {
        if (suggestionId !== undefined && buried.get(suggestionId) !== undefined) return false;
        const file = placeName(root, path);
        return hasRules.get() !== 1 || placeRule.get({ file, folder: file, made }) === undefined;
      });
      return examples.length === event.context.examples.length
        ? event
        : { ...event, context: { ...event.context, examples } };
    },
    count: (id, counts) => void count.run({ id, ...counts }),
    finish: (id, at) => void finish.run({ id, at }),
    get(id) {
      const row = one.get(id) as StoredOperation | undefined;
      return row ? toWire(row) : null;
    },
    list: (limit) => (list.all(limit) as StoredOperation[]).map(toWire),
    tainted: () =>
      (tainted.all() as { version: string; dataset: string; operation: string }[]).map((row) => ({
        ...row,
        aliases: standing.all(row.version) as string[],
      })),
    revision: () => db.prepare("SELECT count(*) FROM forget_operations").pluck().get() as number,
  };
}

interface StoredOperation {
  id: string;
  kind: ForgetScope["kind"];
  requested_at: number;
  finished_at: number | null;
  n_suggestions: number;
  n_events: number;
  n_scrubbed: number;
}

/** Tombstones of places are keyed hashes: the name of a forgotten file is forgotten too. */
function placeKey(db: Db): Buffer {
  const read = () => db.prepare("SELECT key FROM forget_key").pluck().get() as Buffer | undefined;
  if (read() === undefined) db.prepare("INSERT INTO forget_key (only, key) VALUES (1, ?)").run(randomBytes(KEY_BYTES));
  return read()!;
}
