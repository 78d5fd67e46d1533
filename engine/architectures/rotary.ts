import type { DecoderConfig } from "./decoder-config.ts";

/**
 * Cosines and sines of rotary position embedding (Su et al. 2021), each (nPositions, headDim / 2), in
 * the half-split layout of Llama checkpoints.
 */
export function rotaryTables(config: DecoderConfig, nPositions: number): { cos: Float32Array; sin: Float32Array } {
  const half = config.headDim / 2;
  const cos = new Float32Array(nPositions * half);
  const sin = new Float32Array(nPositions * half);
  for (let position = 0; position < nPositions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * config.ropeTheta ** ((-2 * i) / config.headDim);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
