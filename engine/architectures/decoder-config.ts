import { EngineError } from "../engine-error.ts";

/** The shape of a Llama-style decoder, in the words of a Hugging Face `config.json`. */
export interface DecoderConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly ffnSize: number;
  readonly nLayers: number;
  readonly nHeads: number;
  readonly nKvHeads: number;
  readonly headDim: number;
  readonly rmsNormEpsilon: number;
  readonly ropeTheta: number;
  readonly contextTokens: number;
  /** Qwen2 has biases on the query, key and value projections; Llama has none. */
  readonly attentionBias: boolean;
  readonly tiedHead: boolean;
}

const SUPPORTED = ["LlamaForCausalLM", "Qwen2ForCausalLM"];

/** Read a parsed `config.json`. Throws model-unsupported naming what is wrong. */
export function parseDecoderConfig(raw: Record<string, unknown>): DecoderConfig {
  const architecture = (raw["architectures"] as string[] | undefined)?.[0] ?? "none";
  if (!SUPPORTED.includes(architecture)) {
    throw new EngineError(
      "model-unsupported",
      `The architecture ${architecture} is not supported. Use one of ${SUPPORTED.join(", ")}.`,
    );
  }
  if (raw["rope_scaling"]) throw new EngineError("model-unsupported", "RoPE scaling is not supported.");
  const hiddenSize = positive(raw, "hidden_size");
  const nHeads = positive(raw, "num_attention_heads");
  return {
    vocabSize: positive(raw, "vocab_size"),
    hiddenSize,
    ffnSize: positive(raw, "intermediate_size"),
    nLayers: positive(raw, "num_hidden_layers"),
    nHeads,
    nKvHeads: raw["num_key_value_heads"] === undefined ? nHeads : positive(raw, "num_key_value_heads"),
    headDim: raw["head_dim"] ? positive(raw, "head_dim") : hiddenSize / nHeads,
    rmsNormEpsilon: positive(raw, "rms_norm_eps"),
    ropeTheta: raw["rope_theta"] === undefined ? 10_000 : positive(raw, "rope_theta"),
    contextTokens: positive(raw, "max_position_embeddings"),
    attentionBias: architecture === "Qwen2ForCausalLM" || raw["attention_bias"] === true,
    tiedHead: raw["tie_word_embeddings"] === true,
  };
}

function positive(raw: Record<string, unknown>, key: string): number {
  const value = raw[key];
  if (typeof value !== "number" || !(value > 0)) {
    throw new EngineError(
      "model-unsupported",
      `config.json: ${key} must be a positive number, not ${JSON.stringify(value)}.`,
    );
  }
  return value;
}

/** A linear layer of the decoder: `model.layers.{i}.<path>.weight` of shape (out, in). */
export interface LinearLayer {
  readonly name: string;
  readonly nIn: number;
  readonly nOut: number;
  readonly bias: boolean;
}

/** Every linear layer in the order of the forward pass. All of them carry LoRA adapters. */
export function linearLayers(config: DecoderConfig): readonly LinearLayer[] {
  const { hiddenSize: d, ffnSize, nHeads, nKvHeads, headDim, attentionBias } = config;
  return Array.from({ length: config.nLayers }, (_, layer) => {
    const linear = (path: string, nIn: number, nOut: number, bias = false) => ({
      name: `model.layers.${layer}.${path}`,
      nIn,
      nOut,
      bias,
    });
    return [
      linear("self_attn.q_proj", d, nHeads * headDim, attentionBias),
      linear("self_attn.k_proj", d, nKvHeads * headDim, attentionBias),
      linear("self_attn.v_proj", d, nKvHeads * headDim, attentionBias),
      linear("self_attn.o_proj", nHeads * headDim, d),
      linear("mlp.gate_proj", d, ffnSize),
      linear("mlp.up_proj", d, ffnSize),
      linear("mlp.down_proj", ffnSize, d),
    ];
  }).flat();
}

/** Every tensor of a checkpoint with its shape, in a fixed order. */
export function weightShapes(config: DecoderConfig): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>([
    ["model.embed_tokens.weight", [config.vocabSize, config.hiddenSize]],
  ]);
  for (let layer = 0; layer < config.nLayers; layer++) {
    shapes.set(`model.layers.${layer}.input_layernorm.weight`, [config.hiddenSize]);
    shapes.set(`model.layers.${layer}.post_attention_layernorm.weight`, [config.hiddenSize]);
  }
  for (const { name, nIn, nOut, bias } of linearLayers(config)) {
    shapes.set(`${name}.weight`, [nOut, nIn]);
    if (bias) shapes.set(`${name}.bias`, [nOut]);
  }
  shapes.set("model.norm.weight", [config.hiddenSize]);
  if (!config.tiedHead) shapes.set("lm_head.weight", [config.vocabSize, config.hiddenSize]);
  return shapes;
}
