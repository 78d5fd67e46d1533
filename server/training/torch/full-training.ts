import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { AppError } from "../../errors.ts";
import type { RunConfiguration } from "../run-configuration.ts";
import { checkParity } from "./logits-parity.ts";
import { countGpus } from "./python-environment.ts";
import { programFile, runProgram, type ProgramEvent } from "./python-program.ts";

export interface FullTraining {
  /** With `data.corpus` filled in. */
  readonly configuration: RunConfiguration;
  readonly python: string;
  readonly env: NodeJS.ProcessEnv;
  /** Folder for the tokenizer, packed rows and checkpoints: what a run resumes from. */
  readonly workDir: string;
  /** Folder for the trained model. */
  readonly out: string;
  /** Processes that share the work; null is one for each GPU, or one. */
  readonly processes: number | null;
  /** Threads of each process; null shares the cores out. */
  readonly threads: number | null;
  /** Length of the next cycle, then the only one; null runs every cycle of the configuration. */
  readonly minutes: number | null;
  /** Add a cycle when all have run. */
  readonly addCycle: boolean;
  readonly fresh: boolean;
  onEvent(event: ProgramEvent): void;
}

export interface TrainedModel {
  readonly parameters: number;
  readonly steps: number;
  readonly tokens: number;
  readonly seconds: number;
  /** Nats a token on held-out rows. */
  readonly heldOutLoss: number | null;
  readonly cycles: readonly unknown[];
  readonly out: string;
  readonly files: readonly string[];
  /** Largest difference of a logit between PyTorch and the engine. */
  readonly largestLogitDifference: number;
}

/** Python looks for this file in the work folder after every step. */
const STOP_FILE = "stop";
const CHECKPOINTS = ["checkpoint", "checkpoint.previous", "checkpoint-stable", "checkpoint-best"];

/**
 * Prepare, train, export and check. Resumes from what the work folder holds. Null when the signal
 * aborted: a checkpoint is left. Throws worker-failed, parity, invalid.
 */
export async function trainFull(job: FullTraining, signal: AbortSignal): Promise<TrainedModel | null> {
  const { workDir } = job;
  mkdirSync(workDir, { recursive: true, mode: 0o700 });
  rmSync(path.join(workDir, STOP_FILE), { force: true });
  if (job.fresh) for (const name of CHECKPOINTS) rmSync(path.join(workDir, name), { recursive: true, force: true });
  const configFile = path.join(workDir, "run.json");
  writeFileSync(configFile, JSON.stringify({ ...job.configuration, workDir }, null, 2));
  const run = (args: readonly string[], onEvent: FullTraining["onEvent"], askToStop?: () => void): Promise<void> =>
    runProgram(
      { python: job.python, args, env: job.env, onEvent, ...(askToStop === undefined ? {} : { askToStop }) },
      signal,
    );

  if (!isPrepared(job)) {
    await run([programFile("prepare.py"), configFile], job.onEvent);
    if (signal.aborted) return null;
    writeFileSync(path.join(workDir, PREPARED_KEY), preparedKey(job.configuration));
  }

  let start: ProgramEvent | null = null;
  let end: ProgramEvent | null = null;
  const stopFile = path.join(workDir, STOP_FILE);
  const processes = job.processes ?? Math.max(1, await countGpus(job.python, job.env, signal));
  await runProgram(
    {
      python: job.python,
      args: trainArguments(job, configFile, processes),
      // torchrun would give each of several processes one thread.
      env: {
        OMP_NUM_THREADS: String(job.threads ?? Math.max(1, Math.floor(os.availableParallelism() / processes))),
        ...job.env,
      },
      onEvent(event) {
        if (event.event === "start") start = event;
        if (event.event === "finished" || event.event === "stopped") end = event;
        job.onEvent(event);
      },
      askToStop: () => writeFileSync(stopFile, ""),
    },
    signal,
  );
  rmSync(stopFile, { force: true });
  if (signal.aborted) return null;

  let files: readonly string[] = [];
  await run([programFile("export.py"), configFile, "--out", job.out], (event) => {
    if (event.event === "exported") files = event["files"] as string[];
    job.onEvent(event);
  });
  const logits = path.join(workDir, "logits.json");
  await run([programFile("parity.py"), configFile, "--model", job.out, "--out", logits], job.onEvent);
  if (signal.aborted) return null;
  const largestLogitDifference = await checkParity(job.out, logits);
  rmSync(logits);
  return { ...summaryOf(start, end), out: job.out, files, largestLogitDifference };
}

function trainArguments(job: FullTraining, configFile: string, processes: number): string[] {
  const torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", String(processes)];
  const args = [...torchrun, programFile("train.py"), configFile, "--watch-pid", String(process.pid)];
  if (job.minutes !== null) args.push("--minutes", String(job.minutes));
  if (job.addCycle) args.push("--continue");
  return args;
}

const PREPARED_KEY = "prepared.key";

/** What the packed rows hang on. */
function preparedKey({ base, seed, data, model }: RunConfiguration): string {
  const parts = JSON.stringify([base, seed, data, model.vocabSize, model.contextTokens]);
  return createHash("sha256").update(parts).digest("hex");
}

/** True when the rows are those of this configuration. Refuses to train one run's checkpoint on another's rows. */
function isPrepared(job: FullTraining): boolean {
  const keyFile = path.join(job.workDir, PREPARED_KEY);
  const key = existsSync(keyFile) ? readFileSync(keyFile, "utf8") : null;
  if (key === preparedKey(job.configuration)) return true;
  if (key !== null && CHECKPOINTS.some((name) => existsSync(path.join(job.workDir, name)))) {
    throw new AppError("invalid", `${job.workDir} holds a run with another corpus, seed or vocabulary.`, {
      hint: "Give another --work-dir, or --fresh to begin anew.",
    });
  }
  return false;
}

function summaryOf(start: ProgramEvent | null, end: ProgramEvent | null) {
  if (!start || !end) throw new AppError("worker-failed", "train.py ended without a result.");
  return {
    parameters: start["parameters"] as number,
    steps: end["step"] as number,
    tokens: end["tokens"] as number,
    seconds: end["seconds"] as number,
    heldOutLoss: end["heldOutLoss"] as number | null,
    cycles: end["cycles"] as readonly unknown[],
  };
}
