import type { DataPlaces } from "./places.ts";
import type { Store } from "./store/store.ts";
import { existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";

/** What `writeFileDurably` calls a file until it is whole. */
const HALF_WRITTEN = /^\..+\.[0-9a-f-]{36}\.tmp$/;

/**
 * Removes what a server that was killed left: half-written files, and files, datasets and adapters that
 * were written before the store came to name them. Only the one server of the folder may call it, before
 * anything else of it writes.
 */
export function removeLeftovers(places: DataPlaces, store: Store): void {
  const names = (sql: string): Set<string> => new Set(store.db.prepare(sql).pluck().all() as string[]);
  const files = names("SELECT DISTINCT sha256 FROM version_files");
  const datasets = names("SELECT sha256 FROM datasets");
  const versions = names("SELECT id FROM versions");
  removeIn(places.dataDir, (name) => name.endsWith(".tmp"));
  removeIn(places.files, (name) => !files.has(name));
  removeIn(places.datasets, (name) => !datasets.has(name));
  removeIn(places.exports, () => true);
  removeIn(places.adapters, (name) => !versions.has(name));
  for (const version of existsSync(places.adapters) ? readdirSync(places.adapters) : []) {
    removeIn(path.join(places.adapters, version), (name) => HALF_WRITTEN.test(name));
  }
}

function removeIn(dir: string, isLeft: (name: string) => boolean): void {
  if (!existsSync(dir)) return;
  for (const name of readdirSync(dir)) {
    if (isLeft(name)) rmSync(path.join(dir, name), { recursive: true, force: true });
  }
}
