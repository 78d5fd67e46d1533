import type { SuggestionRow } from "../../protocol/api.ts";
import type { ImportOrigin, ImportRow } from "../../protocol/imports.ts";
import { isoTime } from "../clock.ts";
import type { Db } from "./database.ts";

/** What came from elsewhere, and whether it may be learnt from. Methods that write belong into a transaction. */
export interface ImportStore {
  /** Holds suggestions of an import. One that an import has already stays with that. */
  hold(origin: ImportOrigin, suggestionIds: readonly string[], at: number): void;
  /** Holds events of suggestions that were here before: until they are accepted it is as if they were not. */
  holdEvents(origin: ImportOrigin, eventIds: readonly string[], at: number): void;
  /** Undoes `hold` of suggestions that were not taken in. */
  release(suggestionIds: readonly string[]): void;
  get(id: string): ImportRow | null;
  list(limit: number): ImportRow[];
  /** Suggestions that the import touches: its own, and those that it has events of. */
  touched(id: string): string[];
  /** The newest suggestions of an import. */
  suggestionIds(id: string, limit: number): SuggestionRow["id"][];
  /** False when there is no such import. */
  decide(id: string, decision: ImportDecision, at: number): boolean;
  /** Whether nothing may be learnt from a suggestion. */
  isHeld(suggestionId: string): boolean;
  /** Import that a suggestion came with and that was not accepted as the owner's own; null for the owner's. */
  foreign(suggestionId: string): string | null;
}

export type ImportDecision = "accepted" | "accepted-as-own" | "refused";

export function openImportStore(db: Db): ImportStore {
  const begin = db.prepare(`
    INSERT INTO imports (id, kind, name, imported_at, state, is_own) VALUES (@id, @kind, @name, @at, 'held', 0)
    ON CONFLICT (id) DO NOTHING`);
  const hold = db.prepare(
    "INSERT INTO imported_suggestions (suggestion_id, import_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const holdEvent = db.prepare(
    "INSERT INTO imported_events (event_id, import_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const release = db.prepare("DELETE FROM imported_suggestions WHERE suggestion_id = ?");
  const select = `
    SELECT i.*, (SELECT count(*) FROM imported_events e WHERE e.import_id = i.id) AS n_events,
      count(s.id) AS n_suggestions, coalesce(sum(l.verdict = 'good'), 0) AS good,
      coalesce(sum(l.verdict = 'bad'), 0) AS bad, coalesce(sum(l.verdict = 'unknown'), 0) AS unknown
    FROM imports i LEFT JOIN imported_suggestions m ON m.import_id = i.id
      LEFT JOIN suggestions s ON s.id = m.suggestion_id LEFT JOIN labels l ON l.suggestion_id = s.id`;
  const one = db.prepare(`${select} WHERE i.id = ? GROUP BY i.id`);
  const list = db.prepare(`${select} GROUP BY i.id ORDER BY i.imported_at DESC, i.id DESC LIMIT ?`);
  const touched = db
    .prepare(`
      SELECT suggestion_id FROM imported_suggestions WHERE import_id = @id
      UNION SELECT e.suggestion_id FROM imported_events m JOIN events e ON e.id = m.event_id WHERE m.import_id = @id`)
    .pluck();
  const newest = db
    .prepare(`
      SELECT s.id FROM imported_suggestions m JOIN suggestions s ON s.id = m.suggestion_id
      WHERE m.import_id = ? ORDER BY s.sequence DESC LIMIT ?`)
    .pluck();
  const decide = db.prepare("UPDATE imports SET state = @state, is_own = @isOwn, decided_at = @at WHERE id = @id");
  const isHeld = db.prepare("SELECT 1 FROM held_suggestions WHERE suggestion_id = ?").pluck();
  const foreign = db.prepare("SELECT import_id FROM foreign_suggestions WHERE suggestion_id = ?").pluck();

  return {
    hold(origin, suggestionIds, at) {
      begin.run({ ...origin, at });
      for (const id of suggestionIds) hold.run(id, origin.id);
    },
    holdEvents(origin, eventIds, at) {
      begin.run({ ...origin, at });
      for (const id of eventIds) holdEvent.run(id, origin.id);
    },
    release(suggestionIds) {
      for (const id of suggestionIds) release.run(id);
    },
    get(id) {
      const row = one.get(id) as StoredImport | undefined;
      return row ? toWire(row) : null;
    },
    list: (limit) => (list.all(limit) as StoredImport[]).map(toWire),
    touched: (id) => touched.all({ id }) as string[],
    suggestionIds: (id, limit) => newest.all(id, limit) as string[],
    decide(id, decision, at) {
      const state = decision === "refused" ? "refused" : "accepted";
      return decide.run({ id, state, isOwn: Number(decision === "accepted-as-own"), at }).changes === 1;
    },
    isHeld: (suggestionId) => isHeld.get(suggestionId) !== undefined,
    foreign: (suggestionId) => (foreign.get(suggestionId) as string | undefined) ?? null,
  };
}

interface StoredImport {
  id: string;
  kind: ImportRow["kind"];
  name: string;
  imported_at: number;
  state: ImportRow["state"];
  is_own: number;
  decided_at: number | null;
  n_events: number;
  n_suggestions: number;
  good: number;
  bad: number;
  unknown: number;
}

const toWire = (row: StoredImport): ImportRow => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  importedAt: isoTime(row.imported_at),
  state: row.state,
  mine: row.is_own === 1,
  decidedAt: row.decided_at === null ? null : isoTime(row.decided_at),
  suggestions: row.n_suggestions,
  labels: { good: row.good, bad: row.bad, unknown: row.unknown },
  events: row.n_events,
});
