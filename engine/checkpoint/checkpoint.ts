import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import type { RawConfig } from "../architectures/config-fields.ts";
import { weightShapes, type DecoderConfig } from "../architectures/decoder-config.ts";
import { parseDecoderConfig } from "../architectures/families.ts";
import type { StoredWeights, Weights } from "../architectures/weights.ts";
import { EngineError } from "../engine-error.ts";
import { sizeOf } from "../graph/graph.ts";
import { readSmallFile, streamFile } from "./safetensors-file.ts";
import { createStoredWeights } from "./stored-weights.ts";
import { openWeightFiles, resolveInside } from "./weight-files.ts";

/** A model: its shape, its weights, and what it is called. */
export interface Checkpoint {
  readonly name: string;
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly nParameters: number;
  /** sha256 over the weight files in the order of their names: the identity of a base model. */
  readonly sha256: string;
}

/** A model folder in the Hugging Face layout: `config.json`, `tokenizer.json`, `*.safetensors`. */
export interface StoredCheckpoint extends Checkpoint {
  readonly weights: StoredWeights;
}

/** A `config.json` is a page of text. */
const MAX_CONFIG_BYTES = 2 ** 20;

/**
 * Load a model folder. Only headers are read into memory, and the files once for their hash. Throws
 * model-not-found, model-unsupported or checkpoint-invalid.
 */
export function loadCheckpoint(folder: string): StoredCheckpoint {
  const config = readConfig(folder);
  const files = openWeightFiles(folder);
  const shapes = weightShapes(config);
  const weights = createStoredWeights(files, shapes);
  const hash = createHash("sha256");
  for (const { path: file } of files) streamFile(file, (piece) => hash.update(piece));
  return {
    name: path.basename(path.resolve(folder)),
    config,
    weights,
    nParameters: [...shapes.values()].reduce((sum, shape) => sum + sizeOf(shape), 0),
    sha256: hash.digest("hex"),
  };
}

/** Read `config.json` of a model folder. Throws model-not-found, model-unsupported or checkpoint-invalid. */
export function readConfig(folder: string): DecoderConfig {
  if (!existsSync(path.join(folder, "config.json")))
    throw new EngineError("model-not-found", `There is no model in ${folder}: config.json is missing.`);
  const bytes = readSmallFile(resolveInside(folder, "config.json"), MAX_CONFIG_BYTES);
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message would quote the file.
    throw new EngineError("checkpoint-invalid", "config.json is not JSON.");
  }
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    throw new EngineError("checkpoint-invalid", "config.json is not an object.");
  return parseDecoderConfig(raw as RawConfig);
}
