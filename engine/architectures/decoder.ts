import { add, gemm, reshape, rmsNorm, swiglu } from "../graph/operators.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { linearLayers, type DecoderConfig, type LinearLayer } from "./decoder-config.ts";

/**
 * The forward pass of a Llama-style decoder in plain operators, which have gradient rules. Where the
 * weights come from and how attention runs over rows arrive as arguments. Inference has its own, in
 * fused operators: `fused-decoder.ts`. N is the number of tokens, D the hidden size.
 */
export interface DecoderParts {
  /** A tensor of the checkpoint by its Hugging Face name. */
  weight(name: string): Value;
  /** The adapter of a linear layer, with the LoRA scale already in B; null for none. */
  adapter(name: string): { readonly a: Value; readonly b: Value } | null;
  /** (N, H hd), (N, K hd), (N, K hd) -> (N, H hd), rotary embedding included. */
  attention(layer: number, query: Value, key: Value, value: Value): Value;
  /** Rows of the tokens (N, ...) that go on after attention: (M, ...). All of them unless given. */
  choose?(x: Value): Value;
}

/** One block: (N, D) -> (N, D), or (M, D) of the chosen tokens. Training runs the blocks one by one. */
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
  const choose = parts.choose ?? ((all: Value) => all);
  const afterAttention = add(g, choose(x), linear(choose(mixed), "self_attn.o_proj"));

  const normed = norm(afterAttention, "post_attention_layernorm");
  const gated = swiglu(g, linear(normed, "mlp.gate_proj"), linear(normed, "mlp.up_proj"));
  return add(g, afterAttention, linear(gated, "mlp.down_proj"));
}

/** The final norm: (N, D) -> (N, D), each row for itself. */
export function decoderNorm(g: Graph, config: DecoderConfig, x: Value, parts: DecoderParts): Value {
  return rmsNorm(g, x, parts.weight("model.norm.weight"), config.rmsNormEpsilon);
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
