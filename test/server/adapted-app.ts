import { linearLayers } from "../../engine/architectures/decoder-config.ts";
import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { uniformAdapter, writeAdapter } from "../../engine/lora/adapter.ts";
import { systemClock } from "../../server/clock.ts";
import { prepareDataDir } from "../../server/data-dir.ts";
import { createPushHub } from "../../server/push/hub.ts";
import { openContentFiles } from "../../server/registry/content-files.ts";
import { createRegistry } from "../../server/registry/registry.ts";
import { openStore } from "../../server/store/store.ts";
import { normal } from "../support/tiny-decoder.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { storeEvents } from "./store-events.ts";
import { runningApp, type RunningApp } from "./running-app.ts";
import { tempFolder } from "./temp-folder.ts";
import path from "node:path";

export const BASE_MODEL = path.resolve(import.meta.dirname, "../../models/base");

export interface AdaptedApp extends AsyncDisposable {
  readonly running: RunningApp;
  /** The champion, and the folder of its adapter. */
  readonly version: string;
  readonly adapterDir: string;
  readonly dataDir: string;
}

/** A server with the shipped base model, an adapter of random weights as its champion, and the given feedback. */
export async function adaptedApp(events: readonly KeptEvent[] = [], modelDir = BASE_MODEL): Promise<AdaptedApp> {
  const folder = await tempFolder();
  const dataDir = path.join(folder.dir, "data");
  const adapterDir = path.join(folder.dir, "trained");
  writeRandomAdapter(adapterDir, modelDir);
  const version = registerChampion(dataDir, adapterDir, modelDir, events);
  const running = await runningApp({ dataDir, modelDir });
  return {
    running,
    version,
    adapterDir,
    dataDir,
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Small random weights in every layer: enough to change what the model writes. */
export function writeRandomAdapter(dir: string, modelDir: string, size = 0.06): void {
  const base = loadCheckpoint(modelDir);
  const random = normal(3);
  const matrix = (length: number) => Float32Array.from({ length }, () => size * random());
  const layers = linearLayers(base.config).map(
    ({ name, nIn, nOut }) => [name, { a: matrix(4 * nIn), b: matrix(4 * nOut) }] as const,
  );
  writeAdapter(dir, uniformAdapter(4, 8, layers), base.config, {
    baseModel: "base",
    baseSha256: base.sha256,
    readme: "# Adapter\n",
  });
}

/** Puts the adapter into the registry as a training run does, and lets it serve. */
export function registerChampion(
  dataDir: string,
  adapterDir: string,
  modelDir: string,
  events: readonly KeptEvent[] = [],
): string {
  const places = prepareDataDir(dataDir);
  const base = loadCheckpoint(modelDir).sha256;
  using store = openStore(places.database);
  using hub = createPushHub();
  const registry = createRegistry({
    store,
    files: openContentFiles(places.files),
    clock: systemClock,
    hub,
    adaptersDir: places.adapters,
    base: () => base,
  });
  store.datasets.put({
    id: "ds",
    createdAt: 1,
    sha256: "d",
    rows: { train: 1, validation: 0, test: 0 },
    sources: {},
    manifest: {},
  });
  // There are no rows of it.
  store.expiry.expireDataset("ds", 1);
  store.runs.create({
    id: "run",
    request: { strategy: "lora", backend: "onnx", workspaces: [], overrides: {} },
    createdAt: 1,
  });
  const { id } = registry.register({ adapterDir, base, runId: "run", datasetId: "ds", hyperParameters: {} });
  registry.moveAlias("champion", null, id, "For a test.");
  storeEvents(store, events);
  return id;
}
