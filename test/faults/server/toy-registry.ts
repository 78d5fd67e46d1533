import { systemClock } from "../../../server/clock.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import type { ContentFiles } from "../../../server/registry/content-files.ts";
import { createRegistry } from "../../../server/registry/registry.ts";
import type { Store } from "../../../server/store/store.ts";
import type { ModelVersionRow } from "../../../protocol/api.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** A registry without a server around it, whose versions say that they come from one run and one dataset. */
export interface ToyRegistry extends Disposable {
  /** Takes an adapter with these weights in as a version. */
  register(n: number, weights: string): ModelVersionRow;
  /** Makes a version the champion, whichever was. */
  deploy(version: string): void;
}

export function createToyRegistry(store: Store, files: ContentFiles, adaptersDir: string): ToyRegistry {
  const registry = createRegistry({
    store,
    files,
    clock: systemClock,
    hub: createPushHub(),
    adaptersDir,
    base: () => "b",
  });
  store.db.exec(`
    INSERT OR IGNORE INTO datasets (id, created_at, sha256, n_train, n_validation, n_test, sources, manifest)
      VALUES ('d', 1, 'd', 1, 1, 1, '{}', '{}');
    INSERT OR IGNORE INTO runs (id, strategy, state, stage, request, created_at)
      VALUES ('r', 'lora', 'succeeded', 'deploy', '{}', 1);`);
  const adapterDir = mkdtempSync(path.join(tmpdir(), "kept-trained-"));
  return {
    register(n, weights) {
      writeFileSync(path.join(adapterDir, "adapter_config.json"), `{"n":${n}}`);
      writeFileSync(path.join(adapterDir, "adapter_model.safetensors"), weights);
      return registry.register({ adapterDir, base: "b", runId: "r", datasetId: "d", hyperParameters: n });
    },
    deploy: (version) => registry.moveAlias("champion", store.versions.alias("champion"), version, "Tested."),
    [Symbol.dispose]: () => rmSync(adapterDir, { recursive: true, force: true }),
  };
}
