import type { DecoderConfig } from "../../engine/architectures/decoder-config.ts";

/** A decoder's `config.json` as a hub has it: of a Qwen2 where queries have a bias, else of a Llama. */
export const hubConfig = (config: DecoderConfig) => ({
  architectures: [config.attentionBias ? "Qwen2ForCausalLM" : "LlamaForCausalLM"],
  model_type: config.attentionBias ? "qwen2" : "llama",
  hidden_act: "silu",
  vocab_size: config.vocabSize,
  hidden_size: config.hiddenSize,
  intermediate_size: config.ffnSize,
  num_hidden_layers: config.nLayers,
  num_attention_heads: config.nHeads,
  num_key_value_heads: config.nKvHeads,
  head_dim: config.headDim,
  rms_norm_eps: config.rmsNormEpsilon,
  rope_theta: config.ropeTheta,
  max_position_embeddings: config.contextTokens,
  tie_word_embeddings: config.tiedHead,
});
