import { InvalidArgumentError, type Command } from "commander";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { openConnectionLog } from "../egress/connection-log.ts";
import { AppError } from "../errors.ts";
import { dataPlaces, installedIn } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { createProgressLine, duration } from "../replay/progress-line.ts";
import { positiveInteger } from "../replay/replay-command.ts";
import { isCorpusFile, resolveModelFile } from "../models/model-file.ts";
import { readRunConfiguration, type RunConfiguration } from "./run-configuration.ts";
import type { TrainedModel } from "./torch/full-training.ts";
import type { ProgramEvent } from "./torch/python-program.ts";

interface TrainFlags {
  readonly strategy: string;
  readonly backend: string;
  readonly config: string;
  readonly smoke?: boolean;
  readonly corpus?: string;
  readonly workDir?: string;
  readonly out?: string;
  readonly minutes?: number;
  readonly processes?: number;
  readonly continue?: boolean;
  readonly resume?: boolean;
  readonly fresh?: boolean;
  readonly headless?: boolean;
  readonly deploy?: boolean;
  readonly always?: boolean;
  readonly json?: boolean;
}

/** Adds the options and action of `kept train` itself to the command that holds `train start` and `train list`. */
export function addTrainCommand(
  train: Command,
  parts: { dataDir: () => string; setExit: (code: number) => void },
): void {
  train
    .option("--strategy <name>", "full: every weight", "full")
    .option("--backend <name>", "torch: PyTorch, installed on first use", "torch")
    .option("--config <file>", "a model: its file, its folder, or its name below models/", "models/base/config.yaml")
    .option("--headless", "without a running server: one is started for this command")
    .option("--deploy", "also serve what wins the gate (otherwise it stays the candidate)")
    .option("--always", "train although the dataset is that of the run before")
    .option("--smoke", "the whole recipe at toy size, on this repository's own source unless --corpus is given")
    .option("--corpus <glob>", "JSON-lines shards {repo, path, text}, plain or .xz")
    .option("--work-dir <folder>", "tokenizer, packed rows and checkpoints (default: below the data folder)")
    .option("--out <folder>", "the trained model (default: model in the work folder)")
    .option("--minutes <number>", "run one cycle of the schedule, this long", positive)
    .option("--processes <number>", "processes that share the work (default: one for each GPU)", positiveInteger)
    .option("--continue", "add a cycle when all of the configuration have run")
    .option("--resume", "go on from the work folder's checkpoint, as without this option")
    .option("--fresh", "ignore the work folder's checkpoint")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  kept train --strategy full --backend torch --config models/base/config.yaml --smoke\n",
    )
    .action(async (flags: TrainFlags) => parts.setExit(await runTraining(flags, parts.dataDir())));
}

async function runTraining(flags: TrainFlags, dataDir: string): Promise<number> {
  const file = resolveModelFile(flags.config, process.cwd());
  if (existsSync(file) && !isCorpusFile(readFileSync(file, "utf8"))) {
    const { trainFromFile } = await import("../models/train-from-file.ts");
    return trainFromFile(file, flags, dataDir);
  }
  if (flags.strategy !== "full" || flags.backend !== "torch") {
    throw new AppError(
      "invalid",
      `\`kept train\` runs --strategy full on --backend torch, not ${flags.strategy} on ${flags.backend}.`,
      {
        hint: "`kept train start --strategy … --backend …` trains on a dataset.",
      },
    );
  }
  if (flags.fresh === true && (flags.resume === true || flags.continue === true)) {
    throw new AppError("invalid", "--fresh excludes --resume and --continue.");
  }
  const [{ smokeConfiguration, writeOwnSource }, { preparePython }, { trainFull }] = await Promise.all([
    import("./torch/smoke.ts"),
    import("./torch/python-environment.ts"),
    import("./torch/full-training.ts"),
  ]);
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  const line = createProgressLine(process.stderr);
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const full = readRunConfiguration(file);
  const configuration = flags.smoke === true ? smokeConfiguration(full) : full;
  const name = flags.smoke === true ? `${full.name}-smoke` : full.name;
  const workDir = path.resolve(flags.workDir ?? path.join(dataDir, "training", name));
  const given = flags.corpus === undefined ? configuration.data.corpus : path.resolve(flags.corpus);
  if (given === null && flags.smoke !== true) {
    throw new AppError("invalid", `There is no corpus: ${flags.config} names none in data.corpus.`, {
      hint: "Give --corpus <glob>, or --smoke to try the recipe on Kept's own source.",
    });
  }
  const finished = path.join(workDir, "finished");
  // A smoke run in its own place is a new one each time, unless the last was stopped.
  const fresh = flags.fresh === true || (flags.smoke === true && flags.workDir === undefined && existsSync(finished));
  const startedAt = performance.now();
  try {
    const { python } = await preparePython(process.env, say, signal, { onConnect: () => notePip(dataDir) });
    mkdirSync(workDir, { recursive: true, mode: 0o700 });
    const ownSource = path.join(workDir, "own-source.jsonl");
    const corpus =
      given ?? (!fresh && existsSync(ownSource) ? ownSource : await writeOwnSource(installedIn(), workDir, signal));
    rmSync(finished, { force: true });
    const model = await trainFull(
      {
        configuration: withCorpus(configuration, corpus),
        python,
        env: process.env,
        workDir,
        out: path.resolve(flags.out ?? path.join(workDir, "model")),
        processes: flags.processes ?? null,
        // Toy matrices gain nothing from a second thread, and lose much to it on a busy machine.
        threads: flags.smoke === true ? 1 : null,
        minutes: flags.minutes ?? null,
        addCycle: flags.continue === true,
        fresh,
        onEvent: (event) => showEvent(event, line.show, say),
      },
      signal,
    );
    line.clear();
    if (model === null) return stopped(workDir, say);
    writeFileSync(finished, "");
    const wallSeconds = Math.round((performance.now() - startedAt) / 1_000);
    print({ ...model, workDir, wallSeconds }, flags, () => describe(model, wallSeconds));
    return EXIT.done;
  } catch (error) {
    line.clear();
    if (!signal.aborted) throw error;
    return stopped(workDir, say);
  }
}

function stopped(workDir: string, say: (text: string) => void): number {
  const kept = existsSync(path.join(workDir, "checkpoint"))
    ? `The checkpoint is in ${workDir}; the same command goes on from it.`
    : "Nothing was trained yet.";
  say(`Stopped. ${kept}`);
  return EXIT.interrupted;
}

const withCorpus = (configuration: RunConfiguration, corpus: string): RunConfiguration => ({
  ...configuration,
  data: { ...configuration.data, corpus },
});

/** Stages as lines of their own, steps in the progress line. */
function showEvent(event: ProgramEvent, show: (text: string) => void, say: (text: string) => void): void {
  const number = (key: string): number => Number(event[key]);
  switch (event.event) {
    case "read":
      return say(`Read ${number("files")} files, ${(number("bytes") / 1e6).toFixed(1)} MB.`);
    case "tokenizer":
      return say(`Trained a tokenizer of ${number("entries")} entries.`);
    case "packed":
      return say(`Packed draw ${number("draw") + 1}: ${number("tokens").toLocaleString("en")} tokens.`);
    case "start":
      return say(
        `Training ${(number("parameters") / 1e6).toFixed(2)} M parameters on ${String(event["device"])}, ${number("processes")} process(es).`,
      );
    case "resumed":
      return say(`Going on from step ${number("step")}.`);
    case "not-compiled":
      return say(`Not compiled, so slower: ${String(event["reason"])}`);
    case "held-out":
      return say(`Step ${number("step")}: held-out loss ${number("loss").toFixed(3)} nats a token.`);
    case "step": {
      const left = event["secondsLeft"] === null ? "" : `, ${duration(1_000 * number("secondsLeft"))} left`;
      return show(
        `cycle ${number("cycle")}, step ${number("step")}, loss ${number("loss").toFixed(3)}, ${Math.round(number("tokensPerSecond"))} tokens/s${left}`,
      );
    }
    default:
      return;
  }
}

const describe = (model: TrainedModel, wallSeconds: number): string =>
  table(
    ["model", model.out],
    [
      ["parameters", model.parameters.toLocaleString("en")],
      ["steps", model.steps],
      ["tokens", model.tokens.toLocaleString("en")],
      ["cycles", model.cycles.length],
      ["held-out loss", model.heldOutLoss === null ? null : `${model.heldOutLoss.toFixed(3)} nats a token`],
      ["largest logit difference", model.largestLogitDifference.toExponential(1)],
      ["files", model.files.join(" ")],
      ["took", duration(1_000 * wallSeconds)],
    ],
  );

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It has to be a number above 0.");
}

/** Makes the Python environment of the torch backend, unless it is there. Throws python-missing and python-setup. */
export async function installTorch(dataDir: string): Promise<void> {
  const { preparePython } = await import("./torch/python-environment.ts");
  using interrupt = createInterrupt();
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  await preparePython(process.env, say, interrupt.signal, { needs: "peft", onConnect: () => notePip(dataDir) });
}

/** Pip connects by itself: what can be said of it is when it ran. */
const notePip = (dataDir: string): void =>
  openConnectionLog(dataPlaces(dataDir).egressLog).add({
    at: new Date().toISOString(),
    purpose: "python-packages",
    method: "",
    to: "pip",
    address: null,
    outcome: "answered",
    status: null,
    sentBytes: 0,
    receivedBytes: 0,
    ms: 0,
  });
