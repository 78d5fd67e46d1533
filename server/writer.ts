import { systemClock } from "./clock.ts";
import { watchFile } from "./data-watch.ts";
import { createIngestQuota } from "./ingest/quota.ts";
import type { WriterData } from "./ingest/writer-messages.ts";
import { runWriter } from "./ingest/writer-thread.ts";
import { derivePending } from "./labels/derive.ts";
import { joinStore } from "./store/store.ts";
import { parentPort, workerData } from "node:worker_threads";

/** Between two looks at the size of the log: a reader may have held it back, and no event comes to cut it, milliseconds. */
const LOG_LOOK_MS = 10_000;

/** Entry of the writer thread: the only place where events are written. Joins ingest with the labels. */
const { database } = workerData as WriterData;
const store = joinStore(database);
const looking = setInterval(() => store.boundLog(), LOG_LOOK_MS);
looking.unref();
runWriter(parentPort!, {
  store,
  clock: systemClock,
  quota: createIngestQuota(() => performance.now()),
  isInPlace: watchFile(database),
  derivePending: (limit) => derivePending(store, limit),
  close() {
    clearInterval(looking);
    store[Symbol.dispose]();
  },
});
