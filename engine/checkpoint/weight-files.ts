import { existsSync, readdirSync, realpathSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../engine-error.ts";
import { openSafetensors, readSmallFile, type SafetensorsFile } from "./safetensors-file.ts";
import { shown } from "./safetensors-header.ts";

/** Shards of one model; models of hundreds of billions of parameters have under 200. */
const MAX_SHARDS = 1_000;

/** Longest list of shards: 20,000 tensors at 100 bytes each. */
const MAX_INDEX_BYTES = 2 * 2 ** 20;

/** Tensors of all files together; see `safetensors-header.ts` for those of one. */
const MAX_TENSORS = 40_000;

const SINGLE_FILE = "model.safetensors";
const INDEX_FILE = "model.safetensors.index.json";

/**
 * The weight files of a model folder, opened: `model.safetensors`, else those that
 * `model.safetensors.index.json` names, else every `*.safetensors`, in the order of their names. Throws model-not-found when
 * there is none, checkpoint-invalid when one is damaged, missing or outside the folder.
 */
export function openWeightFiles(folder: string): readonly SafetensorsFile[] {
  if (existsSync(path.join(folder, SINGLE_FILE))) return openAll(folder, [SINGLE_FILE]);
  if (existsSync(path.join(folder, INDEX_FILE))) return openIndexed(folder);
  const names = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  if (names.length === 0)
    throw new EngineError("model-not-found", `There are no weights (*.safetensors) in ${folder}.`);
  const files = openAll(folder, names.toSorted());
  const seen = new Set<string>();
  for (const tensor of files.flatMap((file) => [...file.tensors.keys()])) {
    if (seen.has(tensor))
      throw new EngineError("checkpoint-invalid", `Two weight files have the tensor ${shown(tensor)}.`);
    seen.add(tensor);
  }
  return files;
}

function openAll(folder: string, names: readonly string[]): SafetensorsFile[] {
  if (names.length > MAX_SHARDS)
    throw new EngineError("checkpoint-invalid", `There are over ${MAX_SHARDS} weight files.`);
  let nTensors = 0;
  return names.map((name) => {
    const file = openSafetensors(resolveInside(folder, name));
    nTensors += file.tensors.size;
    if (nTensors > MAX_TENSORS) throw new EngineError("checkpoint-invalid", `There are over ${MAX_TENSORS} tensors.`);
    return file;
  });
}

function openIndexed(folder: string): readonly SafetensorsFile[] {
  const fileOf = readIndex(folder);
  const names = [...new Set(fileOf.values())].toSorted();
  for (const name of names) {
    if (!/^[\w.-]+\.safetensors$/.test(name) || name.startsWith("."))
      throw new EngineError("checkpoint-invalid", `${INDEX_FILE} names ${shown(name)}, which is no weight file.`);
  }
  return openAll(folder, names).map((file, i) => {
    const name = names[i]!;
    // The index says where a tensor is: one that it places in another file does not count here.
    const own = [...file.tensors].filter(([tensor]) => (fileOf.get(tensor) ?? name) === name);
    return { ...file, tensors: new Map(own) };
  });
}

function readIndex(folder: string): ReadonlyMap<string, string> {
  const bytes = readSmallFile(resolveInside(folder, INDEX_FILE), MAX_INDEX_BYTES);
  let index: unknown;
  try {
    index = (JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as { weight_map?: unknown })
      ?.weight_map;
  } catch {
    throw new EngineError("checkpoint-invalid", `${INDEX_FILE} is not JSON.`);
  }
  if (typeof index !== "object" || index === null || Array.isArray(index) || Object.keys(index).length === 0)
    throw new EngineError("checkpoint-invalid", `${INDEX_FILE} has no weight_map.`);
  const entries = Object.entries(index) as [string, unknown][];
  const wrong = entries.find(([, file]) => typeof file !== "string");
  if (wrong) throw new EngineError("checkpoint-invalid", `${INDEX_FILE} has no file name for ${shown(wrong[0])}.`);
  return new Map(entries as [string, string][]);
}

/**
 * The real path of a file of a model folder. A symbolic link may lead to another file of the folder, or
 * to the `blobs` of a hub's cache, in whose `snapshots/<revision>` the folder is. Throws model-not-found or
 * checkpoint-invalid.
 */
export function resolveInside(folder: string, name: string): string {
  let root: string;
  let file: string;
  try {
    root = realpathSync(folder);
    file = realpathSync(path.join(folder, name));
  } catch (cause) {
    throw new EngineError("model-not-found", `${name} is missing in ${folder}.`, { cause });
  }
  const snapshots = path.dirname(root);
  const blobs = path.basename(snapshots) === "snapshots" ? path.join(path.dirname(snapshots), "blobs") : root;
  if (path.dirname(file) !== root && path.dirname(file) !== blobs)
    throw new EngineError(
      "checkpoint-invalid",
      `${name} links to a file outside of ${folder}. Put the file itself there.`,
    );
  return file;
}
