import { DEFAULT_GATE } from "../core/evaluation/gate.ts";
import { type FilterFit, fitShowFilter } from "../core/filter/show-filter.ts";
import { weightShapes } from "../engine/architectures/decoder-config.ts";
import { loadCheckpoint } from "../engine/checkpoint/checkpoint.ts";
import { readSafetensors, toFloat32 } from "../engine/checkpoint/safetensors.ts";
import { openModel } from "../engine/generate/model.ts";
import type { EvaluationSample } from "../protocol/samples.ts";
import { exportDataset } from "./datasets/export.ts";
import { readFeedback } from "./datasets/feedback-rows.ts";
import { historyRows } from "./datasets/history-rows.ts";
import { readSnapshot, writeSnapshot, type Snapshot } from "./datasets/snapshot.ts";
import { compareAdapters, type EvaluatedModel } from "./evaluation/compare.ts";
import { followRememberedCode } from "./evaluation/remembered.ts";
import { forgettingGuard, weightGuard } from "./evaluation/guards.ts";
import { shownOutcomes } from "./filter/shown-outcomes.ts";
import { takeRunFolder } from "./jobs/run-folder.ts";
import type { CollectTask, FromWorker, ToWorker, TrainingTask, WorkerTask } from "./jobs/worker-messages.ts";
import { attributeSignals } from "./signals/attribute.ts";
import { readStore } from "./store/store.ts";
import type { ModelConfig } from "./models/model-config.ts";
import type { TrainingBackend, TrainingJob, TrainingRow } from "./training/backend.ts";
import { fitScale, generalLoss } from "./training/adapter-scale.ts";
import { GENERAL_SHARE, generalRows } from "./training/general-rows.ts";
import { rowsOfObjective } from "./training/objective-rows.ts";
import { loraFor } from "./training/hyper-parameters.ts";
import { createOnnxBackend } from "./training/onnx/backend.ts";
import { createTorchBackend } from "./training/torch/backend.ts";
import { readyPython } from "./training/torch/python-environment.ts";
import { readFileSync } from "node:fs";
import path from "node:path";

/** One core stays free for the editor. */
const EVALUATION_THREADS = 1;

export interface TaskChannel {
  readonly send: (message: FromWorker) => void;
  /** Resolves with the server's answer to `trained`. */
  readonly evaluation: Promise<Extract<ToWorker, { kind: "evaluate" }>>;
  readonly signal: AbortSignal;
}

/**
 * The composition root of the worker process, as `app.ts` is that of the server: joins the stages that run
 * there and does one task. Throws what goes wrong; the caller reports it.
 */
export async function performTask(task: WorkerTask, channel: TaskChannel): Promise<void> {
  if (task.kind === "dataset") {
    channel.send({ kind: "collected", snapshot: await collect(task.datasetsDir, task.collect, channel.signal) });
    return;
  }
  if (task.kind === "attribute") {
    channel.send({
      kind: "attributed",
      attributed: await attributeSignals(task.dataDir, task.request, channel.signal),
    });
    return;
  }
  if (task.kind === "export") {
    const files = await exportDataset({ ...task.request, signal: channel.signal, onProgress: () => {} });
    channel.send({ kind: "exported", files });
    return;
  }
  await performTraining(task, channel);
}

async function performTraining(task: TrainingTask, channel: TaskChannel): Promise<void> {
  using _alone = await takeRunFolder(task.runDir, channel.signal);
  await performAlone(task, channel);
}

async function performAlone(task: TrainingTask, { send, evaluation, signal }: TaskChannel): Promise<void> {
  const sha256 = await datasetOf(task, send, signal);
  const parts = readSnapshot(task.datasetsDir, sha256);
  const objective = task.config?.training.objective ?? "sft";
  const train = rowsOfObjective(objective, "train", parts);
  if (train.length === 0) {
    throw new TaskError(
      "nothing-to-learn",
      objective === "sft"
        ? "There is nothing to learn from yet: no kept suggestion and no history to mine."
        : `There is nothing to learn from yet: no ${objective === "kto" ? "judged suggestion" : "suggestion with what was written in its place"}.`,
    );
  }

  const lora = loraFor(task.overrides, train.length, task.config);
  const backend = await backendOf(task, signal);
  const validation = rowsOfObjective(objective, "validation", parts);
  const general = await replayed(task, train, signal);
  const { curve: _, ...result } = await backend.train(
    {
      runId: task.runId,
      modelDir: task.modelDir,
      train: [...train, ...general],
      validation,
      runDir: task.runDir,
      lora,
      strategy: task.strategy,
      ...saidOfTraining(task.config),
    },
    (progress) => send({ kind: "progress", progress }),
    signal,
  );
  await using base = await openModel(task.modelDir, { threads: EVALUATION_THREADS });
  const maxForgetting = task.config?.gate.maxForgetting ?? DEFAULT_GATE.maxForgetting;
  const heldBack = objective === "sft" ? validation : [];
  const fit =
    task.strategy === "lora"
      ? await fitScale(base, { adapterDir: result.adapterDir, heldBack, maxForgetting }, signal)
      : null;
  send({ kind: "trained", result, lora, ...(fit && { scale: fit.chosen.scale }) });

  const { challenger, champion } = await evaluation;
  await using whole =
    task.strategy === "lora" ? null : await openModel(challenger.dir, { threads: EVALUATION_THREADS });
  const model = whole === null ? base : besideModel(base, whole, challenger.version);
  let samples: readonly EvaluationSample[] = [];
  const decision = await compareAdapters(
    model,
    { challenger: { adapter: challenger }, champion: { adapter: champion } },
    parts.test,
    {
      remembered: followRememberedCode([...parts.train, ...parts.validation, ...parts.test], (text) =>
        base.tokenizer.encode(text),
      ),
      guards: [
        weightGuard(whole === null ? adapterWeights(challenger.dir) : modelWeights(challenger.dir)),
        forgettingGuard(
          fit === null
            ? { forgetting: await forgettingOf(whole!, base, signal), scale: null }
            : { forgetting: fit.forgetting, scale: fit.chosen.scale },
          maxForgetting,
        ),
      ],
      seed: lora.seed,
      signal,
      thresholds: task.config?.gate,
      onSamples: (some) => (samples = some),
    },
  );
  send({ kind: "evaluated", decision, samples, filter: fittedFilter(task.database) });
}

/** What a model's file says beside the hyper-parameters that every run has. */
function saidOfTraining(config: ModelConfig | null): Pick<TrainingJob, "objective" | "topLayers" | "accumulation"> {
  if (config === null) return {};
  const { objective, topLayers, accumulation } = config.training;
  return {
    objective,
    ...(topLayers === undefined ? {} : { topLayers }),
    ...(accumulation === undefined ? {} : { accumulation }),
  };
}

/** The backend of a task. Nothing is installed here: nobody watches. */
async function backendOf({ backend }: TrainingTask, signal: AbortSignal): Promise<TrainingBackend> {
  if (backend === "onnx") return createOnnxBackend();
  const python = await readyPython(process.env, signal, "peft");
  if (python === null)
    throw new TaskError(
      "python-missing",
      "The torch backend is not installed: `kept train start --backend torch` in a terminal installs it, or set KEPT_PYTHON for the server.",
    );
  return createTorchBackend({ python: python.python, env: process.env });
}

/** What is learnt beside a dataset against forgetting. The model is closed again before anything is trained. */
async function replayed(
  task: TrainingTask,
  rows: readonly TrainingRow[],
  signal: AbortSignal,
): Promise<readonly TrainingRow[]> {
  const said = task.config?.training;
  const share = task.overrides.generalShare ?? said?.generalShare ?? GENERAL_SHARE;
  // What the model writes by itself has nothing that it could be preferred to.
  if (share === 0 || said?.objective === "dpo") return [];
  await using base = await openModel(task.modelDir, { threads: EVALUATION_THREADS });
  // Awaited here: at the end of this function the model is closed.
  const general = await generalRows(base, { rows, share, runDir: task.runDir }, signal);
  return said?.objective === "kto" ? general.map((row) => ({ ...row, isDesirable: true })) : general;
}

/** Rise of the loss on general code, relative. */
async function forgettingOf(whole: EvaluatedModel, base: EvaluatedModel, signal: AbortSignal): Promise<number> {
  await base.setAdapter(null);
  return (await generalLoss(whole, signal)) / (await generalLoss(base, signal)) - 1;
}

const adapterWeights = (dir: string) =>
  [...readSafetensors(readFileSync(path.join(dir, "adapter_model.safetensors")))].map(
    ([name, tensor]) => [name, toFloat32(tensor)] as const,
  );

function* modelWeights(dir: string): Iterable<readonly [string, Float32Array]> {
  const { config, weights } = loadCheckpoint(dir);
  for (const name of weightShapes(config).keys()) yield [name, weights.get(name)!];
}

/** The base model with its adapters, and under one name another model: what an evaluation takes turns with. */
function besideModel(base: EvaluatedModel, whole: EvaluatedModel, version: string): EvaluatedModel {
  let now = base;
  return {
    async setAdapter(adapter) {
      now = adapter?.version === version ? whole : base;
      if (now === base) await base.setAdapter(adapter);
    },
    complete: (...args) => now.complete(...args),
    scoreCompletion: (...args) => now.scoreCompletion(...args),
  };
}

async function datasetOf(task: TrainingTask, send: TaskChannel["send"], signal: AbortSignal): Promise<string> {
  if ("sha256" in task.collect) return task.collect.sha256;
  const snapshot = await collect(task.datasetsDir, task.collect, signal);
  send({ kind: "collected", snapshot });
  return snapshot.sha256;
}

async function collect(datasetsDir: string, task: CollectTask, signal: AbortSignal): Promise<Snapshot> {
  const { rows: feedback, eventWatermark, labelVersion } = feedbackOf(task.database);
  const mined = [];
  for (const workspace of task.workspaces)
    mined.push(await historyRows(workspace, signal, task.origin.filters?.languages));
  const rows = [...feedback, ...mined.flatMap(({ rows }) => rows)];
  return writeSnapshot(datasetsDir, rows, {
    ...task.origin,
    eventWatermark,
    labelVersion,
    workspaces: mined.map(({ root, head }) => ({ root, head })),
  });
}

function fittedFilter(database: string): FilterFit {
  using store = readStore(database);
  return fitShowFilter(store.moment(() => shownOutcomes(store)));
}

function feedbackOf(database: string): ReturnType<typeof readFeedback> {
  using store = readStore(database);
  return readFeedback(store);
}

/** A failure with a code that the run shows. */
export class TaskError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "TaskError";
    this.code = code;
  }
}
