import { EngineError } from "../engine-error.ts";
import { optionalPositive, positive, type RawConfig } from "./config-fields.ts";

/**
 * How the frequencies of rotary position embedding are stretched beyond the context that a model was
 * first trained on. Numbers are those of `config.json`, defaults filled in.
 */
export type RopeScaling =
  /** Positions divided by a factor (Chen et al. 2023). */
  | { readonly kind: "linear"; readonly factor: number }
  /** Llama 3.1: long wavelengths are stretched, short ones kept, those between interpolated. */
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalTokens: number;
    }
  /** YaRN (Peng et al. 2023): a ramp between interpolation and extrapolation, and warmer attention. */
  | {
      readonly kind: "yarn";
      readonly factor: number;
      readonly originalTokens: number;
      /** Rotations over the original context above which a dimension is kept, below which it is stretched. */
      readonly fastRotations: number;
      readonly slowRotations: number;
      /** Whether the ramp's ends are whole dimensions. */
      readonly truncate: boolean;
      /** Factor of the cosines and sines, and so its square of the attention scores. */
      readonly attentionFactor: number;
    };

export interface Rope {
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
}

/** Base of the frequencies where `config.json` names none. */
const DEFAULT_THETA = 10_000;

/**
 * Read the rotary embedding of a `config.json`: `rope_parameters` of transformers 5, or `rope_theta` and
 * `rope_scaling` of earlier versions, of which `rope_scaling` wins as it does there. Throws
 * model-unsupported for a kind of scaling that the engine does not compute.
 */
export function parseRope(raw: RawConfig): Rope {
  const given = raw["rope_scaling"] || raw["rope_parameters"] || {};
  if (typeof given !== "object" || Array.isArray(given)) unsupported("the RoPE parameters are not an object");
  const fields = given as RawConfig;
  const partial = fields["partial_rotary_factor"] ?? raw["partial_rotary_factor"] ?? 1;
  if (partial !== 1)
    unsupported(`a rotary embedding of a part (${JSON.stringify(partial)}) of each head is not supported`);
  const theta = optionalPositive(fields, "rope_theta") ?? optionalPositive(raw, "rope_theta") ?? DEFAULT_THETA;
  const kind = fields["rope_type"] ?? fields["type"] ?? "default";
  switch (kind) {
    case "default":
      if (Object.values(fields).some((value) => typeof value === "object" && value !== null))
        unsupported("RoPE parameters that differ between layers are not supported");
      return { ropeTheta: theta };
    case "linear":
      return { ropeTheta: theta, ropeScaling: { kind: "linear", factor: positive(fields, "factor") } };
    case "llama3":
      return { ropeTheta: theta, ropeScaling: parseLlama3(fields, raw) };
    case "yarn":
      return { ropeTheta: theta, ropeScaling: parseYarn(fields, raw) };
    default:
      return unsupported(
        `RoPE scaling of the kind ${JSON.stringify(kind)} is not supported; linear, llama3 and yarn are`,
      );
  }
}

function parseLlama3(fields: RawConfig, raw: RawConfig): RopeScaling {
  const lowFrequencyFactor = positive(fields, "low_freq_factor");
  const highFrequencyFactor = positive(fields, "high_freq_factor");
  if (highFrequencyFactor <= lowFrequencyFactor) unsupported("high_freq_factor must be above low_freq_factor");
  return {
    kind: "llama3",
    factor: positive(fields, "factor"),
    lowFrequencyFactor,
    highFrequencyFactor,
    originalTokens: originalTokensOf(fields, raw),
  };
}

function parseYarn(fields: RawConfig, raw: RawConfig): RopeScaling {
  const originalTokens = originalTokensOf(fields, raw);
  const factor = optionalPositive(fields, "factor") ?? positive(raw, "max_position_embeddings") / originalTokens;
  const mscale = optionalPositive(fields, "mscale");
  const mscaleAll = optionalPositive(fields, "mscale_all_dim");
  const warmth = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  return {
    kind: "yarn",
    factor,
    originalTokens,
    fastRotations: optionalPositive(fields, "beta_fast") ?? 32,
    slowRotations: optionalPositive(fields, "beta_slow") ?? 1,
    truncate: fields["truncate"] !== false,
    attentionFactor:
      optionalPositive(fields, "attention_factor") ??
      (mscale && mscaleAll ? warmth(mscale) / warmth(mscaleAll) : warmth(1)),
  };
}

/** The context of the first training. A place outside the RoPE parameters wins, as in transformers. */
const originalTokensOf = (fields: RawConfig, raw: RawConfig): number =>
  optionalPositive(raw, "original_max_position_embeddings") ??
  optionalPositive(fields, "original_max_position_embeddings") ??
  positive(raw, "max_position_embeddings");

/** Angle of each of the headDim / 2 pairs per position, radians. */
export function inverseFrequencies(headDim: number, { ropeTheta, ropeScaling: scaling }: Rope): number[] {
  const frequencies = Array.from({ length: headDim / 2 }, (_, i) => ropeTheta ** ((-2 * i) / headDim));
  switch (scaling?.kind) {
    case undefined:
      return frequencies;
    case "linear":
      return frequencies.map((frequency) => frequency / scaling.factor);
    case "llama3":
      return frequencies.map((frequency) => {
        const rotations = (scaling.originalTokens * frequency) / (2 * Math.PI);
        const { lowFrequencyFactor: low, highFrequencyFactor: high } = scaling;
        const kept = Math.min(1, Math.max(0, (rotations - low) / (high - low)));
        return frequency * (kept + (1 - kept) / scaling.factor);
      });
    case "yarn": {
      const [low, high] = yarnRamp(headDim, ropeTheta, scaling);
      return frequencies.map((frequency, i) => {
        const stretched = Math.min(1, Math.max(0, (i - low) / (high - low)));
        return frequency * (1 - stretched + stretched / scaling.factor);
      });
    }
  }
}

/** First and last pair of YaRN's ramp. */
function yarnRamp(headDim: number, theta: number, scaling: RopeScaling & { kind: "yarn" }): [number, number] {
  const pairWith = (rotations: number) =>
    (headDim * Math.log(scaling.originalTokens / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  let low = pairWith(scaling.fastRotations);
  let high = pairWith(scaling.slowRotations);
  if (scaling.truncate) [low, high] = [Math.floor(low), Math.ceil(high)];
  low = Math.max(low, 0);
  high = Math.min(high, headDim - 1);
  // A ramp without length would divide by zero.
  return [low, low === high ? high + 0.001 : high];
}

function unsupported(message: string): never {
  throw new EngineError("model-unsupported", `config.json: ${message}.`);
}
