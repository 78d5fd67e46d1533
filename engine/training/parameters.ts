import { linearLayers, weightShapes, type DecoderConfig } from "../architectures/decoder-config.ts";
import type { Weights } from "../architectures/weights.ts";
import { sizeOf } from "../graph/graph.ts";

/** What a run trains: an adapter, the last blocks with the final norm and the head, or every weight. */
export type Trained =
  | { readonly kind: "lora"; readonly rank: number; readonly alpha: number }
  | { readonly kind: "top-layers"; readonly nLayers: number }
  | { readonly kind: "full" };

/** Where a parameter stands in the flat vector `theta` of a run. */
export interface ParameterSlot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

/** The parameters of a run in their order in `theta`: names are those of the saved file. */
export function parameterSlots(config: DecoderConfig, trained: Trained): readonly ParameterSlot[] {
  let offset = 0;
  return shapesOf(trainedConfig(config, trained), trained).map(([name, shape]) => {
    const slot = { name, shape, offset };
    offset += sizeOf(shape);
    return slot;
  });
}

/** Length of `theta`. */
export function parameterCount(slots: readonly ParameterSlot[]): number {
  return slots.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/**
 * The decoder that a run ends with. To train the head but not the embedding, a tied head is untied: it
 * starts as a copy of the embedding.
 */
export function trainedConfig(config: DecoderConfig, trained: Trained): DecoderConfig {
  return trained.kind === "top-layers" ? { ...config, tiedHead: false } : config;
}

/** Number of the first block that has a trained parameter. */
export function firstTrainedLayer(config: DecoderConfig, trained: Trained): number {
  return trained.kind === "top-layers" ? Math.max(0, config.nLayers - trained.nLayers) : 0;
}

/**
 * The parameters before the first step. A is uniform as in PEFT (Kaiming with a = sqrt 5, bound
 * 1 / sqrt(in)) and B is 0, so that an adapter starts at the base model; weights start as they are.
 */
export function initialParameters(
  slots: readonly ParameterSlot[],
  weights: Weights,
  random: () => number,
): Float32Array<ArrayBuffer> {
  const theta = new Float32Array(parameterCount(slots));
  for (const { name, shape, offset } of slots) {
    const size = sizeOf(shape);
    if (name.endsWith("lora_B.weight")) continue;
    if (name.endsWith("lora_A.weight")) {
      const bound = 1 / Math.sqrt(shape[1]!);
      for (let i = 0; i < size; i++) theta[offset + i] = (2 * random() - 1) * bound;
    } else theta.set(baseWeight(weights, name), offset);
  }
  return theta;
}

/** A tensor of the base model; the head of a model that has none of its own is the embedding. */
export function baseWeight(weights: Weights, name: string): Float32Array {
  const data = weights.get(name) ?? (name === "lm_head.weight" ? weights.get("model.embed_tokens.weight") : undefined);
  if (!data) throw new Error(`The checkpoint has no tensor ${name}`);
  return data;
}

function shapesOf(config: DecoderConfig, trained: Trained): readonly (readonly [string, readonly number[]])[] {
  switch (trained.kind) {
    case "full":
      return [...weightShapes(config)];
    case "top-layers": {
      const first = firstTrainedLayer(config, trained);
      return [...weightShapes(config)].filter(([name]) => {
        const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
        return layer === undefined ? name !== "model.embed_tokens.weight" : Number(layer) >= first;
      });
    }
    case "lora":
      return linearLayers(config).flatMap(({ name, nIn, nOut }) => [
        [`${name}.lora_A.weight`, [trained.rank, nIn]] as const,
        [`${name}.lora_B.weight`, [nOut, trained.rank]] as const,
      ]);
  }
}
