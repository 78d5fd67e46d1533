import type { Command } from "commander";
import type { CommandParts } from "../../cli/command-parts.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { print, table } from "../../cli/output.ts";
import { allow, permitsOf, withdraw } from "../../egress/allowances.ts";
import { openConnectionLog } from "../../egress/connection-log.ts";
import { openEgress } from "../../egress/egress.ts";
import { AppError } from "../../errors.ts";
import { readModelFile, resolveModelFile } from "../../models/model-file.ts";
import { dataPlaces } from "../../places.ts";
import { withStore, openForChange } from "../../settings.ts";
import type { Store } from "../../store/store.ts";
import type { MlflowClient } from "./client.ts";
import { connectMlflow, mlflowAddress } from "./integration.ts";
import { MLFLOW, mlflowSettings, readMlflow } from "./settings.ts";

/** One look at whether MLflow is there, milliseconds. */
const LOOK_MS = 20_000;
/** Rows of the outbox that `status` shows. */
const ROWS_SHOWN = 20;

interface ConnectFlags {
  readonly private?: boolean;
  readonly config?: string;
  readonly experiment?: string;
  readonly model?: string;
  readonly backfill?: boolean;
  readonly json?: boolean;
}

/** Adds `kept mlflow`: where runs and versions are logged. A server that runs takes a change up by itself. */
export function addMlflowCommands(program: Command, { dataDir, setExit }: CommandParts): void {
  const mlflow = program.command("mlflow").description("log training runs and register versions in MLflow");

  mlflow
    .command("connect [url]")
    .description("from now on tell an MLflow tracking server of runs, versions and aliases")
    .option("--private", "the address is on this machine or a private network, and is meant")
    .option("--config <model>", "take all of this from a model's file: models/<name>/config.yaml")
    .option("--experiment <name>", "experiment of the runs (default: kept)")
    .option("--model <name>", "registered model of the versions (default: kept)")
    .option("--backfill", "also tell it of everything that there is already")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nCredentials are read from the server's environment: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and\n" +
        "MLFLOW_TRACKING_PASSWORD.\n\nExample:\n  kept mlflow connect http://127.0.0.1:5000 --private\n",
    )
    .action(async (url: string | undefined, flags: ConnectFlags) => {
      const wanted = wantedConnection(url, flags);
      using open = openForChange(dataDir());
      const { store } = open;
      const now = Date.now();
      const made = allow(
        store.settings,
        { purpose: MLFLOW, url: wanted.url, mayBePrivate: flags.private === true },
        now,
      );
      const settings = mlflowSettings.parse({ ...readMlflow(store.settings), ...wanted.settings });
      store.transaction(() => {
        store.settings.put(MLFLOW, settings, now);
        store.outbox.open(MLFLOW, now);
        addStanding(store, flags.backfill === true);
      });
      const problem = await problemOf(mlflowFrom(store, dataDir()), settings.experiment);
      print({ url: made.url, ...settings, problem }, flags, () => `Runs are logged to ${made.url}\n`);
      if (problem !== null) process.stderr.write(`${problem} It is told as soon as that is mended.\n`);
    });

  mlflow
    .command("status")
    .description("what MLflow has been told, and what waits")
    .option("--json", "print JSON")
    .action((flags: { json?: boolean }) => {
      const value = withStore(dataDir(), (store) => ({
        url: mlflowAddress(store)?.href ?? null,
        ...readMlflow(store.settings),
        isOpen: store.outbox.isOpen(MLFLOW),
        runs: store.outbox.countRemotes(MLFLOW, "run"),
        versions: store.outbox.countRemotes(MLFLOW, "version"),
        ...store.outbox.count(MLFLOW),
        outbox: store.outbox.waiting(MLFLOW, ROWS_SHOWN),
      }));
      print(value, flags, () =>
        table(
          ["MLflow", value.isOpen ? (value.url ?? "not allowed") : "not connected"],
          [
            ["experiment", value.experiment],
            ["registered model", value.model],
            ["runs there", value.runs],
            ["versions there", value.versions],
            ["waiting", value.waiting],
            ...value.outbox.map(({ topic, subject, error }) => [`  ${topic} ${subject}`, error ?? "soon"]),
          ],
        ),
      );
      if (!value.isOpen) setExit(EXIT.notFound);
    });

  mlflow
    .command("retry")
    .description("send at once what waits because of failures")
    .action(() => {
      const n = withStore(dataDir(), ({ outbox }) => outbox.retry(MLFLOW));
      process.stderr.write(`${n} to be sent.\n`);
    });

  mlflow
    .command("disconnect")
    .description("tell MLflow nothing any more; what it has stays there")
    .action(() => {
      const was = withStore(dataDir(), (store) => {
        const isOpen = store.outbox.isOpen(MLFLOW);
        store.outbox.close(MLFLOW);
        return withdraw(store.settings, MLFLOW, Date.now()) || isOpen;
      });
      if (was) return;
      process.stderr.write("MLflow was not connected.\n");
      setExit(EXIT.notFound);
    });
}

/** What a model's file says, and what the command line says over it. @throws AppError `config-invalid`, `not-found` */
function wantedConnection(url: string | undefined, flags: ConnectFlags) {
  const config =
    flags.config === undefined ? null : readModelFile(resolveModelFile(flags.config, process.cwd())).config;
  const section = config?.mlflow ?? null;
  const address = url ?? section?.trackingUri ?? null;
  if (address === null) {
    throw new AppError("config-invalid", "No address of an MLflow tracking server is named.", {
      hint: "kept mlflow connect <url>, or mlflow.trackingUri in the model's file.",
    });
  }
  const experiment = flags.experiment ?? section?.experiment ?? config?.name;
  const model = flags.model ?? section?.registeredModel ?? config?.name;
  return {
    url: address,
    settings: {
      ...(experiment === undefined ? {} : { experiment: checkedName(experiment) }),
      ...(model === undefined ? {} : { model: checkedName(model) }),
      ...(section === null ? {} : { tags: section.tags, logArtifacts: section.logArtifacts }),
    },
  };
}

/** A client for commands, with the permission in the store. */
export function mlflowFrom(store: Store, dataDir: string): MlflowClient {
  const base = mlflowAddress(store);
  if (base === null) {
    throw new AppError("egress-refused", "MLflow is not connected.", { hint: "kept mlflow connect <url>" });
  }
  const log = openConnectionLog(dataPlaces(dataDir).egressLog);
  const egress = openEgress({ permits: () => permitsOf(store.settings), log });
  return connectMlflow({ base, egress, env: process.env, signal: AbortSignal.timeout(LOOK_MS) });
}

async function problemOf(client: MlflowClient, experiment: string): Promise<string | null> {
  try {
    await client.experiment(experiment);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** What MLflow is to know from the start: the versions that serve, or everything. */
function addStanding(store: Store, isEverything: boolean): void {
  if (isEverything) {
    for (const id of store.db.prepare("SELECT id FROM runs ORDER BY created_at").pluck().all() as string[]) {
      store.outbox.add(MLFLOW, "run", id);
      store.outbox.add(MLFLOW, "points", id);
    }
    for (const id of store.db.prepare("SELECT id FROM versions ORDER BY created_at").pluck().all() as string[])
      store.outbox.add(MLFLOW, "version", id);
  }
  for (const { alias, version } of store.versions.aliases())
    if (version !== null) store.outbox.add(MLFLOW, "alias", alias);
}

/** MLflow's filters have no way to write a quote. */
function checkedName(name: string): string {
  if (/^[^'"`\\/\p{Cc}]{1,250}$/u.test(name)) return name;
  throw new AppError("config-invalid", `${name.slice(0, 100)} is no name for an experiment or a registered model.`, {
    hint: "Use letters, digits, spaces, dots, _ and -.",
  });
}
