import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import { createRandom, shuffle } from "../../../core/statistics/random.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { writeAdapter } from "../../../engine/lora/adapter.ts";
import { cosineSchedule } from "../../../engine/optim/adamw.ts";
import type { Batch } from "../../../engine/optim/batch.ts";
import { packBatches, type TrainingDocument } from "../../../engine/optim/packing.ts";
import { trainedAdapter } from "../../../engine/training/trained-model.ts";
import { createTrainer, imitated, meanLoss, type Trainer } from "../../../engine/training/trainer.ts";
import { loadTokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import { AppError } from "../../errors.ts";
import type { TrainingBackend, TrainingJob, TrainingResult, TrainingRow } from "../backend.ts";
import { encodeRow } from "./encode-row.ts";
import { loadRunCheckpoint, removeRunCheckpoint, saveRunCheckpoint } from "./run-checkpoint.ts";

/** Steps between checkpoints: what a crash costs at most. */
const CHECKPOINT_STEPS = 25;

/** Times that a run looks at the validation rows; the best of them is kept. */
const VALIDATIONS = 6;

/** Rows, evenly spread, that stand for all training rows, and all validation rows, when a loss is measured. */
const MAX_MEASURED_ROWS = 96;

/** The usual moments of AdamW. */
const BETAS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** The embedded backend: a training step compiled to one ONNX graph. */
export function createOnnxBackend(): TrainingBackend {
  return { name: "onnx", train };
}

const train: TrainingBackend["train"] = async (job, onProgress, signal) => {
  if (job.train.length === 0)
    throw new AppError("training-unavailable", "There is nothing to train on: no good completions yet.");
  mkdirSync(job.runDir, { recursive: true });
  const { lora } = job;
  const base = loadCheckpoint(job.modelDir);
  const tokenizer = loadTokenizer(job.modelDir);
  const shape = { nRows: lora.batchRows, rowTokens: lora.rowTokens, nTargets: lora.targetTokens };
  const encode = (rows: readonly TrainingRow[]) =>
    rows
      .map((row) => encodeRow(tokenizer, row, shape.rowTokens, Math.min(shape.nTargets, shape.rowTokens / 4)))
      .filter((d) => d.targets.length > 0);
  const documents = encode(job.train);
  const validation = packBatches(evenlySpaced(encode(job.validation), MAX_MEASURED_ROWS), shape);
  const measured = packBatches(evenlySpaced(documents, MAX_MEASURED_ROWS), shape);

  const trained = { kind: "lora", rank: lora.rank, alpha: lora.alpha } as const;
  await using trainer = await createTrainer(base, {
    trained,
    objective: { kind: "sft" },
    shape,
    adamW: { ...BETAS, weightDecay: lora.weightDecay, clipNorm: lora.clipNorm },
    random: createRandom(lora.seed),
    threads: os.availableParallelism(),
  });
  const jobSha256 = hashOf(job, base.sha256);
  const earlier = loadRunCheckpoint(job.runDir, jobSha256);
  const curve = [...(earlier?.curve ?? [])];
  if (earlier) resume(trainer, earlier);
  const firstLoss = earlier?.firstLoss ?? {
    train: await meanLoss(trainer, measured),
    validation: validation.length > 0 ? await meanLoss(trainer, validation) : null,
  };
  let best = earlier?.best ?? (firstLoss.validation === null ? null : { loss: firstLoss.validation, step: 0 });
  const bestTheta = earlier?.bestTheta ?? trainer.theta.slice();
  const source = batchSource(documents, shape, lora.seed);
  const validateEvery = Math.max(1, Math.floor(lora.steps / VALIDATIONS));
  const startedAt = performance.now();
  let nTokens = 0;
  for (let step = curve.length; step < lora.steps; step++) {
    signal.throwIfAborted();
    const batch = source(step);
    const rate = lora.learningRate * cosineSchedule(step, lora.warmupSteps, lora.steps);
    const { loss } = await trainer.step([imitated(batch)], rate);
    if (!Number.isFinite(loss))
      throw new AppError("worker-failed", `The loss at step ${step + 1} is not a number.`, {
        hint: "Lower the learning rate.",
      });
    curve.push(loss);
    nTokens += shape.nRows * shape.rowTokens;
    const isLast = step + 1 === lora.steps;
    let validationLoss: number | null = null;
    if (validation.length > 0 && ((step + 1) % validateEvery === 0 || isLast)) {
      validationLoss = await meanLoss(trainer, validation);
      if (best === null || validationLoss < best.loss) {
        best = { loss: validationLoss, step: step + 1 };
        bestTheta.set(trainer.theta);
      }
    }
    if ((step + 1) % CHECKPOINT_STEPS === 0 && !isLast) {
      const { theta, optimizer } = trainer;
      const { firstMoment, secondMoment } = optimizer;
      saveRunCheckpoint(job.runDir, jobSha256, {
        step: step + 1,
        curve,
        firstLoss,
        best,
        theta,
        bestTheta,
        firstMoment,
        secondMoment,
      });
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const nDone = step + 1 - (earlier?.step ?? 0);
    onProgress({
      runId: job.runId,
      step: step + 1,
      totalSteps: lora.steps,
      loss,
      validationLoss,
      tokensPerSecond: nTokens / seconds,
      secondsLeft: ((lora.steps - step - 1) * seconds) / nDone,
    });
  }
  // Early stopping: the parameters that did best on the validation rows, when there were any.
  if (best !== null) trainer.theta.set(bestTheta);
  const lastTrain = await meanLoss(trainer, measured);
  const adapterDir = path.join(job.runDir, "adapter");
  const result: TrainingResult = {
    adapterDir,
    trainLoss: { first: firstLoss.train, last: lastTrain },
    validationLoss:
      firstLoss.validation === null || best === null ? null : { first: firstLoss.validation, last: best.loss },
    curve,
  };
  writeAdapter(adapterDir, trainedAdapter(base.config, trained, trainer.slots, trainer.theta), base.config, {
    baseModel: base.name,
    baseSha256: base.sha256,
    readme: adapterCard(job, result, base.name),
  });
  removeRunCheckpoint(job.runDir);
  return result;
};

function resume(trainer: Trainer, from: NonNullable<ReturnType<typeof loadRunCheckpoint>>): void {
  trainer.theta.set(from.theta);
  trainer.optimizer.firstMoment.set(from.firstMoment);
  trainer.optimizer.secondMoment.set(from.secondMoment);
  trainer.optimizer.step = from.step;
}

/** Batch of a step: every epoch shuffles the documents anew, from the seed and the epoch's number. */
function batchSource(
  documents: readonly TrainingDocument[],
  shape: Parameters<typeof packBatches>[1],
  seed: number,
): (step: number) => Batch {
  let epoch = -1;
  let first = 0;
  let batches: Batch[] = [];
  return (step) => {
    while (epoch < 0 || step >= first + batches.length) {
      first += batches.length;
      epoch += 1;
      batches = packBatches(shuffle(documents, createRandom(seed + epoch)), shape);
    }
    return batches[step - first]!;
  };
}

function hashOf(job: TrainingJob, baseSha256: string): string {
  const { train: rows, validation, lora } = job;
  return createHash("sha256").update(JSON.stringify({ baseSha256, rows, validation, lora })).digest("hex");
}

function adapterCard(job: TrainingJob, result: TrainingResult, baseName: string): string {
  const { lora } = job;
  return `---
base_model: ${baseName}
library_name: peft
tags: [lora, code, fill-in-the-middle]
---

# Adapter of run ${job.runId}

LoRA of rank ${lora.rank} (alpha ${lora.alpha}) on every linear layer, ${lora.steps} steps at learning rate ${lora.learningRate}, seed ${lora.seed}.
Trained on ${job.train.length} rows, validated on ${job.validation.length}.

| loss, nats per token | before | after |
|---|---|---|
| training rows | ${result.trainLoss.first.toFixed(4)} | ${result.trainLoss.last.toFixed(4)} |
${result.validationLoss ? `| validation rows | ${result.validationLoss.first.toFixed(4)} | ${result.validationLoss.last.toFixed(4)} |\n` : ""}`;
}
