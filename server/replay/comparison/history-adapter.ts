import type { HistoryPoint } from "../../../core/history-point.ts";
import type { TrainingProgress } from "../../../protocol/api.ts";
import { hashOf } from "../../content-hash.ts";
import type { TrainingJob, TrainingRow } from "../../training/backend.ts";
import { loraFor } from "../../training/hyper-parameters.ts";
import { createOnnxBackend } from "../../training/onnx/backend.ts";
import { followHistory } from "../../datasets/earlier-examples.ts";
import { withoutSecrets } from "../walk.ts";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface HistoryAdapterOptions {
  /** What may be learnt from, in time order; points of one commit follow each other. */
  readonly points: readonly HistoryPoint[];
  readonly repository: string;
  readonly modelDir: string;
  /** Hash of the base model's weights. */
  readonly base: string;
  /** Folder of this adapter alone: a run that was stopped goes on from its checkpoint. */
  readonly dir: string;
  readonly overrides: Parameters<typeof loraFor>[0];
  readonly onProgress: (progress: TrainingProgress) => void;
  readonly signal: AbortSignal;
}

export interface HistoryAdapter {
  readonly dir: string;
  /** Of the job: the same points, model and hyper-parameters give the same key. */
  readonly key: string;
  readonly nRows: number;
  readonly validationLoss: { readonly first: number; readonly last: number } | null;
}

/** The newest rows, as many as are mined of a workspace's history. */
const MAX_ROWS = 4_000;
/** The newest part of the rows says when to stop. */
const VALIDATION_SHARE = 0.05;
const FINISHED = "finished.json";

/** Trains an adapter on a history, as a training run of the server does; what was trained before is taken as it is. */
export async function trainOnHistory(options: HistoryAdapterOptions): Promise<HistoryAdapter> {
  const rows = rowsOf(options.points, options.repository).slice(-MAX_ROWS);
  const nTrain = Math.floor(rows.length * (1 - VALIDATION_SHARE));
  const job: Omit<TrainingJob, "runDir"> = {
    runId: path.basename(options.dir),
    modelDir: options.modelDir,
    train: rows.slice(0, nTrain),
    validation: rows.slice(nTrain),
    lora: loraFor(options.overrides, nTrain),
  };
  const key = hashOf(JSON.stringify([options.base, job.lora, job.train, job.validation]));
  const finished = path.join(options.dir, FINISHED);
  if (existsSync(finished)) {
    const earlier = JSON.parse(readFileSync(finished, "utf8")) as HistoryAdapter;
    if (earlier.key === key) return { ...earlier, dir: path.join(options.dir, "adapter") };
  }
  mkdirSync(options.dir, { recursive: true });
  const { adapterDir, validationLoss } = await createOnnxBackend().train(
    { ...job, runDir: options.dir },
    options.onProgress,
    options.signal,
  );
  const adapter = { dir: adapterDir, key, nRows: nTrain, validationLoss };
  writeFileSync(finished, JSON.stringify(adapter));
  return adapter;
}

/** Rows as a dataset has them of a mined history. */
export function rowsOf(points: readonly HistoryPoint[], repository: string): TrainingRow[] {
  const examples = followHistory(repository);
  return points
    .filter(({ target }) => target.trim() !== "")
    .map(withoutSecrets)
    .map((point) => ({
      suggestionId: point.id,
      repository,
      path: point.path,
      prefix: point.prefix,
      suffix: point.suffix,
      examples: examples.next(point),
      completion: point.target,
      weight: 1,
    }));
}
