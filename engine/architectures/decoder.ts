import { add, gatherRows, gemm, multiply, reshape, rmsNorm, silu } from "../graph/operators.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { linearLayers, type DecoderConfig, type LinearLayer } from "./decoder-config.ts";

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
  const norm = (x: Value, name: string) => rmsNorm(g, x, parts.weight(`${name}.weight`), config.rmsNormEpsilon);
  const layers = new Map(linearLayers(config).map((layer) => [layer.name, layer]));

  let x = gatherRows(g, parts.weight("model.embed_tokens.weight"), ids);
  for (let layer = 0; layer < config.nLayers; layer++) {
    const at = `model.layers.${layer}`;
    const linear = (input: Value, path: string) => linearLayer(g, input, layers.get(`${at}.${path}`)!, parts);
    // (N, h hd), each head of which is normed
    const perHead = (x: Value, name: string) =>
      config.qkNorm ? reshape(g, norm(reshape(g, x, heads(x)), `${at}.self_attn.${name}`), x.shape) : x;
    const heads = (x: Value) => [x.shape[0]!, Number(x.shape[1]) / config.headDim, config.headDim];

    const attended = norm(x, `${at}.input_layernorm`);
    const mixed = parts.attention(
      layer,
      perHead(linear(attended, "self_attn.q_proj"), "q_norm"),
      perHead(linear(attended, "self_attn.k_proj"), "k_norm"),
      linear(attended, "self_attn.v_proj"),
    );
    x = add(g, x, linear(mixed, "self_attn.o_proj"));

    const normed = norm(x, `${at}.post_attention_layernorm`);
    const gated = multiply(g, silu(g, linear(normed, "mlp.gate_proj")), linear(normed, "mlp.up_proj"));
    x = add(g, x, linear(gated, "mlp.down_proj"));
  }
  return norm(x, "model.norm");
}

/** Hidden states (M, D) -> logits (M, V). */
export function decoderLogits(g: Graph, config: DecoderConfig, hidden: Value, parts: DecoderParts): Value {
  const head = parts.weight(config.tiedHead ? "model.embed_tokens.weight" : "lm_head.weight");
  return gemm(g, hidden, head, { transposeB: true });
}

/** x W^T + bias + (x A^T) B^T. */
function linearLayer(g: Graph, x: Value, { name, bias }: LinearLayer, parts: DecoderParts): Value {
  let y = gemm(g, x, parts.weight(`${name}.weight`), { transposeB: true });
  if (bias) y = add(g, y, parts.weight(`${name}.bias`));
  const adapter = parts.adapter(name);
  if (!adapter) return y;
  const low = gemm(g, x, adapter.a, { transposeB: true });
  return add(g, y, gemm(g, low, adapter.b, { transposeB: true }));
}
