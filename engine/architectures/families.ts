import { EngineError } from "../engine-error.ts";
import { count, flag, optionalCount, positive, type RawConfig } from "./config-fields.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import { parseRope } from "./rope-scaling.ts";

/** What a family has beyond plain Llama, given its `config.json`. */
type Family = (
  raw: RawConfig,
) => Pick<DecoderConfig, "attentionBias" | "outputBias" | "mlpBias" | "qkNorm" | "slidingWindow">;

const llama: Family = (raw) => {
  const bias = flag(raw, "attention_bias", false);
  return { attentionBias: bias, outputBias: bias, mlpBias: flag(raw, "mlp_bias", false) };
};
const mistral: Family = (raw) => ({ attentionBias: false, ...slidingWindow(raw, 0) });
const qwen2: Family = (raw) => ({ attentionBias: true, ...qwenWindow(raw) });
const qwen3: Family = (raw) => {
  const bias = flag(raw, "attention_bias", false);
  return { attentionBias: bias, outputBias: bias, qkNorm: true, ...qwenWindow(raw) };
};

const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ["LlamaForCausalLM", llama],
  ["MistralForCausalLM", mistral],
  ["Qwen2ForCausalLM", qwen2],
  ["Qwen3ForCausalLM", qwen3],
]);

/** Bounds of a model that a developer's machine could run, far above any: they keep a hostile file from costing time. */
const MAX_LAYERS = 512;
const MAX_WIDTH = 1 << 20;
const MAX_VOCABULARY = 1 << 22;
const MAX_CONTEXT = 1 << 30;

/** ONNX Runtime's `GroupQueryAttention` rotates heads of a multiple of this many dimensions. */
const HEAD_DIM_STEP = 16;

/**
 * Read a parsed `config.json` of a Llama, Mistral, Qwen2 or Qwen3 model. A sliding window limits the
 * context to its length, in which it equals full attention. Throws model-unsupported naming what the
 * engine does not build.
 */
export function parseDecoderConfig(raw: RawConfig): DecoderConfig {
  const family = FAMILIES.get(architectureOf(raw))!(raw);
  const activation = raw["hidden_act"] ?? "silu";
  if (activation !== "silu") unsupported(`the activation ${JSON.stringify(activation)} is not supported; silu is`);
  if (raw["quantization_config"]) unsupported("weights quantised by another tool are not supported");
  const hiddenSize = count(raw, "hidden_size", MAX_WIDTH);
  const nHeads = count(raw, "num_attention_heads", MAX_WIDTH);
  const nKvHeads = optionalCount(raw, "num_key_value_heads", MAX_WIDTH) ?? nHeads;
  if (nHeads % nKvHeads !== 0) unsupported(`${nHeads} heads cannot share ${nKvHeads} key-value heads`);
  const headDim = optionalCount(raw, "head_dim", MAX_WIDTH) ?? Math.floor(hiddenSize / nHeads);
  if (headDim === 0 || headDim % HEAD_DIM_STEP !== 0)
    unsupported(`heads of ${headDim} dimensions are not supported; a multiple of ${HEAD_DIM_STEP} is`);
  const trainedTokens = count(raw, "max_position_embeddings", MAX_CONTEXT);
  return {
    vocabSize: count(raw, "vocab_size", MAX_VOCABULARY),
    hiddenSize,
    ffnSize: count(raw, "intermediate_size", MAX_WIDTH),
    nLayers: count(raw, "num_hidden_layers", MAX_LAYERS),
    nHeads,
    nKvHeads,
    headDim,
    rmsNormEpsilon: positive(raw, "rms_norm_eps"),
    ...parseRope(raw),
    ...family,
    contextTokens: Math.min(trainedTokens, family.slidingWindow?.tokens ?? trainedTokens),
    tiedHead: flag(raw, "tie_word_embeddings", false),
  };
}

function architectureOf(raw: RawConfig): string {
  const named: unknown = Array.isArray(raw["architectures"]) ? raw["architectures"][0] : undefined;
  if (typeof named === "string" && FAMILIES.has(named)) return named;
  const shown = typeof named === "string" ? named.slice(0, 100) : "none";
  throw new EngineError(
    "model-unsupported",
    `The architecture ${shown} is not supported. Use one of ${[...FAMILIES.keys()].join(", ")}.`,
  );
}

function slidingWindow(raw: RawConfig, fromLayer: number): Pick<DecoderConfig, "slidingWindow"> {
  const tokens = optionalCount(raw, "sliding_window", MAX_CONTEXT);
  return tokens === undefined ? {} : { slidingWindow: { tokens, fromLayer } };
}

/** Qwen names its windowed layers one by one, or by the number of full ones at the start. */
function qwenWindow(raw: RawConfig): Pick<DecoderConfig, "slidingWindow"> {
  if (!flag(raw, "use_sliding_window", false)) return {};
  const types = raw["layer_types"];
  if (!Array.isArray(types)) {
    const nFull = raw["max_window_layers"];
    const fromLayer = typeof nFull === "number" && nFull > 0 ? nFull : 0;
    return fromLayer < count(raw, "num_hidden_layers", MAX_LAYERS) ? slidingWindow(raw, fromLayer) : {};
  }
  const from = types.indexOf("sliding_attention");
  if (from < 0) return {};
  if (types.some((type, layer) => type !== (layer < from ? "full_attention" : "sliding_attention")))
    unsupported("layers with and without a sliding window in turn are not supported");
  return slidingWindow(raw, from);
}

function unsupported(message: string): never {
  throw new EngineError("model-unsupported", `config.json: ${message}.`);
}
