import type { PushHub } from "../push/hub.ts";
import type { Store } from "../store/store.ts";
import type { Metrics } from "./metrics.ts";
import { statSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** How often the probe of the main thread looks; what exceeds it is delay, milliseconds. */
const RESOLUTION_MS = 10;
const NS_PER_S = 1e9;

/** Reads of what the server already counts, made only when somebody asks for the metrics. */
export function observeServer(
  metrics: Metrics,
  parts: { readonly store: Store; readonly hub: PushHub; readonly database: string },
): Disposable {
  const { store, hub, database } = parts;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  metrics.observe("kept_events_total", () =>
    Object.entries(store.events.ledger()).map(([status, value]) => ({ value, labels: { status } })),
  );
  metrics.observe("kept_derivations_pending", () => [{ value: store.derivations.count() }]);
  metrics.observe("kept_labels", () =>
    Object.entries(store.labels.counts()).map(([verdict, value]) => ({ value, labels: { verdict } })),
  );
  metrics.observe("kept_jobs", () => byState(store.jobs.counts()));
  metrics.observe("kept_training_runs", () => byState(store.runs.counts()));
  metrics.observe("kept_stream_readers", () => [{ value: hub.nSubscribers }]);
  metrics.observe("kept_stream_dropped_total", () => [{ value: hub.nDropped }]);
  metrics.observe("kept_store_bytes", () => [
    { value: sizeOf(database), labels: { part: "database" } },
    { value: sizeOf(`${database}-wal`), labels: { part: "wal" } },
  ]);
  metrics.observe("kept_process_resident_memory_bytes", () => [{ value: process.memoryUsage.rss() }]);
  metrics.observe("kept_event_loop_delay_seconds", () => {
    const seconds = (ns: number): number => Math.max(0, ns / NS_PER_S - RESOLUTION_MS / 1_000) || 0;
    const quantiles = [0.5, 0.99].map((quantile) => ({
      value: seconds(delay.percentile(quantile * 100)),
      labels: { quantile: String(quantile) },
    }));
    const seen = [...quantiles, { value: seconds(delay.max), labels: { quantile: "1" } }];
    delay.reset();
    return seen;
  });
  return { [Symbol.dispose]: () => void delay.disable() };
}

const byState = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).map(([state, value]) => ({ value, labels: { state } }));

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
