import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";
import { parseBatch, storeBatch, type BatchAnswer } from "./ingest.ts";
import type { IngestQuota } from "./quota.ts";

export interface GroupParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly quota: IngestQuota;
}

export interface GroupAnswer {
  /** In the order of the batches. */
  readonly answers: readonly BatchAnswer[];
  /** Set when the disk failed in a way after which no later write can be trusted. */
  readonly broken: string | null;
}

/**
 * Stores many batches with one commit, and so with one fsync. Each answer may be given out only now: a
 * batch that was refused stored nothing, and when the commit fails all of them say so.
 */
export function commitGroup(batches: readonly string[], { store, clock, quota }: GroupParts): GroupAnswer {
  const parsed = batches.map(parseBatch);
  try {
    const answers = store.transaction(() =>
      parsed.map((batch) => (batch.ok ? storeBatch(batch.values, { store, quota, nowMs: clock.wallMs() }) : batch)),
    );
    return { answers, broken: null };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === "SQLITE_FULL" || code === "ENOSPC") {
      return { answers: batches.map(() => refusal("storage-full", "The disk is full.")), broken: null };
    }
    // After a failed fsync the system may have dropped the pages that it could not write: trying again would lie.
    const isBroken = /^SQLITE_(IOERR|CORRUPT|NOTADB|READONLY)/.test(code ?? "");
    return {
      answers: batches.map(() => refusal("storage-failed", "The store could not be written.")),
      broken: isBroken ? `${code}: ${message}` : null,
    };
  }
}

const refusal = (code: "storage-full" | "storage-failed", message: string): BatchAnswer => ({
  ok: false,
  code,
  message,
});
