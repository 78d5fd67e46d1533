import { linearLayers, type DecoderConfig } from "../architectures/decoder-config.ts";
import type { LoraAdapter, LoraLayer } from "../lora/adapter.ts";

/** A tensor of a checkpoint as float32, by its Hugging Face name. */
export type WeightSource = (name: string) => Float32Array;

/** The weights of the model that base and adapter make together: W + scale B A where the adapter has a layer. */
export function mergedWeights(config: DecoderConfig, base: WeightSource, adapter: LoraAdapter): WeightSource {
  const widths = new Map(linearLayers(config).map(({ name, nIn }) => [name, nIn]));
  return (name) => {
    const module = name.replace(/\.weight$/, "");
    const layer = name.endsWith(".weight") ? adapter.layers.get(module) : undefined;
    return layer ? merged(base(name), layer, widths.get(module)!) : base(name);
  };
}

/** W (out, in) + scale B (out, r) A (r, in), summed in float64 row by row. */
function merged(weight: Float32Array, { a, b, rank, scale }: LoraLayer, nIn: number): Float32Array {
  const result = new Float32Array(weight.length);
  const row = new Float64Array(nIn);
  for (let out = 0; out * nIn < weight.length; out++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[out * rank + r]!;
      for (let i = 0; i < nIn; i++) row[i]! += factor * a[r * nIn + i]!;
    }
    for (let i = 0; i < nIn; i++) result[out * nIn + i] = weight[out * nIn + i]! + row[i]!;
  }
  return result;
}
