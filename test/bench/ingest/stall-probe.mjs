// Imported into the server before its own code: how long its main thread was held up, written when it ends.
import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** How often the probe looks; a delay is what exceeds this, milliseconds. */
const RESOLUTION_MS = 5;
/** Loading and opening the store are no part of serving, milliseconds. */
const SETTLE_MS = 1_500;
const NS_PER_MS = 1e6;

if (isMainThread && process.env.KEPT_STALL_FILE) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  setTimeout(() => delay.enable(), SETTLE_MS).unref();
  process.on("exit", () =>
    writeFileSync(
      process.env.KEPT_STALL_FILE,
      JSON.stringify({
        maxMs: delay.max / NS_PER_MS - RESOLUTION_MS,
        p99Ms: delay.percentile(99) / NS_PER_MS - RESOLUTION_MS,
        p999Ms: delay.percentile(99.9) / NS_PER_MS - RESOLUTION_MS,
      }),
    ),
  );
}
