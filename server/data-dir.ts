import { AppError } from "./errors.ts";
import { dataPlaces, type DataPlaces } from "./places.ts";
import { syncDirectory } from "./durable-file.ts";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import path from "node:path";

const PRIVATE_DIR = 0o700;

/**
 * Makes the data folder and its parts, readable by this user alone. Refuses a symbolic link, so that
 * nobody can lead the writes elsewhere.
 */
export function prepareDataDir(dataDir: string): DataPlaces {
  const places = dataPlaces(dataDir);
  try {
    const made = mkdirSync(dataDir, { recursive: true, mode: PRIVATE_DIR });
    if (lstatSync(dataDir).isSymbolicLink()) throw new Error("it is a symbolic link");
    chmodSync(dataDir, PRIVATE_DIR);
    for (const part of [places.files, places.datasets, places.runs, places.adapters]) {
      mkdirSync(part, { recursive: true, mode: PRIVATE_DIR });
    }
    // A power cut takes a folder away again whose name nobody made durable, with all that was stored in it.
    syncDirectory(dataDir);
    if (made !== undefined) {
      for (let dir = dataDir; dir.startsWith(made); dir = path.dirname(dir)) syncDirectory(path.dirname(dir));
    }
  } catch (cause) {
    throw new AppError("data-dir", `The data folder ${dataDir} cannot be used: ${(cause as Error).message}.`, {
      cause,
      hint: "Choose another one with --data-dir or KEPT_DATA_DIR.",
    });
  }
  return places;
}
