import type { DecoderConfig } from "../../../engine/architectures/decoder-config.ts";

/** A model of one shape, in the words of engine.md. */
export interface Shape {
  readonly name: string;
  readonly config: DecoderConfig;
  /** Tokens of the prompt, then tokens decoded after it, in one round. */
  readonly nPrefill: number;
  readonly nDecode: number;
}

const COMMON = {
  headDim: 64,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 10_000,
  contextTokens: 1_024,
  attentionBias: false,
  tiedHead: true,
};

/** A model of 28 million parameters, the one that engine.md calls s30. */
export const S30: Shape = {
  name: "s30",
  config: { ...COMMON, vocabSize: 8_192, hiddenSize: 512, ffnSize: 1_408, nLayers: 8, nHeads: 8, nKvHeads: 4 },
  nPrefill: 512,
  nDecode: 48,
};

/** A model of 115 million parameters, the one that engine.md calls s120. */
export const S120: Shape = {
  name: "s120",
  config: { ...COMMON, vocabSize: 32_768, hiddenSize: 768, ffnSize: 2_560, nLayers: 12, nHeads: 12, nKvHeads: 4 },
  nPrefill: 512,
  nDecode: 32,
};

/** The shape of Qwen2.5-Coder-0.5B. */
export const S500: Shape = {
  name: "s500",
  config: {
    ...COMMON,
    vocabSize: 151_936,
    hiddenSize: 896,
    ffnSize: 4_864,
    nLayers: 24,
    nHeads: 14,
    nKvHeads: 2,
    attentionBias: true,
    ropeTheta: 1_000_000,
  },
  nPrefill: 256,
  nDecode: 16,
};

/** The shape of the model that Kept ships, with its own weights. */
export const baseShape = (config: DecoderConfig): Shape => ({
  name: "base",
  config: { ...config, contextTokens: Math.min(config.contextTokens, COMMON.contextTokens) },
  nPrefill: 512,
  nDecode: 64,
});
