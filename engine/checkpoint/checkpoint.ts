import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { weightShapes, type DecoderConfig } from "../architectures/decoder-config.ts";
import { parseDecoderConfig } from "../architectures/families.ts";
import type { Weights } from "../architectures/inference-graph.ts";
import { EngineError } from "../engine-error.ts";
import { readSafetensors, toFloat32, type StoredTensor } from "./safetensors.ts";

/** A model folder in the Hugging Face layout: `config.json`, `tokenizer.json`, `*.safetensors`. */
export interface Checkpoint {
  readonly name: string;
  readonly config: DecoderConfig;
  readonly weights: Weights;
  readonly nParameters: number;
  /** sha256 over the weight files in the order of their names: the identity of a base model. */
  readonly sha256: string;
}

/**
 * Load a model folder. An int8 matrix `x.weight` comes with `x.weight_scale`, one float a row
 * (output channel). Throws model-not-found, model-unsupported or checkpoint-invalid.
 */
export function loadCheckpoint(folder: string): Checkpoint {
  const configFile = path.join(folder, "config.json");
  if (!existsSync(configFile)) {
    throw new EngineError("model-not-found", `There is no model in ${folder}: config.json is missing.`);
  }
  const config = parseDecoderConfig(JSON.parse(readFileSync(configFile, "utf8")) as Record<string, unknown>);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".safetensors"))
    .toSorted();
  if (files.length === 0)
    throw new EngineError("model-not-found", `There are no weights (*.safetensors) in ${folder}.`);

  const hash = createHash("sha256");
  const stored = new Map<string, StoredTensor>();
  for (const name of files) {
    const bytes = readFileSync(path.join(folder, name));
    hash.update(bytes);
    for (const [tensor, value] of readSafetensors(bytes)) stored.set(tensor, value);
  }
  const weights = new Map<string, Float32Array>();
  let nParameters = 0;
  for (const [name, shape] of weightShapes(config)) {
    const data = readWeight(stored, name, shape);
    nParameters += data.length;
    weights.set(name, data);
  }
  return { name: path.basename(path.resolve(folder)), config, weights, nParameters, sha256: hash.digest("hex") };
}

function readWeight(stored: ReadonlyMap<string, StoredTensor>, name: string, shape: readonly number[]): Float32Array {
  const tensor = stored.get(name);
  if (!tensor) throw new EngineError("checkpoint-invalid", `The weights have no tensor ${name}.`);
  if (tensor.shape.join("x") !== shape.join("x")) {
    throw new EngineError(
      "checkpoint-invalid",
      `${name} has the shape ${tensor.shape.join("x")}, config.json says ${shape.join("x")}.`,
    );
  }
  const values = toFloat32(tensor);
  if (tensor.dtype !== "I8") return values;
  const scaleTensor = stored.get(`${name}_scale`);
  if (!scaleTensor || scaleTensor.shape[0] !== shape[0])
    throw new EngineError("checkpoint-invalid", `The int8 tensor ${name} has no scale for each row.`);
  const scales = toFloat32(scaleTensor);
  const columns = shape[1]!;
  for (let i = 0; i < values.length; i++) values[i]! *= scales[Math.floor(i / columns)]!;
  return values;
}
