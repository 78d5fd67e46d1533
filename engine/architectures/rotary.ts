import type { DecoderConfig } from "./decoder-config.ts";
import { inverseFrequencies } from "./rope-scaling.ts";

/**
 * Cosines and sines of rotary position embedding (Su et al. 2021), each (nPositions, headDim / 2), in
 * the half-split layout of Llama checkpoints. Angles are rounded to float32 where transformers rounds
 * them, so that late positions agree too; YaRN's attention factor is in both tables.
 */
export function rotaryTables(config: DecoderConfig, nPositions: number): { cos: Float32Array; sin: Float32Array } {
  const half = config.headDim / 2;
  const frequencies = Float32Array.from(inverseFrequencies(config.headDim, config));
  const factor = config.ropeScaling?.kind === "yarn" ? config.ropeScaling.attentionFactor : 1;
  const cos = new Float32Array(nPositions * half);
  const sin = new Float32Array(nPositions * half);
  for (let position = 0; position < nPositions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(position * frequencies[i]!);
      cos[position * half + i] = factor * Math.cos(angle);
      sin[position * half + i] = factor * Math.sin(angle);
    }
  }
  return { cos, sin };
}
