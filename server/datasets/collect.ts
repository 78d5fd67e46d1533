import type { DatasetRequest, DatasetRow } from "../../protocol/api.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { CollectTask } from "../jobs/worker-messages.ts";
import { runWorker } from "../jobs/worker-process.ts";
import type { Store } from "../store/store.ts";
import { keptVersion } from "../version.ts";
import type { Snapshot } from "./snapshot.ts";

/** What a worker needs to build a dataset: where feedback lies, and where to mine more. */
export function collectTask(database: string, workspaces: readonly string[], seed: number): CollectTask {
  return {
    database,
    workspaces: [...new Set(workspaces)].toSorted(),
    origin: {
      seed,
      codeVersion: keptVersion,
    },
  };
}

/** Lists a snapshot that a worker wrote. */
export function recordSnapshot(store: Store, snapshot: Snapshot, clock: Clock): void {
  store.datasets.put({ ...snapshot, createdAt: clock.wallMs() });
}

/** Builds a dataset in a worker. @throws AppError `worker-failed` */
export async function buildDatasetInWorker(
  parts: { store: Store; database: string; clock: Clock; workerEntry: string; datasetsDir: string },
  request: DatasetRequest,
  signal: AbortSignal,
): Promise<DatasetRow> {
  const { store, database, clock, workerEntry, datasetsDir } = parts;
  let snapshot: Snapshot | null = null;
  let failure = "";
  const collect = collectTask(database, request.workspaces, request.seed);
  const { how, lastWords } = await runWorker(
    workerEntry,
    { kind: "dataset", datasetsDir, collect },
    (message) => {
      if (message.kind === "collected") snapshot = message.snapshot;
      else if (message.kind === "failed") failure = message.message;
    },
    signal,
  );
  const built = snapshot as Snapshot | null;
  if (built === null) {
    throw new AppError("worker-failed", failure || `The worker ended (${how}) without a dataset. ${lastWords}`.trim());
  }
  recordSnapshot(store, built, clock);
  return store.datasets.get(built.id)!;
}
