import type { Command } from "commander";
import { runPage, trainingRun, type TrainingRequest, type TrainingRun } from "../../protocol/api.ts";
import { type EvaluationSample, runSamples } from "../../protocol/samples.ts";
import { backendOption, strategyOption } from "../training/strategy-options.ts";
import { addTrainCommand, installTorch } from "../training/train-command.ts";
import { integer, rows, share } from "./arguments.ts";
import type { CommandParts } from "./command-parts.ts";
import { AppError } from "../errors.ts";
import { EXIT } from "./exit-codes.ts";
import { print, table } from "./output.ts";
import { waitForRun } from "./wait-for-run.ts";
import path from "node:path";

/** Adds `kept train` and what is done with adapters: `start`, `show`, `list` and the moves of a run. */
export function addTrainCommands(program: Command, { dataDir, connect, setExit }: CommandParts): void {
  const train = program.command("train").description("train every weight of a model, or an adapter");
  addTrainCommand(train, { dataDir, setExit });
  // `kept train list --json`: commander gives the option to the command that has it first, and that is `train`.
  const asked = <T extends { json?: boolean }>(flags: T): T => ({ ...flags, ...train.opts<{ json?: boolean }>() });
  train
    .command("start")
    .description("collect, train, test and deploy if the gate lets it; exit code 4 when it refuses")
    .option("--workspace <folder...>", "folders whose git history is mined too")
    .addOption(strategyOption("what is trained; in-context: nothing, examples alone").default("lora"))
    .addOption(backendOption("onnx: embedded; torch: PyTorch and PEFT, installed on first use").default("onnx"))
    .option("--steps <number>", "optimiser steps", integer)
    .option("--rank <number>", "rank of the adapter", integer)
    .option("--seed <number>", "seed of the run", integer)
    .option("--general <share>", "part of what is learnt that is general, against forgetting (default: 0.1)", share)
    .option("--no-wait", "return when the run is queued")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept train start --workspace . --steps 120\n")
    .action(
      async (flags: {
        workspace?: string[];
        strategy: TrainingRequest["strategy"];
        backend: TrainingRequest["backend"];
        steps?: number;
        rank?: number;
        seed?: number;
        general?: number;
        wait: boolean;
        json?: boolean;
      }) => {
        if (flags.backend === "torch" && flags.strategy !== "in-context") await installTorch(dataDir());
        const client = await connect();
        const { steps, rank, seed, general: generalShare, strategy, backend } = flags;
        const overrides = Object.fromEntries(
          Object.entries({ steps, rank, seed, generalShare }).filter(([, value]) => value !== undefined),
        );
        const workspaces = (flags.workspace ?? []).map((folder) => path.resolve(folder));
        const queued = await client.send(
          "POST",
          "/v1/training/runs",
          { strategy, backend, workspaces, overrides },
          trainingRun,
        );
        const run = flags.wait ? await waitForRun(client, queued.id) : queued;
        print(run, asked(flags), () => describeRun(run));
        if (run.state === "failed" || run.state === "cancelled") setExit(EXIT.failed);
        else if (run.evaluation?.verdict === "refuse") setExit(EXIT.gate);
      },
    );
  for (const [name, about, isMeant] of RUN_MOVES) {
    train
      .command(`${name} [run]`)
      .description(about)
      .option("--json", "print JSON")
      .action(async (id: string | undefined, flags: { json?: boolean }) => {
        const client = await connect();
        const run = id ?? (await client.get("/v1/training/runs?limit=100", runPage)).runs.find(isMeant)?.id;
        if (run === undefined) throw new AppError("not-found", `There is no run to ${name}.`);
        const moved = await client.send(
          "POST",
          `/v1/training/runs/${encodeURIComponent(run)}/${name}`,
          {},
          trainingRun,
        );
        print(moved, asked(flags), () => describeRun(moved));
      });
  }
  train
    .command("show [run]")
    .description("a run with its verdict, and what was written before and after it (default: the newest)")
    .option("--json", "print JSON")
    .action(async (id: string | undefined, flags: { json?: boolean }) => {
      const client = await connect();
      const name = id ?? (await client.get("/v1/training/runs?limit=1", runPage)).runs[0]?.id;
      if (name === undefined) throw new AppError("not-found", "There is no run yet.");
      const place = `/v1/training/runs/${encodeURIComponent(name)}`;
      const run = await client.get(place, trainingRun);
      const { samples } = await client.get(`${place}/samples`, runSamples);
      print({ run, samples }, asked(flags), () => describeRun(run) + describeSamples(samples));
    });
  train
    .command("list")
    .description("training runs, newest first")
    .option("--limit <rows>", "rows", rows, 20)
    .option("--json", "print JSON")
    .action(async (flags: { limit: number; json?: boolean }) => {
      const page = await (await connect()).get(`/v1/training/runs?limit=${flags.limit}`, runPage);
      print(page, asked(flags), () =>
        table(
          ["run", "state", "stage", "created", "loss", "verdict"],
          page.runs.map((run) => [run.id, run.state, run.stage, run.createdAt, lossOf(run), run.evaluation?.verdict]),
        ),
      );
    });
}

const isActive = ({ state }: TrainingRun): boolean => state === "queued" || state === "running";
/** What is done to a run, and which one is meant when none is named. */
const RUN_MOVES: readonly (readonly [string, string, (run: TrainingRun) => boolean])[] = [
  ["pause", "end a run's work for now (default: the one under way); it goes on from its last checkpoint", isActive],
  ["resume", "go on with a paused run (default: the newest)", ({ state }) => state === "paused"],
  ["cancel", "end a run for good (default: the one under way)", isActive],
];

const lossOf = (run: TrainingRun): string | null =>
  run.trainLoss === null ? null : `${run.trainLoss.first.toFixed(3)} → ${run.trainLoss.last.toFixed(3)}`;

const describeSamples = (samples: readonly EvaluationSample[]): string =>
  samples
    .map(({ path: file, before, kept, champion, challenger }) => {
      const written = ({ text, accepted }: EvaluationSample["champion"]) => `${text}${accepted ? "  (as kept)" : ""}`;
      return (
        "\n" +
        table(
          ["place", file],
          [
            ["code", before.split("\n").at(-1)],
            ["kept", kept],
            ["before", written(champion)],
            ["after", written(challenger)],
          ],
        )
      );
    })
    .join("");

const describeRun = (run: TrainingRun): string =>
  table(
    ["run", run.id],
    [
      ["strategy", run.strategy],
      ["state", `${run.state} (${run.stage})`],
      ["dataset", run.datasetId],
      ["training loss", lossOf(run)],
      ["version", run.versionId],
      ["verdict", run.evaluation?.verdict],
      ["reason", run.error?.message ?? run.evaluation?.reason],
      ...(run.evaluation?.guards ?? []).map(
        ({ name, holds, detail }) => [name, `${holds ? "holds" : "fails"}: ${detail}`] as const,
      ),
    ],
  );
