import type { DecoderConfig } from "../architectures/decoder-config.ts";
import { EngineError } from "../engine-error.ts";

/** llama.cpp's names for the architectures that the engine builds. */
export type GgufArchitecture = "llama" | "qwen2" | "qwen3";

/**
 * The architecture whose tensors are those of this decoder: Mistral is a llama there, and so is a Qwen2
 * whose heads together are not as wide as its hidden state. Throws export-unsupported.
 */
export function ggufArchitecture(config: DecoderConfig): GgufArchitecture {
  const { qkNorm, attentionBias, outputBias, mlpBias, nHeads, headDim, hiddenSize } = config;
  if (qkNorm && attentionBias)
    throw new EngineError("export-unsupported", "llama.cpp has no Qwen3 with biases on its projections.");
  if (qkNorm) return "qwen3";
  const isQwen2 = attentionBias && !outputBias && !mlpBias && nHeads * headDim === hiddenSize;
  return isQwen2 ? "qwen2" : "llama";
}

const WHOLE_MODEL: Readonly<Record<string, string>> = {
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  lm_head: "output",
};
const IN_A_LAYER: Readonly<Record<string, string>> = {
  input_layernorm: "attn_norm",
  post_attention_layernorm: "ffn_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

/** `model.layers.3.self_attn.q_proj.weight` is `blk.3.attn_q.weight`. Throws export-unsupported for a tensor without a name there. */
export function ggufName(tensor: string): string {
  const [, module, kind] = /^(.*)\.(weight|bias)$/.exec(tensor) ?? [];
  const [, layer, part] = /^model\.layers\.(\d+)\.(.*)$/.exec(module ?? "") ?? [];
  const name = layer === undefined ? WHOLE_MODEL[module ?? ""] : IN_A_LAYER[part ?? ""];
  if (name === undefined) throw new EngineError("export-unsupported", `llama.cpp has no name for ${tensor}.`);
  return layer === undefined ? `${name}.${kind}` : `blk.${layer}.${name}.${kind}`;
}

/**
 * The rows of a query or key projection in llama.cpp's order. A checkpoint rotates channel i of a head
 * with channel i + headDim / 2; llama.cpp's `llama` rotates neighbours, so there the two halves of a
 * head are interleaved. Every other tensor and architecture stays as it is. `values` is (out, columns).
 */
export function inGgufOrder(
  config: DecoderConfig,
  architecture: GgufArchitecture,
  tensor: string,
  values: Float32Array,
): Float32Array {
  if (architecture !== "llama" || !/\.self_attn\.[qk]_proj\./.test(tensor)) return values;
  const { headDim } = config;
  const half = headDim / 2;
  const nRows = (tensor.includes("q_proj") ? config.nHeads : config.nKvHeads) * headDim;
  const columns = values.length / nRows;
  const out = new Float32Array(values.length);
  for (let row = 0; row < nRows; row++) {
    const inHead = row % headDim;
    const target = row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
    out.set(values.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return out;
}
