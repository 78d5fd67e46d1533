import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { systemClock } from "../../server/clock.ts";
import { prepareDataDir } from "../../server/data-dir.ts";
import { createPushHub } from "../../server/push/hub.ts";
import { openContentFiles } from "../../server/registry/content-files.ts";
import { createRegistry, type Registry } from "../../server/registry/registry.ts";
import { openStore, type Store } from "../../server/store/store.ts";

/** A store in a data folder with registered versions, before a server opens it. The weights are the given texts. */
export function preparedVersions<T>(
  dataDir: string,
  texts: readonly string[],
  then: (parts: { store: Store; registry: Registry; versions: readonly string[] }) => T,
): T {
  const places = prepareDataDir(dataDir);
  using store = openStore(places.database);
  using hub = createPushHub();
  const files = openContentFiles(places.files);
  const registry = createRegistry({
    store,
    files,
    clock: systemClock,
    hub,
    adaptersDir: places.adapters,
    base: () => "base-hash",
  });
  store.datasets.put({
    id: "ds",
    createdAt: 1,
    sha256: "d",
    rows: { train: 1, validation: 0, test: 0 },
    sources: {},
    manifest: {},
  });
  store.runs.create({
    id: "run",
    request: { strategy: "lora", backend: "onnx", workspaces: [], overrides: {} },
    createdAt: 1,
  });
  const versions = texts.map((text) => {
    const adapterDir = path.join(dataDir, `trained-${text}`);
    mkdirSync(adapterDir, { recursive: true });
    writeFileSync(path.join(adapterDir, "adapter_config.json"), "{}");
    writeFileSync(path.join(adapterDir, "adapter_model.safetensors"), text);
    return registry.register({ adapterDir, base: "base-hash", runId: "run", datasetId: "ds", hyperParameters: {} }).id;
  });
  return then({ store, registry, versions });
}
