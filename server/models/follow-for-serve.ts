import { dataPlaces } from "../places.ts";
import { withStore } from "../settings.ts";
import { useModelFile } from "./active-model.ts";
import { baseFolder } from "./frozen-model.ts";
import { readModelFile, resolveModelFile } from "./model-file.ts";

/**
 * Lets a server that is about to start follow a model's file. Answers the folder of its base.
 * @throws AppError `config-invalid`, `not-found`, `no-model`
 */
export function followForServe(named: string, dataDir: string): string {
  const file = resolveModelFile(named, process.cwd());
  const folder = baseFolder(readModelFile(file).config, dataPlaces(dataDir).models);
  withStore(dataDir, (store) => useModelFile(store, file, Date.now()));
  return folder;
}
