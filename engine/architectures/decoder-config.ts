import type { RopeScaling } from "./rope-scaling.ts";

/** The shape of a Llama-style decoder, read from a Hugging Face `config.json` by `families.ts`. */
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
  /** How rotary frequencies are stretched for a longer context; none unless given. */
  readonly ropeScaling?: RopeScaling;
  readonly contextTokens: number;
  /** Biases on the query, key and value projections: always in Qwen2, by `attention_bias` elsewhere. */
  readonly attentionBias: boolean;
  /** A bias on the attention's output projection, which `attention_bias` brings in Llama and Qwen3. */
  readonly outputBias?: boolean;
  /** Biases on the three projections of the feed-forward layer: `mlp_bias` of Llama. */
  readonly mlpBias?: boolean;
  /** RMS norms of each query and key head before the rotary embedding (Qwen3). */
  readonly qkNorm?: boolean;
  /** Tokens that a layer with a sliding window looks back on, its own included, and the first layer that has one. */
  readonly slidingWindow?: { readonly tokens: number; readonly fromLayer: number };
  readonly tiedHead: boolean;
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
  const { hiddenSize: d, ffnSize, nHeads, nKvHeads, headDim, attentionBias, outputBias, mlpBias } = config;
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
      linear("self_attn.o_proj", nHeads * headDim, d, outputBias),
      linear("mlp.gate_proj", d, ffnSize, mlpBias),
      linear("mlp.up_proj", d, ffnSize, mlpBias),
      linear("mlp.down_proj", ffnSize, d, mlpBias),
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
    if (!config.qkNorm) continue;
    shapes.set(`model.layers.${layer}.self_attn.q_norm.weight`, [config.headDim]);
    shapes.set(`model.layers.${layer}.self_attn.k_norm.weight`, [config.headDim]);
  }
  for (const { name, nIn, nOut, bias } of linearLayers(config)) {
    shapes.set(`${name}.weight`, [nOut, nIn]);
    if (bias) shapes.set(`${name}.bias`, [nOut]);
  }
  shapes.set("model.norm.weight", [config.hiddenSize]);
  if (!config.tiedHead) shapes.set("lm_head.weight", [config.vocabSize, config.hiddenSize]);
  return shapes;
}
