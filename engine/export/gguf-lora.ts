import { linearLayers, type DecoderConfig } from "../architectures/decoder-config.ts";
import type { LoraAdapter } from "../lora/adapter.ts";
import { writeGguf, type GgufTensor, type GgufValue } from "./gguf-file.ts";
import { ggufArchitecture, ggufName, inGgufOrder } from "./gguf-names.ts";

/**
 * Write an adapter for llama.cpp, in F32. The file has one alpha, and llama.cpp's factor of a layer is
 * alpha / r of that layer's matrices; what a layer's own scale differs from that goes into its B. The
 * rows of B take the order of the base's rows. Throws export-unsupported.
 */
export function writeGgufLora(file: string, name: string, config: DecoderConfig, adapter: LoraAdapter): void {
  const architecture = ggufArchitecture(config);
  // An alpha of 0 means "no alpha" to llama.cpp, and then a factor of 1.
  const alpha = Math.fround(adapter.alpha) || 1;
  const tensors = linearLayers(config).flatMap(({ name: layerName, nIn, nOut }): GgufTensor[] => {
    const layer = adapter.layers.get(layerName);
    if (!layer) return [];
    const weight = `${layerName}.weight`;
    const own = layer.scale / (alpha / layer.rank);
    const scaled = () => (own === 1 ? layer.b : layer.b.map((value) => value * own));
    return [
      { name: `${ggufName(weight)}.lora_a`, shape: [layer.rank, nIn], type: "F32", values: () => layer.a },
      {
        name: `${ggufName(weight)}.lora_b`,
        shape: [nOut, layer.rank],
        type: "F32",
        values: () => inGgufOrder(config, architecture, weight, scaled()),
      },
    ];
  });
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", { kind: "string", value: architecture }],
    ["general.type", { kind: "string", value: "adapter" }],
    ["general.name", { kind: "string", value: name }],
    ["general.file_type", { kind: "uint32", value: 0 }],
    ["adapter.type", { kind: "string", value: "lora" }],
    ["adapter.lora.alpha", { kind: "float32", value: alpha }],
  ]);
  writeGguf(file, metadata, tensors);
}
