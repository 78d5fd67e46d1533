import type { Command } from "commander";
import { aliasPage, aliasRow, deployment, modelPage, modelVersionRow } from "../../protocol/api.ts";
import { addPullCommand } from "../hub/pull-command.ts";
import { pulledModels } from "../hub/pulled-models.ts";
import { addExportCommand } from "../models/export-command.ts";
import { addLoadCommand } from "../models/load-command.ts";
import { dataPlaces } from "../places.ts";
import { rows } from "./arguments.ts";
import type { ServerClient } from "./client.ts";
import type { CommandParts } from "./command-parts.ts";
import { EXIT } from "./exit-codes.ts";
import { print, table } from "./output.ts";

/** Adds `kept models …`. */
export function addModelsCommands(program: Command, { dataDir, connect, setExit }: CommandParts): void {
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
  addLoadCommand(models, connect, () => dataPlaces(dataDir()));
}

async function moveChampion(client: ServerClient, to: string | null, reason: string): Promise<void> {
  const { adapter } = await client.get("/v1/deployment", deployment);
  await client.send("PUT", "/v1/aliases/champion", { to, expected: adapter?.version ?? null, reason }, aliasRow);
  process.stderr.write(`Now serving ${to ?? "the base model alone"}.\n`);
}
