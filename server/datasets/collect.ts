import type { DatasetRequest, DatasetRow } from "../../protocol/api.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { CollectTask } from "../jobs/worker-messages.ts";
import { readActiveModel } from "../models/active-model.ts";
import type { ModelConfig } from "../models/model-config.ts";
import { runWorker } from "../jobs/worker-process.ts";
import type { Store } from "../store/store.ts";
import { keptVersion } from "../version.ts";
import type { DatasetFilters, Snapshot } from "./snapshot.ts";

/** What a worker needs to build a dataset: where feedback lies, where to mine more, and what a model's file asks for. */
export function collectTask(
  parts: { readonly store: Store; readonly database: string; readonly clock: Clock },
  request: { readonly workspaces: readonly string[]; readonly seed: number; readonly config: ModelConfig | null },
): CollectTask {
  const { config } = request;
  const workspaces = [...new Set([...request.workspaces, ...(config?.dataset.workspaces ?? [])])].toSorted();
  return {
    database: parts.database,
    workspaces: config === null || config.dataset.sources.includes("history") ? workspaces : [],
    origin: {
      seed: request.seed,
      codeVersion: keptVersion,
      ...(config === null ? {} : { filters: filtersOf(config, parts.clock.wallMs()) }),
    },
  };
}

const DAY_MS = 86_400_000;

const filtersOf = ({ languages, dataset }: ModelConfig, nowMs: number): DatasetFilters => ({
  languages,
  sources: dataset.sources,
  exclude: dataset.exclude,
  minWeight: dataset.minWeight,
  since: dataset.days === null ? null : nowMs - dataset.days * DAY_MS,
  caps: dataset.caps,
  fractions: dataset.split,
});

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
  const { store, clock, workerEntry, datasetsDir } = parts;
  let snapshot: Snapshot | null = null;
  let failure = "";
  const config = readActiveModel(store.settings)?.config ?? null;
  const collect = collectTask(parts, { ...request, config });
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
