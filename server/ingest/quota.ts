/** Events that one session may send at once. An editor's outbox after weeks without a server holds fewer. */
export const QUOTA_BURST = 30_000;
/** Events a second that a session may send for ever: far above what typing causes. */
export const QUOTA_PER_SECOND = 500;
/** Sessions remembered; the one that was heard of longest ago gives way, with a full quota. */
const MAX_SESSIONS = 1_024;

/** A token bucket for each session, so that one client that runs wild does not fill the store. */
export interface IngestQuota {
  /** Takes one event of quota for each session id named, or takes nothing and answers who has none left. */
  take(sessionIds: readonly string[]): string | null;
}

/** `nowMs` is a monotonic clock, milliseconds. */
export function createIngestQuota(nowMs: () => number): IngestQuota {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(sessionIds) {
      const now = nowMs();
      const wanted = new Map<string, number>();
      for (const id of sessionIds) wanted.set(id, (wanted.get(id) ?? 0) + 1);
      const left = new Map<string, number>();
      for (const [id, n] of wanted) {
        const bucket = buckets.get(id);
        const refilled = bucket ? bucket.left + ((now - bucket.at) / 1_000) * QUOTA_PER_SECOND : QUOTA_BURST;
        const rest = Math.min(QUOTA_BURST, refilled) - n;
        if (rest < 0) return id;
        left.set(id, rest);
      }
      for (const [id, rest] of left) {
        buckets.delete(id);
        buckets.set(id, { left: rest, at: now });
      }
      for (const id of buckets.keys()) {
        if (buckets.size <= MAX_SESSIONS) break;
        buckets.delete(id);
      }
      return null;
    },
  };
}
