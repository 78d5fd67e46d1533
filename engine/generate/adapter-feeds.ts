import type { Tensor } from "onnxruntime-node";
import { linearLayers, type DecoderConfig } from "../architectures/decoder-config.ts";
import { adapterInputs } from "../architectures/inference-graph.ts";
import { floats } from "../graph/session.ts";
import type { LoraAdapter } from "../lora/adapter.ts";

/** The adapter as graph inputs, its scales folded into B; zeros of rank 1 stand for a layer without matrices. */
export function adapterFeeds(config: DecoderConfig, adapter: LoraAdapter | null): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { name, nIn, nOut } of linearLayers(config)) {
    const inputs = adapterInputs(name);
    const { rank, scale, a, b } = adapter?.layers.get(name) ?? {
      rank: 1,
      scale: 0,
      a: new Float32Array(nIn),
      b: new Float32Array(nOut),
    };
    feeds[inputs.a] = floats(a, [rank, nIn]);
    feeds[inputs.b] = floats(scale === 1 ? b : b.map((value) => value * scale), [nOut, rank]);
  }
  return feeds;
}
