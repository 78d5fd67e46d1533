import { linearLayers } from "../../../engine/architectures/decoder-config.ts";
import { readConfig } from "../../../engine/checkpoint/checkpoint.ts";
import { uniformAdapter, writeAdapter } from "../../../engine/lora/adapter.ts";
import { systemClock } from "../../../server/clock.ts";
import { prepareDataDir } from "../../../server/data-dir.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { baseModelIdentity } from "../../../server/registry/base-model.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { createRegistry } from "../../../server/registry/registry.ts";
import { openStore } from "../../../server/store/store.ts";
import path from "node:path";

const MODEL = path.resolve(import.meta.dirname, "../../../models/base");
const RANK = 1;

/**
 * A store with two versions of the shipped model that editors can load, the first of them champion. Their B is zero, so
 * that both write what the base model writes: what is looked at is which of them was asked.
 */
export function putServedVersions(dataDir: string): { readonly champion: string; readonly candidate: string } {
  const places = prepareDataDir(dataDir);
  using store = openStore(places.database);
  using hub = createPushHub();
  const base = baseModelIdentity(MODEL);
  const { adapters: adaptersDir } = places;
  const registry = createRegistry({
    store,
    files: openContentFiles(places.files),
    clock: systemClock,
    hub,
    adaptersDir,
    base,
  });
  store.datasets.put({
    id: "made",
    createdAt: 1,
    sha256: "d".repeat(64),
    rows: { train: 1, validation: 0, test: 0 },
    sources: {},
    manifest: {},
  });
  store.runs.create({
    id: "made",
    request: { strategy: "lora", backend: "onnx", workspaces: [], overrides: {} },
    createdAt: 1,
  });
  store.runs.finish("made", "succeeded", 2, null);
  const config = readConfig(MODEL);
  const register = (name: string, value: number): string => {
    const adapterDir = path.join(dataDir, `${name}.made`);
    const matrices = linearLayers(config).map(
      ({ name: layer, nIn, nOut }) =>
        [layer, { a: new Float32Array(RANK * nIn).fill(value), b: new Float32Array(nOut * RANK) }] as const,
    );
    const card = { baseModel: "base", baseSha256: base(), readme: `# ${name}\n` };
    writeAdapter(adapterDir, uniformAdapter(RANK, RANK, matrices), config, card);
    return registry.register({ adapterDir, base: base(), runId: "made", datasetId: "made", hyperParameters: {} }).id;
  };
  const champion = register("champion", 0.01);
  const candidate = register("candidate", 0.02);
  registry.moveAlias("champion", null, champion, "made");
  return { champion, candidate };
}
