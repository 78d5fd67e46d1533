import { InvalidArgumentError, type Command } from "commander";
import { mlflowFrom } from "../integrations/mlflow/mlflow-command.ts";
import { pullVersion, refusedByHash } from "../integrations/mlflow/pull.ts";
import { readMlflow } from "../integrations/mlflow/settings.ts";
import { afterPull, takeVersion } from "../models/take-version.ts";
import { resolveModelDir } from "../places.ts";
import { openForChange } from "../settings.ts";
import type { CommandParts } from "./command-parts.ts";
import { print } from "./output.ts";

interface PullFlags {
  readonly model?: string;
  readonly alias?: string;
  readonly version?: string;
  readonly modelDir?: string;
  readonly json?: boolean;
}

/** Adds `kept registry`: versions that other machines made. */
export function addRegistryCommands(program: Command, { dataDir }: CommandParts): void {
  const registry = program.command("registry").description("model versions of other machines");
  registry
    .command("pull")
    .description("take a version from MLflow in, verified by its hashes, as the candidate")
    .option("--model <name>", "registered model (default: the one that versions are registered as)")
    .option("--alias <name>", "the version that this alias stands at (default: champion)")
    .option("--version <number>", "this version of the registered model", versionNumber)
    .option("--model-dir <folder>", "base model that it has to be an adapter of (default: the one that Kept ships)")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept registry pull --alias champion\n")
    .action(async (flags: PullFlags) => {
      using open = openForChange(dataDir());
      const { store } = open;
      const which = flags.version === undefined ? { alias: flags.alias ?? "champion" } : { version: flags.version };
      const model = flags.model ?? readMlflow(store.settings).model;
      const pulled = await pullVersion(mlflowFrom(store, dataDir()), model, which);
      const modelDir = resolveModelDir(flags.modelDir, process.env);
      const { id, isNew } = takeVersion(store, pulled, { dataDir: dataDir(), modelDir, refused: refusedByHash });
      print({ version: id, model, remote: pulled.remote, isNew }, flags, () => `${id}\n`);
      process.stderr.write(afterPull(id));
    });
}

function versionNumber(text: string): string {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return text;
  throw new InvalidArgumentError("It has to be the number of a version.");
}
