import type { FilterFit, ShowFilter } from "../../core/filter/show-filter.ts";
import { showFilter } from "../../protocol/show-filter.ts";
import type { Db } from "./database.ts";

export interface FilterStore {
  /** Keeps what the run of a version made of the outcomes so far. */
  put(versionId: string, fit: FilterFit, fittedAt: number): void;
  /** The filter of the newest fit; null when that one found that there should be none. */
  newest(): ShowFilter | null;
  /** What the newest fit says of itself, for people; null before the first. */
  newestDetail(): string | null;
}

export function openFilterStore(db: Db): FilterStore {
  const put = db.prepare(`
    INSERT INTO show_filters (version_id, fitted_at, filter, detail) VALUES (?, ?, ?, ?)
    ON CONFLICT (version_id) DO UPDATE SET
      fitted_at = excluded.fitted_at, filter = excluded.filter, detail = excluded.detail`);
  const newest = db.prepare("SELECT filter, detail FROM show_filters ORDER BY fitted_at DESC, version_id LIMIT 1");
  const row = () => newest.get() as { filter: string | null; detail: string } | undefined;
  return {
    put(versionId, fit, fittedAt) {
      if (fit.ok) {
        const { outcomes, accepts } = fit.filter;
        put.run(versionId, fittedAt, JSON.stringify(fit.filter), `fitted to ${outcomes} outcomes, ${accepts} accepted`);
      } else put.run(versionId, fittedAt, null, `${fit.reason}: ${fit.detail}`);
    },
    newest() {
      const found = row()?.filter ?? null;
      // A filter of an earlier version, of another shape, is none: the next run fits one.
      return found === null ? null : (showFilter.safeParse(JSON.parse(found)).data ?? null);
    },
    newestDetail: () => row()?.detail ?? null,
  };
}
