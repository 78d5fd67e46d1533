import type { Db } from "./database.ts";

/** What the schedule of training is decided from. */
export interface ScheduleStore {
  /** Suggestions with a good or bad label that were shown after the newest dataset that a run had was built. */
  newLabels(): number;
  /** When the newest run was asked for, milliseconds since 1970. */
  lastRunAt(): number | null;
  /** When the last event arrived, or the one so many before it. */
  lastEventAt(before?: number): number | null;
  /** Folders whose history the newest run mined. */
  lastWorkspaces(): readonly string[];
}

export function openScheduleStore(db: Db): ScheduleStore {
  const newLabels = db
    .prepare(`
      SELECT count(*) FROM labels l JOIN suggestions s ON s.id = l.suggestion_id
      WHERE l.verdict IN ('good', 'bad')
        AND NOT EXISTS (SELECT 1 FROM held_suggestions h WHERE h.suggestion_id = s.id) AND s.sequence > coalesce(
        (SELECT json_extract(d.manifest, '$.eventWatermark') FROM runs r JOIN datasets d ON d.id = r.dataset_id
         ORDER BY r.created_at DESC, r.id DESC LIMIT 1), 0)`)
    .pluck();
  const lastRun = db.prepare("SELECT created_at, request FROM runs ORDER BY created_at DESC, id DESC LIMIT 1");
  const lastEvent = db.prepare("SELECT received_at FROM events ORDER BY sequence DESC LIMIT 1 OFFSET ?").pluck();
  const last = () => lastRun.get() as { created_at: number; request: string } | undefined;
  return {
    newLabels: () => newLabels.get() as number,
    lastRunAt: () => last()?.created_at ?? null,
    lastEventAt: (before = 0) => (lastEvent.get(before) as number | undefined) ?? null,
    lastWorkspaces() {
      const run = last();
      return run === undefined ? [] : ((JSON.parse(run.request) as { workspaces?: string[] }).workspaces ?? []);
    },
  };
}
