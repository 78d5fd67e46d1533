import type { HistoryPoint } from "../../../core/history-point.ts";
import { createExampleIndex } from "../../../engine/retrieve/example-index.ts";
import type { TrainingProgress } from "../../../protocol/api.ts";
import { hashOf } from "../../content-hash.ts";
import type { TrainingJob, TrainingRow } from "../../training/backend.ts";
import { loraFor } from "../../training/hyper-parameters.ts";
import { createOnnxBackend } from "../../training/onnx/backend.ts";
import { EXAMPLES_PER_PROMPT, exampleOf, withoutSecrets } from "../walk.ts";
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

/** The newest part of the rows says when to stop. */
const VALIDATION_SHARE = 0.05;
const FINISHED = "finished.json";

/** Trains an adapter on a history, as a training run of the server does; what was trained before is taken as it is. */
export async function trainOnHistory(options: HistoryAdapterOptions): Promise<HistoryAdapter> {
  const rows = rowsOf(options.points, options.repository);
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

/** Rows with the examples that an editor would have found when they were written. */
export function rowsOf(points: readonly HistoryPoint[], repository: string): TrainingRow[] {
  const index = createExampleIndex();
  const rows: TrainingRow[] = [];
  let commit = "";
  let written: HistoryPoint[] = [];
  for (const raw of points) {
    if (raw.target.trim() === "") continue;
    const point = withoutSecrets(raw);
    if (point.commit !== commit) {
      for (const earlier of written) index.add(exampleOf(earlier, repository));
      written = [];
      commit = point.commit;
    }
    const { id, path: file, prefix, suffix, language, target } = point;
    const examples = index.query({ prefix, path: file, language }, EXAMPLES_PER_PROMPT);
    rows.push({
      suggestionId: id,
      repository,
      path: file,
      prefix,
      suffix,
      examples: examples.map((example) => ({ path: example.path, text: example.text })),
      completion: target,
      weight: 1,
    });
    written.push(point);
  }
  return rows;
}
