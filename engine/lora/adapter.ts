import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { linearLayers, type DecoderConfig } from "../architectures/decoder-config.ts";
import {
  float32Tensor,
  readSafetensors,
  toFloat32,
  writeSafetensors,
  type StoredTensor,
} from "../checkpoint/safetensors.ts";
import { EngineError } from "../engine-error.ts";
import { MAX_RANK, parseAdapterConfig } from "./adapter-config.ts";

/** A LoRA adapter (Hu et al. 2021): y = x W^T + scale (x A^T) B^T for each linear layer that it has. */
export interface LoraAdapter {
  /** `r` and `lora_alpha` of PEFT's configuration; a layer may differ from them. */
  readonly rank: number;
  readonly alpha: number;
  /** By layer name, such as `model.layers.0.self_attn.q_proj`. */
  readonly layers: ReadonlyMap<string, LoraLayer>;
}

/** A (rank, in) and B (out, rank) of one layer. */
export interface LoraLayer {
  readonly rank: number;
  readonly scale: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** An adapter whose layers all have the same rank, and the scale alpha / rank. */
export function uniformAdapter(
  rank: number,
  alpha: number,
  matrices: Iterable<readonly [string, { readonly a: Float32Array; readonly b: Float32Array }]>,
): LoraAdapter {
  const scale = alpha / rank;
  return { rank, alpha, layers: new Map([...matrices].map(([name, { a, b }]) => [name, { rank, scale, a, b }])) };
}

export const ADAPTER_CONFIG_FILE = "adapter_config.json";
export const ADAPTER_WEIGHTS_FILE = "adapter_model.safetensors";
const KEY_PREFIX = "base_model.model.";

/** Far more than PEFT writes for any adapter. */
const MAX_CONFIG_BYTES = 2 ** 20;

/** Room for the tensors' names and shapes beside their values. */
const MAX_HEADER_BYTES = 16 * 2 ** 20;

/** Read a PEFT folder and check it against the base model. Throws adapter-invalid, adapter-mismatch or adapter-unsupported. */
export function readAdapter(folder: string, config: DecoderConfig): LoraAdapter {
  const linear = linearLayers(config);
  const largestWeights = linear.reduce((sum, { nIn, nOut }) => sum + 4 * MAX_RANK * (nIn + nOut), MAX_HEADER_BYTES);
  const adapterConfig = parseAdapterConfig(readMember(folder, ADAPTER_CONFIG_FILE, MAX_CONFIG_BYTES).toString("utf8"));
  const stored = readTensors(readMember(folder, ADAPTER_WEIGHTS_FILE, largestWeights));
  const layers = new Map<string, LoraLayer>();
  const known = new Set<string>();
  for (const { name, nIn, nOut } of linear) {
    const keys = { a: `${KEY_PREFIX}${name}.lora_A.weight`, b: `${KEY_PREFIX}${name}.lora_B.weight` };
    const [a, b] = [stored.get(keys.a), stored.get(keys.b)];
    const isTarget = adapterConfig.targets(name);
    if (!a && !b && !isTarget) continue;
    if (!a || !b) throw new EngineError("adapter-invalid", `The adapter has no tensor ${a ? keys.b : keys.a}.`);
    if (!isTarget)
      throw new EngineError("adapter-mismatch", `${keys.a} is there, but target_modules does not name its layer.`);
    const { rank, scale } = adapterConfig.layer(name);
    known.add(keys.a).add(keys.b);
    layers.set(name, { rank, scale, a: matrix(keys.a, a, [rank, nIn]), b: matrix(keys.b, b, [nOut, rank]) });
  }
  const unknown = [...stored.keys()].find((key) => !known.has(key));
  if (unknown) throw strayTensor(unknown);
  if (layers.size === 0) throw new EngineError("adapter-invalid", "The adapter has no matrices.");
  return { rank: adapterConfig.rank, alpha: adapterConfig.alpha, layers };
}

function readMember(folder: string, name: string, maxBytes: number): Buffer {
  const file = path.join(folder, name);
  if (!existsSync(file)) throw new EngineError("adapter-invalid", `The adapter has no ${name}.`);
  if (statSync(file).size > maxBytes)
    throw new EngineError("adapter-invalid", `${name} is larger than any adapter of this base model.`);
  return readFileSync(file);
}

function readTensors(bytes: Uint8Array): ReadonlyMap<string, StoredTensor> {
  try {
    return readSafetensors(bytes);
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new EngineError("adapter-invalid", `${ADAPTER_WEIGHTS_FILE}: ${cause.message}`, { cause });
  }
}

function matrix(key: string, tensor: StoredTensor, shape: readonly number[]): Float32Array {
  if (tensor.shape.join("x") !== shape.join("x")) {
    throw new EngineError(
      "adapter-mismatch",
      `${key} has the shape ${tensor.shape.join("x")}; the base model and adapter_config.json need ${shape.join("x")}.`,
    );
  }
  if (tensor.dtype === "I8") throw new EngineError("adapter-unsupported", `${key} has the type I8.`);
  return toFloat32(tensor);
}

/** Parts of PEFT adapters that are no A and B of a linear layer, by their keys' endings. */
const FEATURES: readonly { readonly ending: RegExp; readonly feature: string }[] = [
  { ending: /\.lora_magnitude_vector(\.weight)?$/, feature: "DoRA (use_dora)" },
  { ending: /\.lora_embedding_[AB](\.weight)?$/, feature: "a trained embedding (target_modules)" },
  { ending: /\.lora_[AB]\.bias$/, feature: "lora_bias" },
  { ending: /\.trainable_tokens/, feature: "trainable_token_indices" },
  { ending: /\.(embed_tokens|lm_head)\./, feature: "a trained embedding or head (modules_to_save)" },
  { ending: /\.(weight|bias)$/, feature: "a trained layer (modules_to_save or bias)" },
];

function strayTensor(key: string): EngineError {
  if (/\.lora_[AB]\.weight$/.test(key) && !/\.(embed_tokens|lm_head)\./.test(key))
    return new EngineError("adapter-mismatch", `The base model has no layer for ${key.slice(0, 200)}.`);
  const found = FEATURES.find(({ ending }) => ending.test(key));
  if (!found) return new EngineError("adapter-invalid", `The adapter has an unknown tensor, ${key.slice(0, 200)}.`);
  return new EngineError("adapter-unsupported", `${key.slice(0, 200)} belongs to ${found.feature}.`);
}

export interface AdapterCard {
  readonly baseModel: string;
  readonly baseSha256: string;
  readonly readme: string;
}

/** Write the folder that PEFT's `PeftModel.from_pretrained` reads. */
export function writeAdapter(folder: string, adapter: LoraAdapter, config: DecoderConfig, card: AdapterCard): void {
  mkdirSync(folder, { recursive: true });
  const shapes = new Map(linearLayers(config).map((layer) => [layer.name, layer]));
  const tensors = new Map(
    [...adapter.layers].flatMap(([name, { a, b, rank }]) => {
      const { nIn, nOut } = shapes.get(name)!;
      return [
        [`${KEY_PREFIX}${name}.lora_A.weight`, float32Tensor(a, [rank, nIn])] as const,
        [`${KEY_PREFIX}${name}.lora_B.weight`, float32Tensor(b, [nOut, rank])] as const,
      ];
    }),
  );
  const adapterConfig = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: card.baseModel,
    revision: card.baseSha256,
    inference_mode: true,
    r: adapter.rank,
    lora_alpha: adapter.alpha,
    lora_dropout: 0,
    bias: "none",
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
    ...patternsOf(adapter),
    target_modules: targetNames(adapter, [...shapes.keys()]),
  };
  writeFileSync(path.join(folder, ADAPTER_WEIGHTS_FILE), writeSafetensors(tensors, { format: "pt" }));
  writeFileSync(path.join(folder, ADAPTER_CONFIG_FILE), `${JSON.stringify(adapterConfig, null, 2)}\n`);
  writeFileSync(path.join(folder, "README.md"), card.readme);
}

/** What the layers' ranks and scales add to `r` and `lora_alpha`. */
function patternsOf({ rank, alpha, layers }: LoraAdapter): Record<"rank_pattern" | "alpha_pattern", object> {
  const others = [...layers].filter(([, layer]) => layer.rank !== rank || layer.scale !== alpha / rank);
  return {
    rank_pattern: Object.fromEntries(others.map(([name, layer]) => [name, layer.rank])),
    alpha_pattern: Object.fromEntries(others.map(([name, layer]) => [name, layer.scale * layer.rank])),
  };
}

/** The last parts of the layers' names when these mean the same layers in the base model, otherwise the whole names. */
function targetNames({ layers }: LoraAdapter, all: readonly string[]): string[] {
  const lastPart = (name: string) => name.split(".").at(-1)!;
  const short = new Set([...layers.keys()].map(lastPart));
  const isExact = all.every((name) => layers.has(name) === short.has(lastPart(name)));
  return [...(isExact ? short : layers.keys())].toSorted();
}
