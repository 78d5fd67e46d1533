import type { LabelRow, SuggestionRow } from "../../protocol/api.ts";
import { isoTime } from "../clock.ts";
import type { Db } from "./database.ts";

/** What is derived from the events of one suggestion, without its label. */
export interface SuggestionRecord {
  readonly id: string;
  /** Server sequence of its `shown` event: the order of lists. */
  readonly sequence: number;
  readonly shownAt: number;
  readonly source: "editor" | "replay" | "tool";
  readonly root: string;
  readonly path: string;
  readonly language: string;
  readonly line: number;
  readonly completion: string;
  readonly base: string;
  readonly adapter: string | null;
  readonly outcome: string;
  readonly rating: "up" | "down" | null;
  readonly retained: number | null;
  readonly survived: number | null;
}

/** What is known of a suggestion that was taken or not. */
export interface EndedSuggestion {
  readonly root: string;
  readonly path: string;
  readonly completion: string;
  readonly adapter: string | null;
  readonly shownAt: number;
  readonly outcome: string;
  readonly retained: number | null;
  readonly survived: number | null;
}

export interface SuggestionStore {
  put(record: SuggestionRecord): void;
  get(id: string): SuggestionRow | null;
  /** Newest first; `before` is the `next` of the page before. */
  page(limit: number, before: number | null): { suggestions: SuggestionRow[]; next: string | null };
  count(): number;
  /** Ids of the editor's newest, in the order of time. */
  newestOfEditor(limit: number): string[];
  /** The newest of a source that came to an end, in the order of time. */
  newestEnded(source: "editor" | "replay", limit: number): EndedSuggestion[];
  /** How many came to an end. */
  countEnded(): { editor: number; replay: number };
  /** Ids of the newest with a human verdict, in the order of time. */
  newestRated(limit: number): string[];
  countRated(): number;
}

/** Rates, weights and filters are the owner's: what came from elsewhere is not counted, accepted or not. */
const OWN = "NOT EXISTS (SELECT 1 FROM foreign_suggestions f WHERE f.suggestion_id = s.id)";

export function openSuggestionStore(db: Db): SuggestionStore {
  const put = db.prepare(`
    INSERT INTO suggestions (id, sequence, shown_at, source, root, path, language, line, completion, base, adapter,
                             outcome, rating, retained, survived)
    VALUES (@id, @sequence, @shownAt, @source, @root, @path, @language, @line, @completion, @base, @adapter,
            @outcome, @rating, @retained, @survived)
    ON CONFLICT (id) DO UPDATE SET
      outcome = excluded.outcome, rating = excluded.rating, retained = excluded.retained, survived = excluded.survived`);
  const select = `
    SELECT s.*, l.verdict, l.probability, l.weight, l.reasons, l.version
    FROM suggestions s LEFT JOIN labels l ON l.suggestion_id = s.id`;
  const one = db.prepare(`${select} WHERE s.id = ?`);
  const newest = db.prepare(`${select} WHERE s.sequence < ? ORDER BY s.sequence DESC LIMIT ?`);

  const ended = db.prepare(`
    SELECT root, path, completion, adapter, shown_at AS shownAt, outcome, retained, survived FROM suggestions s
    WHERE source = ? AND outcome <> 'open' AND ${OWN} ORDER BY sequence DESC LIMIT ?`);
  const nEnded = db.prepare(
    `SELECT source, count(*) AS n FROM suggestions s WHERE outcome <> 'open' AND ${OWN} GROUP BY source`,
  );

  return {
    put: (record) => void put.run(record),
    get(id) {
      const row = one.get(id) as JoinedRow | undefined;
      return row ? toWire(row) : null;
    },
    page(limit, before) {
      const rows = newest.all(before ?? Number.MAX_SAFE_INTEGER, limit + 1) as JoinedRow[];
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return {
        suggestions: shown.map(toWire),
        next: rows.length > limit && last ? String(last.sequence) : null,
      };
    },
    newestOfEditor: (limit) =>
      (
        db
          .prepare(`SELECT id FROM suggestions s WHERE source = 'editor' AND ${OWN} ORDER BY sequence DESC LIMIT ?`)
          .pluck()
          .all(limit) as string[]
      ).reverse(),
    newestEnded: (source, limit) => (ended.all(source, limit) as EndedSuggestion[]).reverse(),
    countEnded() {
      const found = nEnded.all() as { source: string; n: number }[];
      const of = (source: string): number => found.find((one) => one.source === source)?.n ?? 0;
      return { editor: of("editor"), replay: of("replay") };
    },
    newestRated: (limit) =>
      (
        db
          .prepare(`SELECT id FROM suggestions s WHERE rating IS NOT NULL AND ${OWN} ORDER BY sequence DESC LIMIT ?`)
          .pluck()
          .all(limit) as string[]
      ).reverse(),
    countRated: () =>
      db.prepare(`SELECT count(*) FROM suggestions s WHERE rating IS NOT NULL AND ${OWN}`).pluck().get() as number,
    count: () => db.prepare("SELECT count(*) FROM suggestions").pluck().get() as number,
  };
}

interface JoinedRow {
  id: string;
  sequence: number;
  shown_at: number;
  source: "editor" | "replay" | "tool";
  root: string;
  path: string;
  language: string;
  line: number;
  completion: string;
  base: string;
  adapter: string | null;
  outcome: string;
  rating: "up" | "down" | null;
  retained: number | null;
  survived: number | null;
  verdict: LabelRow["verdict"] | null;
  probability: number;
  weight: number;
  reasons: string;
  version: string;
}

const toWire = (row: JoinedRow): SuggestionRow => ({
  id: row.id,
  shownAt: isoTime(row.shown_at),
  source: row.source,
  root: row.root,
  path: row.path,
  language: row.language,
  line: row.line,
  completion: row.completion,
  outcome: row.outcome,
  rating: row.rating,
  retained: row.retained,
  survived: row.survived,
  model: { base: row.base, adapter: row.adapter },
  label:
    row.verdict === null
      ? null
      : {
          suggestionId: row.id,
          verdict: row.verdict,
          probability: row.probability,
          weight: row.weight,
          reasons: JSON.parse(row.reasons) as LabelRow["reasons"],
          version: row.version,
        },
});
