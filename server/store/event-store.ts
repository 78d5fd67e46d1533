import { keptEvent, type KeptEvent } from "../../protocol/events.ts";
import type { Db } from "./database.ts";
import { createHash } from "node:crypto";

export type AppendResult = "accepted" | "duplicate" | "conflict";

/** Every event that was sent is one of these. */
export interface EventCounts {
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: number;
}

/** Append-only facts. The server's sequence is the order of everything derived from them. */
export interface EventStore {
  /**
   * Stores an event once, as the last or, in a store that is filled again, at its old place. The same id
   * with another body is refused and leaves an audit row.
   */
  append(event: KeptEvent, receivedAt: number, sequence?: number | null): AppendResult;
  /** Events of one suggestion but for those of imports that nobody has accepted, in server order, the first {@link MAX_EVENTS_OF_SUGGESTION}. */
  ofSuggestion(suggestionId: string): KeptEvent[];
  /** Sequence of the `shown` event of a suggestion, or null. */
  shownSequence(suggestionId: string): number | null;
  /** Adds to the ledger of what became of the events that were sent. */
  note(counts: EventCounts): void;
  ledger(): EventCounts;
  count(): number;
  /** Highest sequence so far; 0 when empty. */
  watermark(): number;
  nConflicts(): number;
}

/**
 * Events of one suggestion that anything is derived from: a person causes some dozens. All are read with each
 * that comes, so that without a bound a client could hold up everybody's by sending one's over and over.
 */
export const MAX_EVENTS_OF_SUGGESTION = 1_000;

export function openEventStore(db: Db): EventStore {
  const insert = db.prepare(`
    INSERT INTO events (sequence, id, suggestion_id, session_id, kind, body, body_sha256, received_at)
    VALUES (@sequence, @id, @suggestionId, @sessionId, @kind, @body, @bodySha256, @receivedAt)
    ON CONFLICT (id) DO NOTHING`);
  const storedHash = db.prepare("SELECT body_sha256 AS sha256 FROM events WHERE id = ?");
  const audit = db.prepare(`
    INSERT INTO event_conflicts (event_id, stored_sha256, refused_sha256, received_at) VALUES (?, ?, ?, ?)`);
  const ofSuggestion = db.prepare(
    `SELECT body FROM events e WHERE suggestion_id = ?
       AND NOT EXISTS (SELECT 1 FROM held_events h WHERE h.event_id = e.id)
     ORDER BY sequence LIMIT ${MAX_EVENTS_OF_SUGGESTION}`,
  );
  const shown = db.prepare("SELECT min(sequence) AS sequence FROM events WHERE suggestion_id = ? AND kind = 'shown'");
  const note = db.prepare(`
    UPDATE event_counts SET
      accepted = accepted + @accepted, duplicate = duplicate + @duplicate, rejected = rejected + @rejected`);
  const ledger = db.prepare("SELECT accepted, duplicate, rejected FROM event_counts");

  return {
    append(event, receivedAt, sequence = null) {
      const body = canonicalJson(event);
      const bodySha256 = createHash("sha256").update(body).digest("hex");
      const { id, suggestionId, sessionId, kind } = event;
      const { changes } = insert.run({ sequence, id, suggestionId, sessionId, kind, body, bodySha256, receivedAt });
      if (changes === 1) return "accepted";
      const stored = (storedHash.get(id) as { sha256: string }).sha256;
      if (stored === bodySha256) return "duplicate";
      audit.run(id, stored, bodySha256, receivedAt);
      return "conflict";
    },
    ofSuggestion: (suggestionId) =>
      (ofSuggestion.all(suggestionId) as { body: string }[]).map(({ body }) => keptEvent.parse(JSON.parse(body))),
    shownSequence: (suggestionId) => (shown.get(suggestionId) as { sequence: number | null }).sequence,
    note: (counts) => void note.run(counts),
    ledger: () => ledger.get() as EventCounts,
    count: () => number(db, "SELECT count(*) FROM events"),
    watermark: () => number(db, "SELECT coalesce(max(sequence), 0) FROM events"),
    nConflicts: () => number(db, "SELECT count(*) FROM event_conflicts"),
  };
}

const number = (db: Db, sql: string): number => db.prepare(sql).pluck().get() as number;

/** JSON with sorted keys, so that the same event always has the same hash. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}
