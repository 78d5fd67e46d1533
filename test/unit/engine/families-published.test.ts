import assert from "node:assert/strict";
import { parseDecoderConfig } from "../../../engine/architectures/families.ts";
import { weightShapes } from "../../../engine/architectures/decoder-config.ts";
import { sizeOf } from "../../../engine/graph/graph.ts";

/** Fields of `config.json` as the models were published, and their parameters as counted there. */
const PUBLISHED: readonly (readonly [name: string, nParameters: number, config: Record<string, unknown>])[] = [
  [
    "Qwen2.5-Coder-0.5B",
    494_032_768,
    {
      architectures: ["Qwen2ForCausalLM"],
      hidden_act: "silu",
      hidden_size: 896,
      intermediate_size: 4864,
      max_position_embeddings: 32768,
      max_window_layers: 24,
      num_attention_heads: 14,
      num_hidden_layers: 24,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-6,
      rope_theta: 1e6,
      sliding_window: 32768,
      tie_word_embeddings: true,
      use_sliding_window: false,
      vocab_size: 151936,
    },
  ],
  [
    "Llama-3.2-1B",
    1_235_814_400,
    {
      architectures: ["LlamaForCausalLM"],
      attention_bias: false,
      head_dim: 64,
      hidden_size: 2048,
      intermediate_size: 8192,
      max_position_embeddings: 131072,
      mlp_bias: false,
      num_attention_heads: 32,
      num_hidden_layers: 16,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      rope_scaling: {
        factor: 32,
        high_freq_factor: 4,
        low_freq_factor: 1,
        original_max_position_embeddings: 8192,
        rope_type: "llama3",
      },
      rope_theta: 5e5,
      tie_word_embeddings: true,
      vocab_size: 128256,
    },
  ],
  [
    "Qwen3-0.6B",
    596_049_920,
    {
      architectures: ["Qwen3ForCausalLM"],
      attention_bias: false,
      head_dim: 128,
      hidden_size: 1024,
      intermediate_size: 3072,
      max_position_embeddings: 40960,
      max_window_layers: 28,
      num_attention_heads: 16,
      num_hidden_layers: 28,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-6,
      rope_scaling: null,
      rope_theta: 1e6,
      sliding_window: null,
      tie_word_embeddings: true,
      use_sliding_window: false,
      vocab_size: 151936,
    },
  ],
  [
    "Mistral-7B-v0.1",
    7_241_732_096,
    {
      architectures: ["MistralForCausalLM"],
      hidden_size: 4096,
      intermediate_size: 14336,
      max_position_embeddings: 32768,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      rope_theta: 10000,
      sliding_window: 4096,
      tie_word_embeddings: false,
      vocab_size: 32000,
    },
  ],
  [
    "TinyLlama-1.1B",
    1_100_048_384,
    {
      architectures: ["LlamaForCausalLM"],
      hidden_size: 2048,
      intermediate_size: 5632,
      max_position_embeddings: 2048,
      num_attention_heads: 32,
      num_hidden_layers: 22,
      num_key_value_heads: 4,
      rms_norm_eps: 1e-5,
      rope_scaling: null,
      tie_word_embeddings: false,
      vocab_size: 32000,
    },
  ],
];

describe("a published configuration", () => {
  for (const [name, nParameters, raw] of PUBLISHED) {
    it(`has as many parameters as it is known for: ${name}`, () => {
      const shapes = [...weightShapes(parseDecoderConfig(raw)).values()];
      assert.equal(
        shapes.reduce((sum, shape) => sum + sizeOf(shape), 0),
        nParameters,
      );
    });
  }

  it("is heeded where it has windows and where it only names one", () => {
    const contextOf = (wanted: string) =>
      parseDecoderConfig(PUBLISHED.find(([name]) => name.startsWith(wanted))![2]).contextTokens;
    assert.equal(contextOf("Mistral"), 4096);
    assert.equal(contextOf("Qwen2.5"), 32768);
  });
});
