import { mkdirSync } from "node:fs";
import os from "node:os";
import { createRandom } from "../../../core/statistics/random.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { requestedDevice } from "../../../engine/devices/device.ts";
import { deviceForModel } from "../../../engine/devices/model-device.ts";
import { cosineSchedule } from "../../../engine/optim/adamw.ts";
import { loadTokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import { DEFAULT_OBJECTIVES } from "../../../engine/training/objective.ts";
import { createTrainer, type Trainer } from "../../../engine/training/trainer.ts";
import { AppError } from "../../errors.ts";
import { laneEntry } from "../../places.ts";
import type { TrainingBackend, TrainingResult } from "../backend.ts";
import { BETAS, CHECKPOINT_STEPS, jobKey, trainedBy, VALIDATIONS } from "../recipe.ts";
import { createMaterial, examplesOf, materialShape, microBatches } from "./material.ts";
import { loadRunCheckpoint, removeRunCheckpoint, saveRunCheckpoint } from "./run-checkpoint.ts";
import { resultFolder, writeTrained } from "./trained-files.ts";

/** The embedded backend: training steps of ONNX graphs. */
export function createOnnxBackend(): TrainingBackend {
  return { name: "onnx", train };
}

const train: TrainingBackend["train"] = async (job, onProgress, signal) => {
  const { lora } = job;
  const objective = DEFAULT_OBJECTIVES[job.objective ?? "sft"];
  const shape = materialShape(job);
  const tokenizer = loadTokenizer(job.modelDir);
  const examples = {
    train: examplesOf(job.train, objective.kind, tokenizer, shape, new Set()),
    validation: examplesOf(job.validation, objective.kind, tokenizer, shape, null),
  };
  if (examples.train.length === 0)
    throw new AppError("training-unavailable", "There is nothing to train on: no good completions yet.");
  mkdirSync(job.runDir, { recursive: true });
  const base = loadCheckpoint(job.modelDir);
  const trained = trainedBy(job);
  const wanted = requestedDevice(process.env);
  const device = await deviceForModel(wanted, { kind: "training", nParameters: base.nParameters });
  await using trainer = await createTrainer(base, {
    trained,
    objective,
    shape,
    adamW: { ...BETAS, weightDecay: lora.weightDecay, clipNorm: lora.clipNorm },
    random: createRandom(lora.seed),
    threads: os.availableParallelism(),
    provider: device.provider,
    laneEntry: laneEntry(),
  });
  const material = await createMaterial(trainer, objective, shape, examples, {
    seed: lora.seed,
    accumulation: (job.accumulation ?? 1) * microBatches(job),
  });
  const jobSha256 = jobKey(job, base.sha256);
  const earlier = loadRunCheckpoint(job.runDir, jobSha256);
  const curve = [...(earlier?.curve ?? [])];
  if (earlier) resume(trainer, earlier);
  const firstLoss = earlier?.firstLoss ?? {
    train: await material.trainLoss(),
    validation: await material.validationLoss(),
  };
  let best = earlier?.best ?? (firstLoss.validation === null ? null : { loss: firstLoss.validation, step: 0 });
  const bestTheta = earlier?.bestTheta ?? trainer.theta.slice();
  const validateEvery = Math.max(1, Math.floor(lora.steps / VALIDATIONS));
  const startedAt = performance.now();
  let nTokens = 0;
  for (let step = curve.length; step < lora.steps; step++) {
    signal.throwIfAborted();
    const batches = await material.step(step);
    const rate = lora.learningRate * cosineSchedule(step, lora.warmupSteps, lora.steps);
    const { loss } = await trainer.step(batches, rate);
    if (!Number.isFinite(loss))
      throw new AppError("worker-failed", `The loss at step ${step + 1} is not a number.`, {
        hint: "Lower the learning rate.",
      });
    curve.push(loss);
    nTokens += batches.length * shape.nRows * shape.rowTokens;
    const isLast = step + 1 === lora.steps;
    let validationLoss: number | null = null;
    if ((step + 1) % validateEvery === 0 || isLast) {
      validationLoss = await material.validationLoss();
      if (validationLoss !== null && (best === null || validationLoss < best.loss)) {
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
  const result: TrainingResult = {
    adapterDir: resultFolder(job, trained),
    trainLoss: { first: firstLoss.train, last: await material.trainLoss() },
    validationLoss:
      firstLoss.validation === null || best === null ? null : { first: firstLoss.validation, last: best.loss },
    curve,
  };
  writeTrained(job, result, base, trained, trainer);
  removeRunCheckpoint(job.runDir);
  return result;
};

function resume(trainer: Trainer, from: NonNullable<ReturnType<typeof loadRunCheckpoint>>): void {
  trainer.theta.set(from.theta);
  trainer.optimizer.firstMoment.set(from.firstMoment);
  trainer.optimizer.secondMoment.set(from.secondMoment);
  trainer.optimizer.step = from.step;
}
