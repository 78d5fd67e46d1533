import type { Clock } from "../clock.ts";
import type { Store } from "../store/store.ts";
import { parseBatch, storeBatch, type BatchAnswer } from "./ingest.ts";
import type { IngestQuota } from "./quota.ts";

export interface GroupParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly quota: IngestQuota;
  /** False when the store is no longer where a later server would look for it. */
  readonly isInPlace?: () => boolean;
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
export function commitGroup(batches: readonly string[], { store, clock, quota, isInPlace }: GroupParts): GroupAnswer {
  const parsed = batches.map(parseBatch);
  try {
    const answers = store.transaction(() =>
      parsed.map((batch) => (batch.ok ? storeBatch(batch.values, { store, quota, nowMs: clock.wallMs() }) : batch)),
    );
    // What went into a file that was deleted or moved away is gone with this process.
    if (isInPlace?.() === false) return brokenGroup(batches, "the store was deleted or replaced");
    return { answers, broken: null };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === "SQLITE_FULL" || code === "ENOSPC") {
      return { answers: batches.map(() => refusal("storage-full", "The disk is full.")), broken: null };
    }
    // After a failed fsync the system may have dropped the pages that it could not write: trying again would lie.
    const isBroken = /^SQLITE_(IOERR|CORRUPT|NOTADB|READONLY)/.test(code ?? "");
    return brokenGroup(batches, isBroken ? `${code}: ${message}` : null);
  }
}

const brokenGroup = (batches: readonly string[], broken: string | null): GroupAnswer => ({
  answers: batches.map(() => refusal("storage-failed", "The store could not be written.")),
  broken,
});

const refusal = (code: "storage-full" | "storage-failed", message: string): BatchAnswer => ({
  ok: false,
  code,
  message,
});
