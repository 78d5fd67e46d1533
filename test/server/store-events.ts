import { systemClock } from "../../server/clock.ts";
import { storeBatch } from "../../server/ingest/ingest.ts";
import { createIngestQuota } from "../../server/ingest/quota.ts";
import { derivePending } from "../../server/labels/derive.ts";
import type { Store } from "../../server/store/store.ts";
import type { IngestResponse } from "../../protocol/api.ts";
import assert from "node:assert/strict";

export interface StoredEvents {
  readonly results: IngestResponse["results"];
  /** What was derived from them, as the dashboard is told: `suggestion {"id":…}`, `examples {"revision":…}`. */
  readonly pushed: readonly string[];
}

/** Does in one thread what the writer does in its own: stores a batch, then derives what follows from it. */
export function storeEvents(store: Store, values: readonly unknown[]): StoredEvents {
  const quota = createIngestQuota(() => 0);
  const answer = store.transaction(() => storeBatch(values, { store, quota, nowMs: systemClock.wallMs() }));
  assert.ok(answer.ok);
  const pushed: string[] = [];
  for (let pending = true; pending;) {
    const derived = derivePending(store, 32);
    pending = derived.pending;
    assert.deepEqual(derived.failed, []);
    for (const id of derived.suggestions) pushed.push(`suggestion ${JSON.stringify({ id })}`);
    if (derived.examplesRevision !== null)
      pushed.push(`examples ${JSON.stringify({ revision: derived.examplesRevision })}`);
  }
  return { results: answer.response.results, pushed };
}
