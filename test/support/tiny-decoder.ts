import { weightShapes, type DecoderConfig } from "../../engine/architectures/decoder-config.ts";
import { sizeOf } from "../../engine/graph/graph.ts";

/** A decoder small enough to check every number of it, with grouped queries and a bias where asked. */
export const TINY: DecoderConfig = {
  vocabSize: 23,
  hiddenSize: 12,
  ffnSize: 20,
  nLayers: 2,
  nHeads: 4,
  nKvHeads: 2,
  headDim: 6,
  rmsNormEpsilon: 1e-5,
  ropeTheta: 10_000,
  contextTokens: 32,
  attentionBias: true,
  tiedHead: true,
};

/** Normally distributed weights of a fixed seed; norm weights near 1. */
export function randomWeights(config: DecoderConfig, seed = 1): Map<string, Float32Array> {
  const random = normal(seed);
  const weights = new Map<string, Float32Array>();
  for (const [name, shape] of weightShapes(config)) {
    const isNorm = name.includes("norm");
    weights.set(
      name,
      Float32Array.from({ length: sizeOf(shape) }, () => (isNorm ? 1 + 0.1 * random() : 0.3 * random())),
    );
  }
  return weights;
}

/** Standard normal numbers from a small linear congruential generator and the Box-Muller transform. */
export function normal(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 1) / 4_294_967_297;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
