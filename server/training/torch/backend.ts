import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRandom } from "../../../core/statistics/random.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { openSafetensors, readTensor } from "../../../engine/checkpoint/safetensors-file.ts";
import { bytesOf, writeSafetensorsFile } from "../../../engine/checkpoint/safetensors-writer.ts";
import { sizeOf } from "../../../engine/graph/graph.ts";
import { loadTokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import { DEFAULT_OBJECTIVES } from "../../../engine/training/objective.ts";
import { initialParameters, parameterSlots, type ParameterSlot } from "../../../engine/training/parameters.ts";
import { TOKENIZER_FILES } from "../../../engine/training/trained-model.ts";
import { AppError } from "../../errors.ts";
import type { TrainingBackend, TrainingJob, TrainingResult } from "../backend.ts";
import { examplesOf, materialShape, microBatches } from "../onnx/material.ts";
import { resultFolder, writeCard, writeTrainedAdapter } from "../onnx/trained-files.ts";
import { BETAS, CHECKPOINT_STEPS, jobKey, trainedBy, VALIDATIONS } from "../recipe.ts";
import { writeBatchFiles } from "./batch-file.ts";
import { countGpus } from "./python-environment.ts";
import { programFile, runProgram, type ProgramEvent } from "./python-program.ts";

export interface TorchOptions {
  /** An interpreter that has PyTorch, transformers and PEFT. */
  readonly python: string;
  readonly env: NodeJS.ProcessEnv;
  /** Processes that share the work; one for each GPU, or one, unless given. */
  readonly processes?: number;
  /** Threads of each process on the CPU; the cores shared out unless given. */
  readonly threads?: number;
}

/** Python looks for this file in the run's folder after every step. */
const STOP_FILE = "stop";
const CHECKPOINT = "torch-checkpoint";

/**
 * PyTorch with PEFT in processes of its own, launched by torchrun. It takes the same job as the `onnx` backend,
 * makes the same steps from the same first parameters on the same batches, and leaves the same folder.
 */
export function createTorchBackend(options: TorchOptions): TrainingBackend {
  return { name: "torch", train: (job, onProgress, signal) => train(options, job, onProgress, signal) };
}

async function train(
  options: TorchOptions,
  job: TrainingJob,
  onProgress: Parameters<TrainingBackend["train"]>[1],
  signal: AbortSignal,
): Promise<TrainingResult> {
  const objective = DEFAULT_OBJECTIVES[job.objective ?? "sft"];
  const shape = materialShape(job);
  const tokenizer = loadTokenizer(job.modelDir);
  const examples = {
    train: examplesOf(job.train, objective.kind, tokenizer, shape, new Set()),
    validation: examplesOf(job.validation, objective.kind, tokenizer, shape, null),
  };
  if (examples.train.length === 0)
    throw new AppError("training-unavailable", "There is nothing to train on: no good completions yet.");
  const base = loadCheckpoint(job.modelDir);
  const trained = trainedBy(job);
  const slots = parameterSlots(base.config, trained);
  const batchesPerStep = (job.accumulation ?? 1) * microBatches(job);
  mkdirSync(job.runDir, { recursive: true });
  const inRun = (name: string) => path.join(job.runDir, name);
  rmSync(inRun(STOP_FILE), { force: true });
  const { seed } = job.lora;
  const nBatches = job.lora.steps * batchesPerStep;
  writeBatchFiles(job.runDir, objective, shape, examples, { seed, nBatches });
  if (trained.kind === "lora")
    writeParameters(inRun("initial.safetensors"), slots, initialParameters(slots, new Map(), createRandom(seed)));
  const { targetTokens: _, rowTokens: __, batchRows: ___, ...hyperParameters } = job.lora;
  const adapterDir = resultFolder(job, trained);
  const handed = {
    ...hyperParameters,
    ...BETAS,
    strategy: trained.kind,
    topLayers: trained.kind === "top-layers" ? trained.nLayers : 0,
    objective,
    shape,
    batchesPerStep,
    checkpointSteps: CHECKPOINT_STEPS,
    validations: VALIDATIONS,
    key: jobKey(job, base.sha256),
    modelDir: path.resolve(job.modelDir),
    runDir: path.resolve(job.runDir),
    out: trained.kind === "lora" ? path.resolve(job.runDir) : path.resolve(adapterDir),
  };
  writeFileSync(inRun("job.json"), JSON.stringify(handed, null, 2));

  const { python, env } = options;
  const processes = options.processes ?? Math.max(1, await countGpus(python, env, signal));
  const threads = options.threads ?? Math.max(1, Math.floor(os.availableParallelism() / processes));
  let end: ProgramEvent | null = null;
  await runProgram(
    {
      python,
      args: torchrun(processes).concat(
        programFile("finetune.py"),
        inRun("job.json"),
        "--watch-pid",
        String(process.pid),
      ),
      // torchrun would give each of several processes one thread.
      env: { OMP_NUM_THREADS: String(threads), HF_HUB_OFFLINE: "1", ...env },
      onEvent(event) {
        if (event.event === "step") onProgress({ ...progressOf(event), runId: job.runId, totalSteps: job.lora.steps });
        if (event.event === "finished") end = event;
      },
      askToStop: () => writeFileSync(inRun(STOP_FILE), ""),
    },
    signal,
  );
  rmSync(inRun(STOP_FILE), { force: true });
  signal.throwIfAborted();
  if (end === null) throw new AppError("worker-failed", "finetune.py ended without a result.");
  const { trainLoss, validationLoss, curve } = end as ProgramEvent & Omit<TrainingResult, "adapterDir">;
  const result: TrainingResult = { adapterDir, trainLoss, validationLoss, curve };
  if (trained.kind === "lora") {
    const theta = readParameters(inRun("trained.safetensors"), slots);
    writeTrainedAdapter(job, result, base, trained, { slots, theta });
  } else {
    for (const name of TOKENIZER_FILES) {
      const file = path.join(job.modelDir, name);
      if (existsSync(file)) copyFileSync(file, path.join(adapterDir, name));
    }
    writeCard(job, result, base.name, trained);
  }
  for (const name of [...OWN_FILES, CHECKPOINT]) rmSync(inRun(name), { recursive: true, force: true });
  return result;
}

const torchrun = (processes: number): string[] =>
  ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"].concat(String(processes));

/** What a run leaves in its folder for Python, and Python for it. */
const OWN_FILES =
  "train.bin measured.bin validation.bin mismatched.bin initial.safetensors trained.safetensors job.json".split(" ");

function progressOf(event: ProgramEvent) {
  const number = (name: string) => event[name] as number;
  return {
    step: number("step"),
    loss: number("loss"),
    validationLoss: event["validationLoss"] as number | null,
    tokensPerSecond: number("tokensPerSecond"),
    secondsLeft: number("secondsLeft"),
  };
}

function writeParameters(file: string, slots: readonly ParameterSlot[], theta: Float32Array): void {
  const tensors = slots.map(({ name, shape, offset }) => {
    const values = theta.subarray(offset, offset + sizeOf(shape));
    return { name, dtype: "F32", shape, nBytes: values.byteLength, bytes: () => bytesOf(values) } as const;
  });
  writeSafetensorsFile(file, tensors);
}

function readParameters(file: string, slots: readonly ParameterSlot[]): Float32Array {
  const stored = openSafetensors(file);
  const theta = new Float32Array(slots.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
  for (const { name, offset } of slots) {
    const { bytes } = readTensor(stored, name)!;
    theta.set(new Float32Array(bytes.slice().buffer), offset);
  }
  return theta;
}
