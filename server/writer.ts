import { systemClock } from "./clock.ts";
import { watchFile } from "./data-watch.ts";
import { createIngestQuota } from "./ingest/quota.ts";
import type { WriterData } from "./ingest/writer-messages.ts";
import { runWriter } from "./ingest/writer-thread.ts";
import { derivePending } from "./labels/derive.ts";
import { joinStore } from "./store/store.ts";
import { parentPort, workerData } from "node:worker_threads";

/** Entry of the writer thread: the only place where events are written. Joins ingest with the labels. */
const { database } = workerData as WriterData;
const store = joinStore(database);
runWriter(parentPort!, {
  store,
  clock: systemClock,
  quota: createIngestQuota(() => performance.now()),
  isInPlace: watchFile(database),
  derivePending: (limit) => derivePending(store, limit),
  close: () => store[Symbol.dispose](),
});
