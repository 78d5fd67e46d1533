import { Command, InvalidArgumentError } from "commander";
import { DEVICES } from "../../engine/devices/device.ts";
import {
  aliasPage,
  aliasRow,
  datasetPage,
  deployment,
  loginCode,
  modelPage,
  modelVersionRow,
  runPage,
  serverStatus,
  shutdownResponse,
  suggestionPage,
  trainingRun,
  why,
  type TrainingRun,
} from "../../protocol/api.ts";
import { addArchiveExport, addArchiveImport } from "../archive/archive-command.ts";
import { addBackupCommand } from "../backup/backup-command.ts";
import { addGitAiExport } from "../adoption/export-git-ai.ts";
import { addGenerationCommands } from "../adoption/generation-command.ts";
import { addImportCommands } from "../adoption/import-command.ts";
import { addForgetCommand } from "../forget/forget-command.ts";
import { addPullCommand } from "../hub/pull-command.ts";
import { pulledModels } from "../hub/pulled-models.ts";
import { addExportCommand } from "../models/export-command.ts";
import { dataPlaces, resolveDataDir } from "../places.ts";
import { addDemoCommand } from "../replay/demo/demo-command.ts";
import { addRetentionCommand } from "../retention/retention-command.ts";
import { addReplayCommand } from "../replay/replay-command.ts";
import { addSurvivalCommands } from "../survival/survival-command.ts";
import { addTrainCommand } from "../training/train-command.ts";
import { keptVersion } from "../version.ts";
import { addWatchCommand } from "../watch/watch-command.ts";
import { addEgressCommand } from "../egress/egress-command.ts";
import { integer, portNumber, rows } from "./arguments.ts";
import { connectToServer, type ServerClient } from "./client.ts";
import { diagnose } from "./doctor.ts";
import { EXIT } from "./exit-codes.ts";
import { print, printable, table } from "./output.ts";
import { waitForRun } from "./wait-for-run.ts";
import path from "node:path";

/** Sets the exit code of a command that ran to its end. */
export type SetExit = (code: number) => void;

/** Every command of `kept`. Reads take --json; data goes to stdout, everything else to stderr. */
export function createProgram(setExit: SetExit): Command {
  const program = new Command("kept")
    .description("Inline code suggestions that learn from what you keep, on your own machine.")
    .version(keptVersion)
    .option("--data-dir <folder>", "where everything is stored (default: KEPT_DATA_DIR or the platform's data folder)")
    .option(
      "--device <name>",
      "auto, cpu, webgpu, cuda or dml: where models run (default: KEPT_DEVICE or auto)",
      device,
    )
    .showHelpAfterError("Run `kept --help` for the commands.")
    .exitOverride();
  const dataDir = (): string => resolveDataDir(program.opts<{ dataDir?: string }>().dataDir, process.env);
  // The processes that load models read it from the environment.
  program.on("option:device", (name: string) => (process.env["KEPT_DEVICE"] = name));
  const connect = (): Promise<ServerClient> => connectToServer(dataDir());

  program
    .command("serve")
    .description("run the server in the foreground until Ctrl+C")
    .option("--port <number>", "port on 127.0.0.1; 0 takes any free one", portNumber, 0)
    .option("--model-dir <folder>", "base model (default: KEPT_MODEL_DIR or the one shipped)")
    .option("--log <place>", "stderr, or file for server.log in the data folder", "stderr")
    .option("--log-level <level>", "debug, info, warn or error", "info")
    .action(async (flags: { port: number; modelDir?: string; log: string; logLevel: string }) => {
      const { serve } = await import("../serve.ts");
      setExit(await serve({ ...flags, dataDir: dataDir(), log: flags.log === "file" ? "file" : "stderr" }));
    });

  program
    .command("stop")
    .description("ask the server to end")
    .action(async () => {
      await (await connect()).send("POST", "/v1/shutdown", {}, shutdownResponse);
      process.stderr.write("The server is stopping.\n");
    });

  program
    .command("status")
    .description("counts, the serving adapter and the active run")
    .option("--json", "print JSON")
    .action(async (flags: { json?: boolean }) => {
      const client = await connect();
      const status = await client.get("/v1/status", serverStatus);
      const value = { ...status, url: client.url, pid: client.runtime.pid, startedAt: client.runtime.startedAt };
      const { good, bad, unknown } = status.labels;
      print(value, flags, () =>
        table(
          ["server", client.url],
          [
            ["version", status.version],
            ["events", status.events],
            ["suggestions", status.suggestions],
            ["labels", `${good} good, ${bad} bad, ${unknown} unknown`],
            ["champion", status.champion ?? "base model alone"],
            ["active run", status.activeRun ?? "none"],
          ],
        ),
      );
    });

  program
    .command("doctor")
    .description("check this installation and say what to do about what is wrong")
    .option("--json", "print JSON")
    .option("--model-dir <folder>", "base model to check")
    .action(async (flags: { json?: boolean; modelDir?: string }) => {
      const checks = await diagnose({ dataDir: dataDir(), modelDir: flags.modelDir });
      print({ checks }, flags, () =>
        table(
          ["check", "ok", "detail"],
          checks.map((c) => [c.name, c.ok ? "yes" : "NO", c.detail]),
        ),
      );
      if (checks.some(({ ok }) => !ok)) setExit(EXIT.failed);
    });

  const train = program.command("train").description("train every weight of a model, or an adapter");
  addTrainCommand(train, { dataDir, setExit });
  // `kept train list --json`: commander gives the option to the command that has it first, and that is `train`.
  const asked = <T extends { json?: boolean }>(flags: T): T => ({ ...flags, ...train.opts<{ json?: boolean }>() });
  train
    .command("start")
    .description("collect, train, test and deploy if the gate lets it; exit code 4 when it refuses")
    .option("--workspace <folder...>", "folders whose git history is mined too")
    .option("--steps <number>", "optimiser steps", integer)
    .option("--rank <number>", "rank of the adapter", integer)
    .option("--seed <number>", "seed of the run", integer)
    .option("--no-wait", "return when the run is queued")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept train start --workspace . --steps 120\n")
    .action(
      async (flags: {
        workspace?: string[];
        steps?: number;
        rank?: number;
        seed?: number;
        wait: boolean;
        json?: boolean;
      }) => {
        const client = await connect();
        const { steps, rank, seed } = flags;
        const overrides = Object.fromEntries(
          Object.entries({ steps, rank, seed }).filter(([, value]) => value !== undefined),
        );
        const workspaces = (flags.workspace ?? []).map((folder) => path.resolve(folder));
        const queued = await client.send("POST", "/v1/training/runs", { workspaces, overrides }, trainingRun);
        const run = flags.wait ? await waitForRun(client, queued.id) : queued;
        print(run, asked(flags), () => describeRun(run));
        if (run.state === "failed" || run.state === "cancelled") setExit(EXIT.failed);
        else if (run.evaluation?.verdict === "refuse") setExit(EXIT.gate);
      },
    );
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

  const models = program.command("models").description("model versions and what is served");
  const modelsDir = (): string => dataPlaces(dataDir()).models;
  models
    .command("list")
    .description("model versions, newest first; with --base the base models that were pulled")
    .option("--base", "base models that were pulled, with their folders; needs no server")
    .option("--limit <rows>", "rows", rows, 20)
    .option("--json", "print JSON")
    .action(async (flags: { base?: boolean; limit: number; json?: boolean }) => {
      if (flags.base === true) {
        const pulled = pulledModels(modelsDir());
        return print({ models: pulled }, flags, () =>
          table(
            ["model", "commit", "MB", "folder"],
            pulled.map(({ repo, commit, bytes, dir }) => [repo, commit.slice(0, 12), (bytes / 1e6).toFixed(1), dir]),
          ),
        );
      }
      const page = await (await connect()).get(`/v1/models?limit=${flags.limit}`, modelPage);
      print(page, flags, () =>
        table(
          ["version", "created", "aliases", "verdict"],
          page.models.map((v) => [v.id, v.createdAt, v.aliases.join(" "), v.evaluation?.verdict]),
        ),
      );
    });
  models
    .command("promote <id>")
    .description("serve a version now; the gate's refusal needs --force")
    .option("--force", "serve it although the gate refused it")
    .action(async (id: string, flags: { force?: boolean }) => {
      const client = await connect();
      const version = await client.get(`/v1/models/${encodeURIComponent(id)}`, modelVersionRow);
      if (version.evaluation?.verdict !== "promote" && flags.force !== true) {
        process.stderr.write(`The gate did not promote ${id}: ${version.evaluation?.reason ?? "not evaluated"}\n`);
        return setExit(EXIT.gate);
      }
      await moveChampion(client, id, "Promoted by hand.");
    });
  models
    .command("rollback")
    .description("serve what was served before")
    .action(async () => {
      const client = await connect();
      const { aliases } = await client.get("/v1/aliases", aliasPage);
      const standing = (name: string) => aliases.find(({ alias }) => alias === name)?.version ?? null;
      if (standing("champion") === null) {
        process.stderr.write("The base model alone is served; there is nothing to go back to.\n");
        return setExit(EXIT.notFound);
      }
      await moveChampion(client, standing("previous"), "Rolled back by hand.");
    });

  addPullCommand(models, { places: () => dataPlaces(dataDir()), setExit });
  addExportCommand(models, connect);

  program
    .command("datasets")
    .description("dataset snapshots")
    .command("list")
    .description("dataset snapshots, newest first")
    .option("--limit <rows>", "rows", rows, 20)
    .option("--json", "print JSON")
    .action(async (flags: { limit: number; json?: boolean }) => {
      const page = await (await connect()).get(`/v1/datasets?limit=${flags.limit}`, datasetPage);
      print(page, flags, () =>
        table(
          ["dataset", "created", "train", "validation", "test"],
          page.datasets.map((d) => [d.id, d.createdAt, d.rows.train, d.rows.validation, d.rows.test]),
        ),
      );
    });

  program
    .command("suggestions")
    .description("what was suggested and what became of it")
    .command("list")
    .description("suggestions, newest first")
    .option("--limit <rows>", "rows", rows, 20)
    .option("--json", "print JSON")
    .action(async (flags: { limit: number; json?: boolean }) => {
      const page = await (await connect()).get(`/v1/suggestions?limit=${flags.limit}`, suggestionPage);
      print(page, flags, () =>
        table(
          ["suggestion", "shown", "where", "outcome", "label", "text"],
          page.suggestions.map((s) => [
            s.id,
            s.shownAt,
            `${s.path}:${s.line + 1}`,
            s.outcome,
            s.label?.verdict,
            printable(s.completion).slice(0, 40),
          ]),
        ),
      );
    });

  program
    .command("why <id>")
    .description("everything that led to a suggestion")
    .option("--json", "print JSON")
    .action(async (id: string, flags: { json?: boolean }) => {
      const answer = await (await connect()).get(`/v1/suggestions/${encodeURIComponent(id)}/why`, why);
      print(answer, flags, () => {
        const { suggestion, adapter, examples, events } = answer;
        return table(
          ["suggestion", suggestion.id],
          [
            ["where", `${suggestion.path}:${suggestion.line + 1}`],
            ["text", suggestion.completion],
            ["adapter", adapter?.version ?? suggestion.model.adapter ?? "base model alone"],
            ...(adapter === null
              ? []
              : [["trained on", `${adapter.trainedOn} rows of dataset ${adapter.dataset} by run ${adapter.run}`]]),
            ["examples", examples.map((e) => `${e.path}${e.commit ? `@${e.commit.slice(0, 10)}` : ""}`).join(", ")],
            ["label", suggestion.label?.verdict],
            ...(suggestion.label?.reasons ?? []).map((r) => ["", `${r.lambda.toFixed(2)} ${r.signal}: ${r.detail}`]),
            ["events", events.map(({ kind }) => kind).join(" ")],
          ],
        );
      });
    });

  program
    .command("dashboard")
    .description("print an address that opens the dashboard once, within a minute")
    .option("--json", "print JSON")
    .action(async (flags: { json?: boolean }) => {
      const client = await connect();
      const { code, expiresAt } = await client.send("POST", "/v1/login-codes", {}, loginCode);
      // A fragment stays in the browser: it is in no request and in no log.
      const url = `${client.url}/#code=${code}`;
      print({ url, expiresAt }, flags, () => url + "\n");
    });

  addBackupCommand(program, dataDir);
  addWatchCommand(program, { dataDir, setExit });
  addSurvivalCommands(program, { dataDir, setExit });
  const importing = program.command("import").description("take in an archive, or what other tools recorded of code");
  addArchiveImport(importing, { dataDir, setExit });
  addImportCommands(importing, { dataDir, setExit });
  addGenerationCommands(program, { dataDir, setExit });
  const exporting = program.command("export").description("write everything into an archive, or notes for other tools");
  addArchiveExport(exporting, { dataDir, setExit });
  addGitAiExport(exporting, { dataDir, setExit });
  addForgetCommand(program, { connect, setExit });
  addEgressCommand(program, { dataDir, setExit });
  addRetentionCommand(program, { dataDir, setExit });
  addReplayCommand(program, { connect, setExit });
  addDemoCommand(program, setExit);
  return program;
}

async function moveChampion(client: ServerClient, to: string | null, reason: string): Promise<void> {
  const { adapter } = await client.get("/v1/deployment", deployment);
  await client.send("PUT", "/v1/aliases/champion", { to, expected: adapter?.version ?? null, reason }, aliasRow);
  process.stderr.write(`Now serving ${to ?? "the base model alone"}.\n`);
}

const lossOf = (run: TrainingRun): string | null =>
  run.trainLoss === null ? null : `${run.trainLoss.first.toFixed(3)} → ${run.trainLoss.last.toFixed(3)}`;

const describeRun = (run: TrainingRun): string =>
  table(
    ["run", run.id],
    [
      ["state", `${run.state} (${run.stage})`],
      ["dataset", run.datasetId],
      ["training loss", lossOf(run)],
      ["version", run.versionId],
      ["verdict", run.evaluation?.verdict],
      ["reason", run.error?.message ?? run.evaluation?.reason],
    ],
  );

const device = (text: string): string => {
  const known = DEVICES.find((name) => name === text.toLowerCase());
  if (known) return known;
  throw new InvalidArgumentError(`It has to be one of ${DEVICES.join(", ")}.`);
};
