import type { LabelRow } from "../../protocol/api.ts";
import type { Db } from "./database.ts";

export interface LabelStore {
  /** Replaces the label of a suggestion; `sequence` is the event watermark that it was computed at. */
  put(label: LabelRow, sequence: number): void;
  get(suggestionId: string): LabelRow | null;
  /** Most recently changed first. */
  list(verdict: LabelRow["verdict"] | null, limit: number): LabelRow[];
  /** Ids of all labelled suggestions, in the order in which they were shown. */
  inShownOrder(): string[];
  counts(): { good: number; bad: number; unknown: number };
}

export function openLabelStore(db: Db): LabelStore {
  const put = db.prepare(`
    INSERT INTO labels (suggestion_id, verdict, probability, weight, reasons, version, sequence)
    VALUES (@suggestionId, @verdict, @probability, @weight, @reasons, @version, @sequence)
    ON CONFLICT (suggestion_id) DO UPDATE SET
      verdict = excluded.verdict, probability = excluded.probability, weight = excluded.weight,
      reasons = excluded.reasons, version = excluded.version, sequence = excluded.sequence`);
  const one = db.prepare("SELECT * FROM labels WHERE suggestion_id = ?");
  const list = db.prepare(`
    SELECT * FROM labels WHERE @verdict IS NULL OR verdict = @verdict ORDER BY sequence DESC, suggestion_id LIMIT @limit`);
  const inShownOrder = db.prepare(`
    SELECT l.suggestion_id FROM labels l JOIN suggestions s ON s.id = l.suggestion_id ORDER BY s.sequence`);
  const counts = db.prepare("SELECT verdict, count(*) AS n FROM labels GROUP BY verdict");

  return {
    put: (label, sequence) => void put.run({ ...label, reasons: JSON.stringify(label.reasons), sequence }),
    get(suggestionId) {
      const row = one.get(suggestionId) as StoredLabel | undefined;
      return row ? toWire(row) : null;
    },
    list: (verdict, limit) => (list.all({ verdict, limit }) as StoredLabel[]).map(toWire),
    inShownOrder: () => inShownOrder.pluck().all() as string[],
    counts() {
      const found = new Map((counts.all() as { verdict: string; n: number }[]).map(({ verdict, n }) => [verdict, n]));
      return { good: found.get("good") ?? 0, bad: found.get("bad") ?? 0, unknown: found.get("unknown") ?? 0 };
    },
  };
}

interface StoredLabel {
  suggestion_id: string;
  verdict: LabelRow["verdict"];
  probability: number;
  weight: number;
  reasons: string;
  version: string;
}

const toWire = (row: StoredLabel): LabelRow => ({
  suggestionId: row.suggestion_id,
  verdict: row.verdict,
  probability: row.probability,
  weight: row.weight,
  reasons: JSON.parse(row.reasons) as LabelRow["reasons"],
  version: row.version,
});
