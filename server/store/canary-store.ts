import type { CanaryRow } from "../../protocol/canary.ts";
import type { Db } from "./database.ts";

export interface CanaryRecord {
  readonly id: string;
  readonly version: string;
  /** Null is the base model alone. */
  readonly champion: string | null;
  readonly share: number;
  /** Suggestions whose `shown` event came later than this count. */
  readonly afterSequence: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly state: CanaryRow["state"];
  /** What was read last, once it has ended. */
  readonly reading: Pick<CanaryRow, "reason" | "harm" | "gain" | "arms" | "difference"> | null;
}

/** A suggestion of the editor's and the model that made it. */
export interface DrawnSuggestion {
  readonly id: string;
  readonly adapter: string | null;
  readonly outcome: string;
}

export interface CanaryStore {
  running(): CanaryRecord | null;
  get(id: string): CanaryRecord | null;
  /** Newest first. */
  list(limit: number): CanaryRecord[];
  start(record: Pick<CanaryRecord, "id" | "version" | "champion" | "share" | "afterSequence" | "startedAt">): void;
  /** False when it does not run any more. */
  end(id: string, how: Exclude<CanaryRow["state"], "running">, reading: CanaryRecord["reading"], at: number): boolean;
  /** Suggestions drawn since, in the order of their arrival; those that were shown again are not drawn. */
  drawn(afterSequence: number, limit: number): DrawnSuggestion[];
  /** The first and the newest suggestions of one version in the editor since, in the order of their arrival. */
  shownWith(adapter: string | null, afterSequence: number, nFirst: number, nNewest: number): DrawnSuggestion[];
  /** Sequence of the last event that came before a time. */
  sequenceAt(receivedAt: number): number;
}

export function openCanaryStore(db: Db): CanaryStore {
  const running = db.prepare("SELECT * FROM canaries WHERE state = 'running'");
  const one = db.prepare("SELECT * FROM canaries WHERE id = ?");
  const list = db.prepare("SELECT * FROM canaries ORDER BY started_at DESC, id DESC LIMIT ?");
  const start = db.prepare(`
    INSERT INTO canaries (id, version_id, champion_id, share, after_sequence, started_at, state)
    VALUES (@id, @version, @champion, @share, @afterSequence, @startedAt, 'running')`);
  const end = db.prepare(`
    UPDATE canaries SET state = @how, ended_at = @at, reading = @reading WHERE id = @id AND state = 'running'`);
  const drawn = db.prepare(`
    SELECT s.id, s.adapter, s.outcome FROM suggestions s JOIN events e ON e.sequence = s.sequence
    WHERE s.sequence > ? AND s.source = 'editor' AND json_extract(e.body, '$.model.drawn') IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM foreign_suggestions f WHERE f.suggestion_id = s.id)
    ORDER BY s.sequence LIMIT ?`);
  const shownWith = db.prepare(`
    WITH served AS (
      SELECT sequence, id, adapter, outcome FROM suggestions s
      WHERE sequence > @after AND source = 'editor' AND adapter IS @adapter
        AND NOT EXISTS (SELECT 1 FROM foreign_suggestions f WHERE f.suggestion_id = s.id))
    SELECT id, adapter, outcome FROM served
    WHERE sequence IN (SELECT sequence FROM served ORDER BY sequence LIMIT @nFirst)
       OR sequence IN (SELECT sequence FROM served ORDER BY sequence DESC LIMIT @nNewest)
    ORDER BY sequence`);
  const sequenceAt = db.prepare("SELECT coalesce(max(sequence), 0) FROM events WHERE received_at < ?").pluck();

  return {
    running: () => recordOf(running.get() as StoredCanary | undefined),
    get: (id) => recordOf(one.get(id) as StoredCanary | undefined),
    list: (limit) => (list.all(limit) as StoredCanary[]).map((row) => recordOf(row)!),
    start: (record) => void start.run(record),
    end: (id, how, reading, at) => end.run({ id, how, at, reading: JSON.stringify(reading) }).changes > 0,
    drawn: (afterSequence, limit) => drawn.all(afterSequence, limit) as DrawnSuggestion[],
    shownWith: (adapter, after, nFirst, nNewest) =>
      shownWith.all({ adapter, after, nFirst, nNewest }) as DrawnSuggestion[],
    sequenceAt: (receivedAt) => sequenceAt.get(receivedAt) as number,
  };
}

interface StoredCanary {
  id: string;
  version_id: string;
  champion_id: string | null;
  share: number;
  after_sequence: number;
  started_at: number;
  ended_at: number | null;
  state: CanaryRow["state"];
  reading: string | null;
}

const recordOf = (row: StoredCanary | undefined): CanaryRecord | null =>
  row === undefined
    ? null
    : {
        id: row.id,
        version: row.version_id,
        champion: row.champion_id,
        share: row.share,
        afterSequence: row.after_sequence,
        startedAt: row.started_at,
        endedAt: row.ended_at,
        state: row.state,
        reading: row.reading === null ? null : (JSON.parse(row.reading) as CanaryRecord["reading"]),
      };
