import { prepareDataDir } from "../../../server/data-dir.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { openStore } from "../../../server/store/store.ts";
import { createToyRegistry } from "./toy-registry.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Registers `n` versions in a data folder on which no server runs; the first is the champion. */
export function someVersions(dataDir: string, n: number): string[] {
  const places = prepareDataDir(dataDir);
  using store = openStore(places.database);
  using registry = createToyRegistry(store, openContentFiles(places.files), places.adapters);
  mkdirSync(path.join(places.datasets, "d"), { recursive: true });
  for (const name of ["manifest.json", "rows.jsonl"]) writeFileSync(path.join(places.datasets, "d", name), name);
  const versions = Array.from({ length: n }, (_, i) => registry.register(i, `weights ${i} `.repeat(2_000)).id);
  registry.deploy(versions[0]!);
  return versions;
}
