import { add, gemm, multiply, reshape, rmsNorm, silu } from "../graph/operators.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { linearLayers, type DecoderConfig, type LinearLayer } from "./decoder-config.ts";
import { gatherWeightRows } from "./weights.ts";

/**
 * The forward pass of a Llama-style decoder, written once. The inference graph and the training graph
 * differ in where the weights come from and in how attention runs (with a KV cache, or over whole
 * rows), so both arrive as arguments. N is the number of tokens, D the hidden size.
 */
export interface DecoderParts {
  /** A tensor of the checkpoint by its Hugging Face name. */
  weight(name: string): Value;
  /** The adapter of a linear layer, with the LoRA scale already in B; null for none. */
  adapter(name: string): { readonly a: Value; readonly b: Value } | null;
  /** (N, H hd), (N, K hd), (N, K hd) -> (N, H hd), rotary embedding included. */
  attention(layer: number, query: Value, key: Value, value: Value): Value;
}

/** Token ids (N) -> hidden states after the final norm (N, D). */
export function decoderHidden(g: Graph, config: DecoderConfig, ids: Value, parts: DecoderParts): Value {
  let x = gatherWeightRows(g, parts.weight("model.embed_tokens.weight"), ids);
  for (let layer = 0; layer < config.nLayers; layer++) x = decoderBlock(g, config, layer, x, parts);
  return decoderNorm(g, config, x, parts);
}

/** One block: (N, D) -> (N, D). Training runs the blocks one by one. */
export function decoderBlock(g: Graph, config: DecoderConfig, layer: number, x: Value, parts: DecoderParts): Value {
  const at = `model.layers.${layer}`;
  const layers = new Map(linearLayers(config).map((linear) => [linear.name, linear]));
  const norm = (input: Value, name: string) =>
    rmsNorm(g, input, parts.weight(`${at}.${name}.weight`), config.rmsNormEpsilon);
  const linear = (input: Value, path: string) => linearLayer(g, input, layers.get(`${at}.${path}`)!, parts);
  // (N, h hd), each head of which is normed
  const perHead = (input: Value, name: string) =>
    config.qkNorm ? reshape(g, norm(reshape(g, input, heads(input)), `self_attn.${name}`), input.shape) : input;
  const heads = (input: Value) => [input.shape[0]!, Number(input.shape[1]) / config.headDim, config.headDim];

  const attended = norm(x, "input_layernorm");
  const mixed = parts.attention(
    layer,
    perHead(linear(attended, "self_attn.q_proj"), "q_norm"),
    perHead(linear(attended, "self_attn.k_proj"), "k_norm"),
    linear(attended, "self_attn.v_proj"),
  );
  const afterAttention = add(g, x, linear(mixed, "self_attn.o_proj"));

  const normed = norm(afterAttention, "post_attention_layernorm");
  const gated = multiply(g, silu(g, linear(normed, "mlp.gate_proj")), linear(normed, "mlp.up_proj"));
  return add(g, afterAttention, linear(gated, "mlp.down_proj"));
}

/** The final norm: (N, D) -> (N, D), each row for itself. */
export function decoderNorm(g: Graph, config: DecoderConfig, x: Value, parts: DecoderParts): Value {
  return rmsNorm(g, x, parts.weight("model.norm.weight"), config.rmsNormEpsilon);
}

/** Hidden states (M, D) -> logits (M, V). */
export function decoderLogits(g: Graph, config: DecoderConfig, hidden: Value, parts: DecoderParts): Value {
  return gemm(g, hidden, parts.weight(headName(config)), { transposeB: true });
}

/** The matrix (V, D) of the head. */
export const headName = (config: DecoderConfig): string =>
  config.tiedHead ? "model.embed_tokens.weight" : "lm_head.weight";

/** x W^T + bias + (x A^T) B^T. */
function linearLayer(g: Graph, x: Value, { name, bias }: LinearLayer, parts: DecoderParts): Value {
  let y = gemm(g, x, parts.weight(`${name}.weight`), { transposeB: true });
  if (bias) y = add(g, y, parts.weight(`${name}.bias`));
  const adapter = parts.adapter(name);
  if (!adapter) return y;
  const low = gemm(g, x, adapter.a, { transposeB: true });
  return add(g, y, gemm(g, low, adapter.b, { transposeB: true }));
}
