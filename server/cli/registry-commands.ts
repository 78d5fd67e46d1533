import { InvalidArgumentError, type Command } from "commander";
import { systemClock } from "../clock.ts";
import { writeFileDurably } from "../durable-file.ts";
import { AppError } from "../errors.ts";
import { mlflowFrom } from "../integrations/mlflow/mlflow-command.ts";
import { pullVersion, type PulledVersion } from "../integrations/mlflow/pull.ts";
import { readMlflow } from "../integrations/mlflow/settings.ts";
import { dataPlaces, resolveModelDir } from "../places.ts";
import { createPushHub } from "../push/hub.ts";
import { baseModelIdentity } from "../registry/base-model.ts";
import { openContentFiles } from "../registry/content-files.ts";
import { createRegistry } from "../registry/registry.ts";
import { openForChange } from "../settings.ts";
import type { Store } from "../store/store.ts";
import type { CommandParts } from "./command-parts.ts";
import { print } from "./output.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

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
      const isNew = takeIn(store, pulled, dataDir(), resolveModelDir(flags.modelDir, process.env));
      const { id } = pulled.record;
      print({ version: id, model, remote: pulled.remote, isNew }, flags, () => `${id}\n`);
      process.stderr.write(
        `Serve it with kept models promote ${id} --force, or try it with kept canary start ${id}.\n`,
      );
    });
}

/** False when the version was there already. @throws AppError `integration-invalid` for an adapter of another base */
function takeIn(store: Store, { record, files }: PulledVersion, dataDir: string, modelDir: string): boolean {
  const { manifest, run, dataset } = record;
  const base = baseModelIdentity(modelDir);
  if (base() !== "" && manifest.base !== base()) {
    throw new AppError("integration-invalid", `The version ${record.id} is an adapter of another base model.`, {
      hint: `Its base is ${manifest.base.slice(0, 12)}, the one here ${base().slice(0, 12)}: name the folder of the right one with --model-dir.`,
    });
  }
  const isNew = store.versions.get(record.id) === null;
  const places = dataPlaces(dataDir);
  using hub = createPushHub();
  const registry = createRegistry({
    store,
    files: openContentFiles(places.files),
    clock: systemClock,
    hub,
    adaptersDir: places.adapters,
    base,
  });
  const adapterDir = mkdtempSync(path.join(tmpdir(), "kept-pulled-"));
  try {
    for (const [name, bytes] of files) writeFileDurably(path.join(adapterDir, name), bytes, 0o600);
    const { runId, datasetId, hyperParameters } = manifest;
    store.transaction(() => {
      if (store.datasets.get(datasetId) === null) {
        const { sha256, rows, sources, createdAt } = dataset;
        store.datasets.put({
          id: datasetId,
          createdAt: Date.parse(createdAt),
          sha256,
          rows,
          sources,
          manifest: { pulled: true },
        });
      }
      if (store.runs.get(runId) === null) {
        const request = { strategy: "lora" as const, backend: "onnx" as const, workspaces: [], overrides: {} };
        store.runs.create({ id: runId, request, createdAt: Date.parse(run.createdAt) });
        store.runs.setDataset(runId, datasetId);
        store.runs.finish(runId, "succeeded", Date.parse(run.finishedAt ?? run.createdAt), null);
      }
      const { id } = registry.register({ adapterDir, base: manifest.base, runId, datasetId, hyperParameters });
      if (id !== record.id)
        throw new AppError("integration-invalid", "The version has another id here. Nothing was taken.");
    });
  } finally {
    rmSync(adapterDir, { recursive: true, force: true });
  }
  return isNew;
}

function versionNumber(text: string): string {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return text;
  throw new InvalidArgumentError("It has to be the number of a version.");
}
