import path from "node:path";
import type { StoredWeights } from "../architectures/weights.ts";
import { EngineError } from "../engine-error.ts";
import type { ExternalData } from "../graph/graph.ts";
import { toFloat32, type StoredTensor } from "./safetensors.ts";
import { readTensor, type SafetensorsFile } from "./safetensors-file.ts";
import { shown } from "./safetensors-header.ts";

const EXTERNAL_TYPES: ReadonlyMap<string, ExternalData["type"]> = new Map([
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
]);

/** Tensors that checkpoints carry although they follow from `config.json`, or that old versions stored. */
const IGNORED = /^lm_head\.weight$|\.rotary_emb\.inv_freq$|\.masked_bias$|\.attn\.bias$/;

/**
 * The tensors of a model by name, checked against the shapes that its configuration asks for. Values stay
 * on disk. An int8 matrix `x.weight` comes with `x.weight_scale`, one float a row (output channel). Throws
 * checkpoint-invalid for a tensor that is missing, has another shape, or that the configuration knows
 * nothing of: leaving it out would be another model.
 */
export function createStoredWeights(
  files: readonly SafetensorsFile[],
  shapes: ReadonlyMap<string, readonly number[]>,
): StoredWeights {
  const fileOf = new Map(files.flatMap((file) => [...file.tensors.keys()].map((name) => [name, file] as const)));
  const folder = path.dirname(files[0]!.path);
  const entryOf = (name: string) => fileOf.get(name)?.tensors.get(name);
  const check = (name: string, shape: readonly number[], types: "float" | "float or int8") => {
    const entry = entryOf(name);
    if (!entry) return invalid(`the weights have no tensor ${name}`);
    const actual = entry.shape.join("x");
    if (actual !== shape.join("x")) invalid(`${name} has the shape ${actual}, config.json says ${shape.join("x")}`);
    if (entry.dtype === "I8" && types === "float or int8") check(`${name}_scale`, shape.slice(0, 1), "float");
    else if (!EXTERNAL_TYPES.has(entry.dtype)) invalid(`${name} has the unsupported type ${entry.dtype}`);
  };
  for (const [name, shape] of shapes) check(name, shape, "float or int8");
  for (const name of fileOf.keys()) {
    const isScale = name.endsWith("_scale") && shapes.has(name.slice(0, -"_scale".length));
    if (!shapes.has(name) && !isScale && !IGNORED.test(name))
      invalid(`config.json has no place for the tensor ${shown(name)}`);
  }

  const tensor = (name: string): StoredTensor | undefined => {
    const file = fileOf.get(name);
    return file && readTensor(file, name);
  };
  const int8 = (name: string) => {
    if (entryOf(name)?.dtype !== "I8") return undefined;
    const { bytes } = tensor(name)!;
    return {
      values: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      scales: toFloat32(tensor(`${name}_scale`)!),
    };
  };
  const get = (name: string): Float32Array | undefined => {
    if (!shapes.has(name)) return undefined;
    const quantised = int8(name);
    return quantised ? dequantised(quantised.values, quantised.scales) : toFloat32(tensor(name)!);
  };
  function* entries(): MapIterator<[string, Float32Array]> {
    for (const name of shapes.keys()) yield [name, get(name)!];
  }
  function* values(): MapIterator<Float32Array> {
    for (const name of shapes.keys()) yield get(name)!;
  }
  return {
    size: shapes.size,
    has: (name) => shapes.has(name),
    get,
    int8,
    external(name) {
      const file = fileOf.get(name);
      const entry = entryOf(name);
      const type = entry && EXTERNAL_TYPES.get(entry.dtype);
      // ONNX Runtime reads one folder.
      if (!file || !entry || !type || path.dirname(file.path) !== folder) return undefined;
      return { file: file.path, offset: file.dataStart + entry.start, length: entry.end - entry.start, type };
    },
    keys: () => shapes.keys(),
    values,
    entries,
    [Symbol.iterator]: entries,
    forEach(visit) {
      for (const [name, values] of entries()) visit(values, name, this);
    },
  };
}

/** Rows of int8 times the scale of each row. */
function dequantised(values: Int8Array, scales: Float32Array): Float32Array {
  const columns = values.length / scales.length;
  const floats = new Float32Array(values.length);
  scales.forEach((scale, row) => {
    for (let i = row * columns; i < (row + 1) * columns; i++) floats[i] = values[i]! * scale;
  });
  return floats;
}

function invalid(message: string): never {
  throw new EngineError("checkpoint-invalid", `${message.charAt(0).toUpperCase()}${message.slice(1)}.`);
}
