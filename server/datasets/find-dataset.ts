import { AppError } from "../errors.ts";
import { readStore } from "../store/store.ts";
import { gone } from "./contents.ts";
import { existsSync } from "node:fs";

export interface FoundDataset {
  readonly id: string;
  /** Of its manifest; the folder is called so. */
  readonly sha256: string;
}

/** A dataset by its id, without a server. @throws AppError `not-found`, `dataset-gone` */
export function findDataset(database: string, id: string): FoundDataset {
  const missing = new AppError("not-found", `There is no dataset ${id}.`, { hint: "`kept datasets list` shows them." });
  if (!existsSync(database)) throw missing;
  using store = readStore(database);
  const dataset = store.datasets.get(id);
  if (dataset === null) throw missing;
  if (dataset.forgotten === true || dataset.expired === true) throw gone(id);
  return { id: dataset.id, sha256: dataset.sha256 };
}
