import type { Command } from "commander";
import { aliasPage, aliasRow, deployment, modelPage, modelVersionRow } from "../../protocol/api.ts";
import { addPullCommand } from "../hub/pull-command.ts";
import { pulledModels } from "../hub/pulled-models.ts";
import { addConfigCommands, modelFiles } from "../models/config-commands.ts";
import { checkModelFile, isCorpusFile, problemsOfFile } from "../models/model-file.ts";
import { addExportCommand } from "../models/export-command.ts";
import { addLoadCommand } from "../models/load-command.ts";
import { dataPlaces } from "../places.ts";
import { rows } from "./arguments.ts";
import type { ServerClient } from "./client.ts";
import type { CommandParts } from "./command-parts.ts";
import { EXIT } from "./exit-codes.ts";
import { print, table } from "./output.ts";
import { readFileSync } from "node:fs";
import path from "node:path";

/** Adds `kept models …`. */
export function addModelsCommands(program: Command, parts: CommandParts): void {
  const { dataDir, connect, setExit } = parts;
  const models = program.command("models").description("model versions and what is served");
  const modelsDir = (): string => dataPlaces(dataDir()).models;
  models
    .command("list")
    .description(
      "model versions, newest first; with --base the base models that were pulled, with --files the models here",
    )
    .option("--files", "models below models/ of this folder, with what is wrong with them; needs no server")
    .option("--base", "base models that were pulled, with their folders; needs no server")
    .option("--limit <rows>", "rows", rows, 20)
    .option("--json", "print JSON")
    .action(async (flags: { base?: boolean; files?: boolean; limit: number; json?: boolean }) => {
      if (flags.files === true) {
        const files = modelFiles(process.cwd()).map((file) => {
          const { strategy, base, name, problems } = summary(file);
          return { name, strategy, base, file: path.relative(process.cwd(), file), problems };
        });
        return print({ models: files }, flags, () =>
          table(
            ["model", "strategy", "base", "file", "mistakes"],
            files.map((one) => [one.name, one.strategy, one.base, one.file, one.problems]),
          ),
        );
      }
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

  addConfigCommands(models, parts);
  addPullCommand(models, { places: () => dataPlaces(dataDir()), setExit });
  addExportCommand(models, connect);
  addLoadCommand(models, connect, () => dataPlaces(dataDir()));
}

/** What a model's file is about; a configuration of another kind, or a wrong one, says less. */
function summary(file: string): { name: string; strategy: string | null; base: string | null; problems: number } {
  const problems = problemsOfFile(file).length;
  const read = problems === 0 && !isCorpusFile(readFileSync(file, "utf8")) ? checkModelFile(file) : null;
  if (read === null || !read.ok)
    return { name: path.basename(path.dirname(file)), strategy: null, base: null, problems };
  const { name, strategy, base } = read.value.config;
  return { name, strategy, base, problems };
}

async function moveChampion(client: ServerClient, to: string | null, reason: string): Promise<void> {
  const { adapter } = await client.get("/v1/deployment", deployment);
  await client.send("PUT", "/v1/aliases/champion", { to, expected: adapter?.version ?? null, reason }, aliasRow);
  process.stderr.write(`Now serving ${to ?? "the base model alone"}.\n`);
}
