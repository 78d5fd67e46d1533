import { systemClock } from "../../../server/clock.ts";
import { prepareDataDir } from "../../../server/data-dir.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { createRegistry } from "../../../server/registry/registry.ts";
import { openStore } from "../../../server/store/store.ts";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Registers `n` versions in a data folder on which no server runs; the first is the champion. */
export function someVersions(dataDir: string, n: number): string[] {
  const places = prepareDataDir(dataDir);
  using store = openStore(places.database);
  const files = openContentFiles(places.files);
  const registry = createRegistry({
    store,
    files,
    clock: systemClock,
    hub: createPushHub(),
    adaptersDir: places.adapters,
    base: () => "b",
  });
  store.db.exec(`
    INSERT OR IGNORE INTO datasets VALUES ('d', 1, 'd', 1, 1, 1, '{}', '{}');
    INSERT OR IGNORE INTO runs (id, strategy, state, stage, request, created_at)
      VALUES ('r', 'lora', 'succeeded', 'deploy', '{}', 1);`);
  mkdirSync(path.join(places.datasets, "d"), { recursive: true });
  for (const name of ["manifest.json", "rows.jsonl"]) writeFileSync(path.join(places.datasets, "d", name), name);
  const trained = mkdtempSync(path.join(tmpdir(), "kept-trained-"));
  const versions = Array.from({ length: n }, (_, i) => {
    writeFileSync(path.join(trained, "adapter_config.json"), `{"n":${i}}`);
    writeFileSync(path.join(trained, "adapter_model.safetensors"), `weights ${i} `.repeat(2_000));
    return registry.register({ adapterDir: trained, base: "b", runId: "r", datasetId: "d", hyperParameters: i }).id;
  });
  registry.moveAlias("champion", null, versions[0]!, "Tested.");
  rmSync(trained, { recursive: true });
  return versions;
}
