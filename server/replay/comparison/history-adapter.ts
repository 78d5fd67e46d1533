import type { HistoryPoint } from "../../../core/history-point.ts";
import { MAX_FORGETTING, SCALES } from "../../../core/evaluation/adapter-scale.ts";
import { openModel } from "../../../engine/generate/model.ts";
import type { TrainingProgress } from "../../../protocol/api.ts";
import { hashOf } from "../../content-hash.ts";
import { fitScale } from "../../training/adapter-scale.ts";
import type { TrainingJob, TrainingRow } from "../../training/backend.ts";
import { GENERAL_SHARE, generalRows } from "../../training/general-rows.ts";
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
  /** Times that it counts what was trained. */
  readonly scale: number;
  readonly validationLoss: { readonly first: number; readonly last: number } | null;
}

/** The newest rows, as many as are mined of a workspace's history. */
const MAX_ROWS = 4_000;
/** The newest part of the rows says when to stop. */
const VALIDATION_SHARE = 0.05;
const FINISHED = "finished.json";
/** Of the model that writes general rows and chooses the scale: neither is timed. */
const THREADS = 1;

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
  const recipe = [GENERAL_SHARE, SCALES, MAX_FORGETTING];
  const key = hashOf(JSON.stringify([options.base, job.lora, job.train, job.validation, recipe]));
  const finished = path.join(options.dir, FINISHED);
  if (existsSync(finished)) {
    const earlier = JSON.parse(readFileSync(finished, "utf8")) as HistoryAdapter;
    if (earlier.key === key) return { ...earlier, dir: path.join(options.dir, "adapter") };
  }
  // Of this job alone: rows of another one may be there.
  const generalDir = path.join(options.dir, `general-${key.slice(0, 12)}`);
  mkdirSync(generalDir, { recursive: true });
  await using model = await openModel(options.modelDir, { threads: THREADS });
  const asked = { rows: job.train, share: GENERAL_SHARE, runDir: generalDir };
  const general = await generalRows(model, asked, options.signal);
  const { adapterDir, validationLoss } = await createOnnxBackend().train(
    { ...job, train: [...job.train, ...general], runDir: options.dir },
    options.onProgress,
    options.signal,
  );
  const { chosen } = await fitScale(model, { adapterDir, heldBack: job.validation }, options.signal);
  const adapter = { dir: adapterDir, key, nRows: nTrain, scale: chosen.scale, validationLoss };
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
