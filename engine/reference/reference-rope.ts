import type { DecoderConfig } from "../architectures/decoder-config.ts";

/**
 * Rotary position embedding of one head, written as the papers and transformers write it: a pair of
 * dimensions i and i + headDim / 2 is turned by position * frequency(i), then stretched by YaRN's
 * attention factor.
 */
export function referenceRotated(config: DecoderConfig, x: readonly number[], position: number): number[] {
  const half = config.headDim / 2;
  const factor = config.ropeScaling?.kind === "yarn" ? config.ropeScaling.attentionFactor : 1;
  return x.map((value, i) => {
    const angle = position * referenceFrequency(config, i % half);
    const partner = i < half ? -x[i + half]! : x[i - half]!;
    return factor * (value * Math.cos(angle) + partner * Math.sin(angle));
  });
}

/** Radians per position of one pair. */
export function referenceFrequency(config: DecoderConfig, pair: number): number {
  const { ropeTheta: base, headDim, ropeScaling: scaling } = config;
  const frequency = 1 / base ** ((2 * pair) / headDim);
  if (!scaling) return frequency;
  if (scaling.kind === "linear") return frequency / scaling.factor;
  if (scaling.kind === "llama3") {
    const wavelength = (2 * Math.PI) / frequency;
    const longest = scaling.originalTokens / scaling.lowFrequencyFactor;
    const shortest = scaling.originalTokens / scaling.highFrequencyFactor;
    if (wavelength < shortest) return frequency;
    if (wavelength > longest) return frequency / scaling.factor;
    const smooth =
      (scaling.originalTokens / wavelength - scaling.lowFrequencyFactor) /
      (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
    return ((1 - smooth) * frequency) / scaling.factor + smooth * frequency;
  }
  // YaRN: `find_correction_dim`, `linear_ramp_factor` and the mix of its section 3.2.
  const dimensionOf = (rotations: number) =>
    (headDim * Math.log(scaling.originalTokens / (rotations * 2 * Math.PI))) / (2 * Math.log(base));
  const fast = dimensionOf(scaling.fastRotations);
  const slow = dimensionOf(scaling.slowRotations);
  const low = Math.max(scaling.truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(scaling.truncate ? Math.ceil(slow) : slow, headDim - 1);
  const width = high - low === 0 ? 0.001 : high - low;
  const ramp = Math.min(Math.max((pair - low) / width, 0), 1);
  return (frequency / scaling.factor) * ramp + frequency * (1 - ramp);
}
