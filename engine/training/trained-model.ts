import { linearLayers, type DecoderConfig } from "../architectures/decoder-config.ts";
import { sizeOf } from "../graph/graph.ts";
import { uniformAdapter, type LoraAdapter } from "../lora/adapter.ts";
import type { ParameterSlot, Trained } from "./parameters.ts";

/** The adapter that a run trained, its matrices copied. */
export function trainedAdapter(
  config: DecoderConfig,
  trained: Extract<Trained, { kind: "lora" }>,
  slots: readonly ParameterSlot[],
  theta: Float32Array,
): LoraAdapter {
  const matrices = new Map(slots.map(({ name, shape, offset }) => [name, theta.slice(offset, offset + sizeOf(shape))]));
  return uniformAdapter(
    trained.rank,
    trained.alpha,
    linearLayers(config).map(({ name }) => [
      name,
      { a: matrices.get(`${name}.lora_A.weight`)!, b: matrices.get(`${name}.lora_B.weight`)! },
    ]),
  );
}
