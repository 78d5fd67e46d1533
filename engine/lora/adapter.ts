import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { linearLayers, type DecoderConfig } from "../architectures/decoder-config.ts";
import { float32Tensor, readSafetensors, toFloat32, writeSafetensors } from "../checkpoint/safetensors.ts";
import { EngineError } from "../engine-error.ts";

/** A LoRA adapter (Hu et al. 2021): y = x W^T + scale (x A^T) B^T for each linear layer it names. */
export interface LoraAdapter {
  readonly rank: number;
  readonly alpha: number;
  /** By layer name, such as `model.layers.0.self_attn.q_proj`: A (r, in) and B (out, r). */
  readonly layers: ReadonlyMap<string, { readonly a: Float32Array; readonly b: Float32Array }>;
}

const CONFIG_FILE = "adapter_config.json";
const WEIGHTS_FILE = "adapter_model.safetensors";
const KEY_PREFIX = "base_model.model.";

/** Read a PEFT folder and check it against the base model. Throws adapter-invalid or adapter-mismatch. */
export function readAdapter(folder: string, config: DecoderConfig): LoraAdapter {
  for (const name of [CONFIG_FILE, WEIGHTS_FILE]) {
    if (!existsSync(path.join(folder, name))) throw new EngineError("adapter-invalid", `The adapter has no ${name}.`);
  }
  const { r: rank, lora_alpha: alpha } = parseConfig(readFileSync(path.join(folder, CONFIG_FILE), "utf8"));
  const stored = readSafetensors(readFileSync(path.join(folder, WEIGHTS_FILE)));
  const layers = new Map<string, { a: Float32Array; b: Float32Array }>();
  const known = new Set<string>();
  for (const { name, nIn, nOut } of linearLayers(config)) {
    const matrix = (which: "lora_A" | "lora_B", shape: readonly number[]): Float32Array | null => {
      const key = `${KEY_PREFIX}${name}.${which}.weight`;
      const tensor = stored.get(key);
      if (!tensor) return null;
      known.add(key);
      if (tensor.shape.join("x") !== shape.join("x")) {
        throw new EngineError(
          "adapter-mismatch",
          `${key} has the shape ${tensor.shape.join("x")}; this base model needs ${shape.join("x")}.`,
        );
      }
      return toFloat32(tensor);
    };
    const a = matrix("lora_A", [rank, nIn]);
    const b = matrix("lora_B", [nOut, rank]);
    if (a && b) layers.set(name, { a, b });
    else if (a || b)
      throw new EngineError("adapter-invalid", `${name} has lora_${a ? "A" : "B"} but not lora_${a ? "B" : "A"}.`);
  }
  const unknown = [...stored.keys()].find((key) => !known.has(key));
  if (unknown) throw new EngineError("adapter-mismatch", `The base model has no layer for ${unknown}.`);
  if (layers.size === 0) throw new EngineError("adapter-invalid", "The adapter has no matrices.");
  return { rank, alpha, layers };
}

function parseConfig(text: string): { r: number; lora_alpha: number } {
  let raw: Record<string, unknown>;
  try {
    raw = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new EngineError("adapter-invalid", `${CONFIG_FILE} is not JSON.`, { cause });
  }
  const { r, lora_alpha: alpha } = raw;
  if (raw["peft_type"] !== "LORA") throw new EngineError("adapter-invalid", `${CONFIG_FILE}: peft_type must be LORA.`);
  if (!Number.isInteger(r) || (r as number) < 1 || (r as number) > 1024)
    throw new EngineError("adapter-invalid", `${CONFIG_FILE}: r must be a whole number from 1 to 1024.`);
  if (typeof alpha !== "number" || !Number.isFinite(alpha))
    throw new EngineError("adapter-invalid", `${CONFIG_FILE}: lora_alpha must be a number.`);
  return { r: r as number, lora_alpha: alpha };
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
    [...adapter.layers].flatMap(([name, { a, b }]) => {
      const { nIn, nOut } = shapes.get(name)!;
      return [
        [`${KEY_PREFIX}${name}.lora_A.weight`, float32Tensor(a, [adapter.rank, nIn])] as const,
        [`${KEY_PREFIX}${name}.lora_B.weight`, float32Tensor(b, [nOut, adapter.rank])] as const,
      ];
    }),
  );
  const targetModules = [...new Set([...adapter.layers.keys()].map((name) => name.split(".").at(-1)!))].toSorted();
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
    modules_to_save: null,
    rank_pattern: {},
    alpha_pattern: {},
    target_modules: targetModules,
  };
  writeFileSync(path.join(folder, WEIGHTS_FILE), writeSafetensors(tensors, { format: "pt" }));
  writeFileSync(path.join(folder, CONFIG_FILE), `${JSON.stringify(adapterConfig, null, 2)}\n`);
  writeFileSync(path.join(folder, "README.md"), card.readme);
}
