import type { Tensor } from "onnxruntime-node";
import { linearLayers, type DecoderConfig } from "../architectures/decoder-config.ts";
import { adapterInputs } from "../architectures/inference-graph.ts";
import { floats } from "../graph/session.ts";
import type { LoraAdapter } from "../lora/adapter.ts";

/** The adapter as graph inputs, its scale folded into B; zeros of rank 1 stand for no adapter. */
export function adapterFeeds(config: DecoderConfig, adapter: LoraAdapter | null): Record<string, Tensor> {
  const rank = adapter?.rank ?? 1;
  const scale = adapter ? adapter.alpha / adapter.rank : 0;
  const feeds: Record<string, Tensor> = {};
  for (const { name, nIn, nOut } of linearLayers(config)) {
    const matrices = adapter?.layers.get(name);
    const inputs = adapterInputs(name);
    feeds[inputs.a] = floats(matrices?.a ?? new Float32Array(rank * nIn), [rank, nIn]);
    feeds[inputs.b] = floats(matrices ? matrices.b.map((value) => value * scale) : new Float32Array(nOut * rank), [
      nOut,
      rank,
    ]);
  }
  return feeds;
}
