import { add, gatherRows, gemm, multiply, rmsNorm, silu } from "../graph/operators.ts";
import type { Graph, Value } from "../graph/graph.ts";
import type { DecoderConfig } from "./decoder-config.ts";

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

  let x = gatherRows(g, parts.weight("model.embed_tokens.weight"), ids);
  for (let layer = 0; layer < config.nLayers; layer++) {
    const at = `model.layers.${layer}`;
    const linear = (input: Value, path: string) => linearLayer(g, input, `${at}.${path}`, parts, config);

    const attended = norm(x, `${at}.input_layernorm`);
    const mixed = parts.attention(
      layer,
      linear(attended, "self_attn.q_proj"),
      linear(attended, "self_attn.k_proj"),
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
function linearLayer(g: Graph, x: Value, name: string, parts: DecoderParts, config: DecoderConfig): Value {
  let y = gemm(g, x, parts.weight(`${name}.weight`), { transposeB: true });
  if (config.attentionBias && /\.[qkv]_proj$/.test(name)) y = add(g, y, parts.weight(`${name}.bias`));
  const adapter = parts.adapter(name);
  if (!adapter) return y;
  const low = gemm(g, x, adapter.a, { transposeB: true });
  return add(g, y, gemm(g, low, adapter.b, { transposeB: true }));
}
