import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { linearLayers, weightShapes, type DecoderConfig } from "../architectures/decoder-config.ts";
import type { Weights } from "../architectures/weights.ts";
import { bytesOf, writeSafetensorsFile } from "../checkpoint/safetensors-writer.ts";
import { sizeOf } from "../graph/graph.ts";
import { uniformAdapter, type LoraAdapter } from "../lora/adapter.ts";
import { baseWeight, trainedConfig, type ParameterSlot, type Trained } from "./parameters.ts";

/** The adapter that a run trained, its matrices copied. */
export function trainedAdapter(
  config: DecoderConfig,
  trained: Extract<Trained, { kind: "lora" }>,
  slots: readonly ParameterSlot[],
  theta: Float32Array,
): LoraAdapter {
  const matrices = new Map(slots.map(({ name, shape, offset }) => [name, theta.slice(offset, offset + sizeOf(shape))]));
  return uniformAdapter(
    trained.rank,
    trained.alpha,
    linearLayers(config).map(({ name }) => [
      name,
      { a: matrices.get(`${name}.lora_A.weight`)!, b: matrices.get(`${name}.lora_B.weight`)! },
    ]),
  );
}

/** Weights in one file of a written model, bytes: hubs and people move files better that are not larger. */
const MAX_FILE_BYTES = 2 ** 30;

/** What a model folder holds beside its weights, where the base model has it. */
export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "generation_config.json",
] as const;

/** Write a trained model in the Hugging Face layout, in float32: what was trained over what was not. */
export function writeTrainedModel(
  folder: string,
  base: { readonly folder: string; readonly config: DecoderConfig; readonly weights: Weights },
  trained: Trained,
  slots: readonly ParameterSlot[],
  theta: Float32Array,
): void {
  mkdirSync(folder, { recursive: true });
  const config = trainedConfig(base.config, trained);
  const raw = JSON.parse(readFileSync(path.join(base.folder, "config.json"), "utf8")) as Record<string, unknown>;
  const written = { ...raw, torch_dtype: "float32", tie_word_embeddings: config.tiedHead };
  writeFileSync(path.join(folder, "config.json"), `${JSON.stringify(written, null, 2)}\n`);
  for (const name of TOKENIZER_FILES) {
    if (existsSync(path.join(base.folder, name))) copyFileSync(path.join(base.folder, name), path.join(folder, name));
  }
  writeWeights(folder, config, (name, size) => {
    const slot = slots.find((one) => one.name === name);
    return slot ? theta.subarray(slot.offset, slot.offset + size) : baseWeight(base.weights, name);
  });
}

/** One file, or several with an index, none over MAX_FILE_BYTES unless a single tensor is. */
function writeWeights(
  folder: string,
  config: DecoderConfig,
  weight: (name: string, size: number) => Float32Array,
): void {
  const files: { names: string[]; bytes: number }[] = [];
  const shapes = weightShapes(config);
  for (const [name, shape] of shapes) {
    const bytes = 4 * sizeOf(shape);
    const last = files.at(-1);
    if (!last || last.bytes + bytes > MAX_FILE_BYTES) files.push({ names: [name], bytes });
    else {
      last.names.push(name);
      last.bytes += bytes;
    }
  }
  const place = (n: number) => String(n).padStart(5, "0");
  const fileNames = files.map((_, i) =>
    files.length === 1 ? "model.safetensors" : `model-${place(i + 1)}-of-${place(files.length)}.safetensors`,
  );
  files.forEach(({ names }, i) => {
    const tensors = names.map((name) => {
      const shape = shapes.get(name)!;
      const size = sizeOf(shape);
      return { name, shape, dtype: "F32", nBytes: 4 * size, bytes: () => bytesOf(weight(name, size)) } as const;
    });
    writeSafetensorsFile(path.join(folder, fileNames[i]!), tensors, { format: "pt" });
  });
  if (files.length === 1) return;
  const index = {
    metadata: { total_size: files.reduce((sum, { bytes }) => sum + bytes, 0) },
    weight_map: Object.fromEntries(files.flatMap(({ names }, i) => names.map((name) => [name, fileNames[i]!]))),
  };
  writeFileSync(path.join(folder, "model.safetensors.index.json"), `${JSON.stringify(index, null, 2)}\n`);
}
