import { readConfig } from "../../engine/checkpoint/checkpoint.ts";
import { EngineError } from "../../engine/engine-error.ts";
import { readAdapter } from "../../engine/lora/adapter.ts";
import { systemClock } from "../clock.ts";
import { writeFileDurably } from "../durable-file.ts";
import { AppError } from "../errors.ts";
import { dataPlaces, hasModel } from "../places.ts";
import { createPushHub } from "../push/hub.ts";
import { baseModelIdentity } from "../registry/base-model.ts";
import { openContentFiles } from "../registry/content-files.ts";
import { createRegistry } from "../registry/registry.ts";
import type { Store } from "../store/store.ts";
import { openForChange } from "../settings.ts";
import { readVersionFolder, type PulledVersion } from "./version-folder.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/**
 * Takes a version that came from elsewhere into the registry, as the candidate: it is served by nobody until a
 * person promotes it or tries it. It has to be an adapter of the base model here, and to fit it, layer for layer.
 * Answers whether it is new. @throws what `refused` makes of a reason that follows on "The version"
 */
export function takeVersion(
  store: Store,
  { record, files }: PulledVersion,
  parts: {
    readonly dataDir: string;
    readonly modelDir: string;
    readonly refused: (what: string, hint?: string) => AppError;
  },
): { readonly id: string; readonly isNew: boolean } {
  const { manifest, run, dataset } = record;
  const base = baseModelIdentity(parts.modelDir);
  if (base() !== "" && manifest.base !== base()) {
    throw parts.refused(
      `${record.id} is an adapter of another base model`,
      `Its base is ${manifest.base.slice(0, 12)}, the one here ${base().slice(0, 12)}: name the folder of the right one with --model-dir.`,
    );
  }
  const isNew = store.versions.get(record.id) === null;
  const places = dataPlaces(parts.dataDir);
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
    if (hasModel(parts.modelDir)) requireFit(adapterDir, parts);
    const { runId, datasetId, hyperParameters, model } = manifest;
    const described = model === undefined ? {} : { model };
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
        // Its rows stayed where it was made: as of one whose time is over, only this row is here.
        store.expiry.expireDataset(datasetId, systemClock.wallMs());
      }
      if (store.runs.get(runId) === null) {
        const request = { strategy: "lora" as const, backend: "onnx" as const, workspaces: [], overrides: {} };
        store.runs.create({ id: runId, request, createdAt: Date.parse(run.createdAt) });
        store.runs.setDataset(runId, datasetId);
        store.runs.finish(runId, "succeeded", Date.parse(run.finishedAt ?? run.createdAt), null);
      }
      const { id } = registry.register({
        adapterDir,
        base: manifest.base,
        runId,
        datasetId,
        hyperParameters,
        ...described,
      });
      if (id !== record.id) throw parts.refused("has another id here");
    });
  } finally {
    rmSync(adapterDir, { recursive: true, force: true });
  }
  return { id: record.id, isNew };
}

function requireFit(
  adapterDir: string,
  { modelDir, refused }: { readonly modelDir: string; readonly refused: (what: string) => AppError },
): void {
  const config = readConfig(modelDir);
  try {
    readAdapter(adapterDir, config);
  } catch (error) {
    if (error instanceof EngineError) throw refused(`does not fit the base model here: ${error.message}`);
    throw error;
  }
}

/** Pulls a folder, checks it and takes it in: `pull` writes into a folder that does not exist yet. */
export async function takePulled(
  dataDir: string,
  modelDir: string,
  code: "remote-invalid" | "hub-invalid",
  pull: (out: string) => Promise<unknown>,
): Promise<{ readonly version: string; readonly isNew: boolean }> {
  const work = mkdtempSync(path.join(tmpdir(), "kept-pull-"));
  const refused = (what: string, hint?: string): AppError =>
    new AppError(code, `The version ${what}. Nothing was taken.`, hint === undefined ? {} : { hint });
  try {
    const folder = path.join(work, "adapter");
    await pull(folder);
    const base = baseModelIdentity(modelDir)();
    if (base === "") throw new AppError("no-model", `There is no base model in ${modelDir}.`);
    const pulled = readVersionFolder(folder, { base, nowMs: Date.now(), refused });
    using open = openForChange(dataDir);
    const { id, isNew } = takeVersion(open.store, pulled, { dataDir, modelDir, refused });
    return { version: id, isNew };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What a person may do next with a version that was pulled. */
export const afterPull = (id: string): string =>
  `Serve it with kept models promote ${id} --force, or try it with kept canary start ${id}.\n`;
