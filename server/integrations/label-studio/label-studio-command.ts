import { InvalidArgumentError, type Command } from "commander";
import type { CommandParts } from "../../cli/command-parts.ts";
import { EXIT } from "../../cli/exit-codes.ts";
import { print, table } from "../../cli/output.ts";
import { allow, allowances, permitsOf, withdraw } from "../../egress/allowances.ts";
import { openConnectionLog } from "../../egress/connection-log.ts";
import { openEgress } from "../../egress/egress.ts";
import { checkedEndpoint } from "../../egress/permit.ts";
import { AppError } from "../../errors.ts";
import { readModelFile, resolveModelFile } from "../../models/model-file.ts";
import { dataPlaces } from "../../places.ts";
import { openForChange, withStore } from "../../settings.ts";
import type { Store } from "../../store/store.ts";
import { openLabelStudio } from "./access.ts";
import type { LabelStudioClient } from "./client.ts";
import { disconnectLabelStudio, prepareProject } from "./connection.ts";
import { checkedLabeling, INSTRUCTION, LABELING } from "./labeling.ts";
import { changeLabelStudio, LABEL_STUDIO, NO_CALLBACK, readLabelStudio } from "./settings.ts";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** Calls of a command together, milliseconds. */
const COMMAND_MS = 60_000;
/** Rows of the outbox that `status` shows. */
const ROWS_SHOWN = 20;
const DEFAULT_TITLE = "Kept";

interface SetupFlags {
  readonly private?: boolean;
  readonly config?: string;
  readonly project?: string;
  readonly labeling?: string;
  readonly callback?: string;
  readonly maxTasks?: number;
  readonly reconcile?: number;
  readonly json?: boolean;
}

/** Adds `kept label-studio`: people's answers about suggestions. A server that runs takes a change up by itself. */
export function addLabelStudioCommands(program: Command, { dataDir, setExit }: CommandParts): void {
  const group = program.command("label-studio").description("ask people about suggestions in Label Studio");

  group
    .command("setup [url]")
    .description("make the project, and connect it: from now on suggestions are sent there with the code around them")
    .option("--private", "the address is on this machine or a private network, and is meant")
    .option("--config <model>", "take all of this from a model's file: models/<name>/config.yaml")
    .option(
      "--project <title>",
      `title of the project; one of this title is brought up to date (default: ${DEFAULT_TITLE})`,
    )
    .option("--labeling <file>", "labelling interface, instead of the one that Kept brings")
    .option(
      "--callback <address>",
      "where Label Studio reaches this server, or none (default: its port on this machine)",
    )
    .option("--max-tasks <number>", "tasks without an answer at once", whole(1, 10_000))
    .option("--reconcile <minutes>", "between two looks for answers that no webhook told of", whole(1, 10_080))
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe key is read from LABEL_STUDIO_API_KEY, here and in the server's environment: a personal access token.\n\n" +
        "Example:\n  kept label-studio setup http://127.0.0.1:8080 --private\n",
    )
    .action(async (url: string | undefined, flags: SetupFlags) => {
      const wanted = wantedSetup(url, flags);
      using open = openForChange(dataDir());
      const { store } = open;
      const now = Date.now();
      const made = allow(
        store.settings,
        { purpose: LABEL_STUDIO, url: wanted.url, mayBePrivate: flags.private === true },
        now,
      );
      const client = labelStudioFrom(store, dataDir());
      const { title, labeling } = wanted;
      const project = await prepareProject(client, { title, labeling, instruction: INSTRUCTION });
      store.transaction(() => {
        // Another project knows nothing of what was asked in the one before.
        if (readLabelStudio(store.settings).projectId !== project.id) store.outbox.close(LABEL_STUDIO);
        changeLabelStudio(store.settings, { projectId: project.id, connectedTo: null, ...wanted.settings }, now);
        store.outbox.open(LABEL_STUDIO, now);
        if (wanted.settings.callback !== NO_CALLBACK) store.outbox.add(LABEL_STUDIO, "connection", "project");
      });
      const value = { url: made.url, project: project.id, title, isNew: project.isNew };
      print(value, flags, () => `${made.url}projects/${project.id}\n`);
      process.stderr.write(
        "The server connects webhook and ML backend as soon as it runs; kept label-studio status.\n",
      );
    });

  group
    .command("status")
    .description("what was asked, what was answered, and what waits")
    .option("--json", "print JSON")
    .action((flags: { json?: boolean }) => {
      const value = withStore(dataDir(), (store) => {
        const { projectId, callback, connectedTo, maxTasks, reconcileMinutes } = readLabelStudio(store.settings);
        const isOpen = store.outbox.isOpen(LABEL_STUDIO);
        const tasks = store.outbox.countRemotes(LABEL_STUDIO, "task");
        const answers = store.outbox.countRemotes(LABEL_STUDIO, "verdict");
        const outbox = store.outbox.waiting(LABEL_STUDIO, ROWS_SHOWN);
        const settings = { projectId, callback, connectedTo, maxTasks, reconcileMinutes };
        return {
          url: addressIn(store),
          isOpen,
          ...settings,
          tasks,
          answers,
          ...store.outbox.count(LABEL_STUDIO),
          outbox,
        };
      });
      print(value, flags, () =>
        table(
          ["Label Studio", value.isOpen ? (value.url ?? "not allowed") : "not connected"],
          [
            ["project", value.projectId],
            ["reaches this server at", value.connectedTo ?? "not connected yet"],
            ["asked", value.tasks],
            ["answered", value.answers],
            ["waiting", value.waiting],
            ...value.outbox.map(({ topic, subject, error }) => [`  ${topic} ${subject}`, error ?? "soon"]),
          ],
        ),
      );
      if (!value.isOpen) setExit(EXIT.notFound);
    });

  group
    .command("retry")
    .description("send at once what waits because of failures")
    .action(() => {
      const n = withStore(dataDir(), ({ outbox }) => outbox.retry(LABEL_STUDIO));
      process.stderr.write(`${n} to be sent.\n`);
    });

  group
    .command("disconnect")
    .description("ask nobody any more, and take webhook and ML backend out; project and answers stay there")
    .action(async () => {
      using open = openForChange(dataDir());
      const { store } = open;
      const { projectId } = readLabelStudio(store.settings);
      if (!store.outbox.isOpen(LABEL_STUDIO) || projectId === null) {
        process.stderr.write("Label Studio was not connected.\n");
        return setExit(EXIT.notFound);
      }
      const problem = await disconnectLabelStudio(labelStudioFrom(store, dataDir()), projectId).then(
        () => null,
        (error: unknown) => (error as Error).message,
      );
      store.transaction(() => {
        store.outbox.close(LABEL_STUDIO);
        changeLabelStudio(store.settings, { projectId: null, secretSha256: null, connectedTo: null }, Date.now());
      });
      withdraw(store.settings, LABEL_STUDIO, Date.now());
      if (problem !== null) process.stderr.write(`Webhook and ML backend are still there: ${problem}\n`);
    });
}

/** What a model's file says, and what the command line says over it. @throws AppError `config-invalid`, `not-found` */
function wantedSetup(url: string | undefined, flags: SetupFlags) {
  const model = flags.config === undefined ? null : readModelFile(resolveModelFile(flags.config, process.cwd()));
  const section = model?.config.labelStudio ?? null;
  const address = url ?? section?.url ?? null;
  if (address === null) {
    throw new AppError("config-invalid", "No address of a Label Studio is named.", {
      hint: "kept label-studio setup <url>, or labelStudio.url in the model's file.",
    });
  }
  const beside = model === null || section === null ? undefined : path.join(path.dirname(model.file), section.template);
  const labelingFile = flags.labeling ?? (beside !== undefined && existsSync(beside) ? beside : undefined);
  const callback = flags.callback ?? section?.mlBackendUrl ?? null;
  return {
    url: address,
    title: flags.project ?? section?.project ?? model?.config.name ?? DEFAULT_TITLE,
    labeling: labelingFile === undefined ? LABELING : checkedLabeling(readFileSync(labelingFile, "utf8"), labelingFile),
    settings: {
      callback:
        callback === null || callback === NO_CALLBACK
          ? callback
          : checkedEndpoint(callback, true).href.replace(/\/$/, ""),
      ...(section === null ? {} : { minUncertainty: section.minUncertainty }),
      ...optional("maxTasks", flags.maxTasks ?? section?.maxTasks),
      ...optional("reconcileMinutes", flags.reconcile ?? section?.reconcileMinutes),
    },
  };
}

const optional = <K extends string>(key: K, value: number | undefined): { [P in K]?: number } =>
  (value === undefined ? {} : { [key]: value }) as { [P in K]?: number };

const addressIn = ({ settings }: Store): string | null =>
  allowances(settings).find(({ purpose }) => purpose === LABEL_STUDIO)?.url ?? null;

function labelStudioFrom(store: Store, dataDir: string): LabelStudioClient {
  const log = openConnectionLog(dataPlaces(dataDir).egressLog);
  const egress = openEgress({ permits: () => permitsOf(store.settings), log });
  const base = new URL(addressIn(store)!);
  return openLabelStudio({ base, egress, env: process.env, now: Date.now })(AbortSignal.timeout(COMMAND_MS));
}

const whole = (low: number, high: number) => (text: string) => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new InvalidArgumentError(`It has to be a whole number from ${low} to ${high}.`);
};
