import { InvalidArgumentError, Option, type Command } from "commander";
import { modelVersionRow } from "../../protocol/api.ts";
import { versionConfig } from "../../protocol/model-file.ts";
import type { CommandParts } from "../cli/command-parts.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, printable, table } from "../cli/output.ts";
import { AppError } from "../errors.ts";
import { withStore } from "../settings.ts";
import { readActiveModel, useModelFile } from "./active-model.ts";
import { diffConfigs, flatten } from "./config-diff.ts";
import { describedModel } from "./frozen-model.ts";
import {
  checkModelFile,
  configInvalid,
  CONFIG_NAME,
  MODELS_FOLDER,
  problemsOfFile,
  readModelFile,
  resolveModelFile,
} from "./model-file.ts";
import { WORKFLOW_HOSTS, writeNewModel, type WorkflowHost } from "./new-model.ts";
import { describeProblem } from "./yaml-source.ts";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

interface NewFlags {
  readonly base: string;
  readonly languages: readonly string[];
  readonly problemType: "completion";
  readonly workflows: readonly WorkflowHost[];
  readonly json?: boolean;
}

/** Adds `kept models new`, `validate`, `show`, `diff` and `use`: what is done with a model's file. */
export function addConfigCommands(models: Command, { dataDir, connect, setExit }: CommandParts): void {
  models
    .command("new <name>")
    .description("write a model's folder, and the workflows that train and deploy it, into this repository")
    .option("--base <model>", "`base` as shipped, a folder relative to the model's, or owner/name as pulled", "base")
    .option("--languages <list>", "VS Code's identifiers, with commas; none means all", list, [])
    .addOption(new Option("--problem-type <name>", "what it is for").choices(["completion"]).default("completion"))
    .option("--workflows <list>", "github, forgejo, both with a comma, or none", hosts, [...WORKFLOW_HOSTS])
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExample:\n  kept models new team --base base --languages typescript,python --problem-type completion\n",
    )
    .action((name: string, flags: NewFlags) => {
      const repository = process.cwd();
      const { base, languages, problemType, workflows } = flags;
      const files = writeNewModel(repository, { name, base, languages, problemType, workflows, at: timeOf(name) });
      print({ name, files }, flags, () => files.map((file) => `${file}\n`).join(""));
      process.stderr.write(
        `Next: look at ${MODELS_FOLDER}/${name}/${CONFIG_NAME}, then \`kept models use ${name}\`.\n`,
      );
    });

  models
    .command("validate [model]")
    .description(
      "check a model's file (default: every one below models/); exit code 1 with each mistake as file:line:column",
    )
    .option("--json", "print JSON")
    .action((named: string | undefined, flags: { json?: boolean }) => {
      const files = named === undefined ? modelFiles(process.cwd()) : [resolveModelFile(named, process.cwd())];
      if (files.length === 0)
        throw new AppError("not-found", "There is no model below models/.", { hint: "`kept models new` makes one." });
      const checked = files.map((file) => ({
        file: shown(file),
        problems: problemsOfFile(file).map((one) => ({ ...one, file: shown(file) })),
      }));
      const problems = checked.flatMap((one) => one.problems);
      print({ files: checked }, flags, () =>
        checked
          .map((one) =>
            one.problems.length === 0
              ? `${one.file}: right\n`
              : one.problems.map((problem) => `${printable(describeProblem(problem))}\n`).join(""),
          )
          .join(""),
      );
      if (problems.length > 0) setExit(EXIT.failed);
    });

  models
    .command("show <model>")
    .description("a model's file with every default, or a version with its figures and what it was trained with")
    .option("--json", "print JSON")
    .action(async (named: string, flags: { json?: boolean }) => {
      const file = resolveModelFile(named, process.cwd());
      if (existsSync(file)) {
        const checked = checkModelFile(file);
        if (!checked.ok) throw configInvalid(checked.problems);
        const { sha256, config } = checked.value;
        return print({ file, sha256, config }, flags, () => keyTable(config));
      }
      const client = await connect();
      const id = encodeURIComponent(named);
      const version = await client.get(`/v1/models/${id}`, modelVersionRow);
      const { model, hyperParameters } = await client.get(`/v1/models/${id}/config`, versionConfig);
      print({ version, model, hyperParameters }, flags, () =>
        keyTable({
          version: version.id,
          created: version.createdAt,
          aliases: version.aliases,
          base: version.base,
          run: version.runId,
          dataset: version.datasetId,
          model: model === null ? null : { name: model.name, file: model.file, sha256: model.sha256 },
          hyperParameters,
          evaluation: version.evaluation,
        }),
      );
    });

  models
    .command("diff <from> <to>")
    .description("what two models' files, or the files that two versions were trained with, say differently")
    .option("--json", "print JSON")
    .action(async (from: string, to: string, flags: { json?: boolean }) => {
      const configOf = async (named: string): Promise<unknown> => {
        const file = resolveModelFile(named, process.cwd());
        // As a version's manifest says it, so that a folder is the same folder in both.
        if (existsSync(file)) return describedModel(readModelFile(file)).config;
        const { model, hyperParameters } = await (
          await connect()
        ).get(`/v1/models/${encodeURIComponent(named)}/config`, versionConfig);
        return model?.config ?? { training: hyperParameters };
      };
      const differences = diffConfigs(await configOf(from), await configOf(to));
      print({ from, to, differences }, flags, () =>
        differences.length === 0
          ? "Nothing is said differently.\n"
          : table(
              ["key", from, to],
              differences.map((one) => [one.key, written(one.from), written(one.to)]),
            ),
      );
    });

  models
    .command("use [model]")
    .description("let the server follow a model's file: its runs, labels, schedule and gate; without a name say which")
    .option("--none", "follow none any more")
    .option("--json", "print JSON")
    .action((named: string | undefined, flags: { none?: boolean; json?: boolean }) => {
      if (named !== undefined && flags.none === true) throw new AppError("invalid", "Name a model or pass --none.");
      const file = named === undefined ? null : resolveModelFile(named, process.cwd());
      const model = withStore(dataDir(), (store) =>
        file === null && flags.none !== true ? readActiveModel(store.settings) : useModelFile(store, file, Date.now()),
      );
      print(
        { model: model === null ? null : { name: model.config.name, file: model.file, sha256: model.sha256 } },
        flags,
        () =>
          model === null
            ? "The server follows no model's file.\n"
            : `The server follows ${model.config.name}: ${model.file}\n`,
      );
    });
}

/** Every configuration one folder below `models/`. */
export function modelFiles(repository: string): string[] {
  const folder = path.join(repository, MODELS_FOLDER);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name !== "templates")
    .map((name) => path.join(folder, name, CONFIG_NAME))
    .filter((file) => existsSync(file))
    .toSorted();
}

const shown = (file: string): string => path.relative(process.cwd(), file) || file;

const keyTable = (value: unknown): string =>
  table(
    ["key", "value"],
    [...flatten(value)].map(([key, inner]) => [key, written(inner)]),
  );

const written = (value: unknown): string =>
  value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);

function list(text: string): string[] {
  return text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

function hosts(text: string): WorkflowHost[] {
  const names = text === "none" ? [] : list(text);
  const wrong = names.find((name) => !WORKFLOW_HOSTS.includes(name as WorkflowHost));
  if (wrong !== undefined) throw new InvalidArgumentError(`It has to be github, forgejo, both, or none, not ${wrong}.`);
  return names as WorkflowHost[];
}

/** At night, and not all of a team's models in the same minute. */
function timeOf(name: string): { minute: number; hour: number } {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)!) % 60;
  return { minute: sum, hour: 3 };
}
