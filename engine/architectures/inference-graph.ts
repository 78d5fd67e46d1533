import { addConstant, addInput, addNodes, addOutput, createGraph, type Graph, type Value } from "../graph/graph.ts";
import { gatherRows, gemm, reshape } from "../graph/operators.ts";
import type { DecoderConfig, LinearLayer } from "./decoder-config.ts";
import { addInPlaceOutput } from "../graph/session.ts";
import { memoryStore, type Int8Store } from "../quantize/int8-store.ts";
import { fusedHidden } from "./fused-decoder.ts";
import { inferenceWeights, type Precision } from "./inference-weights.ts";
import { rotaryTables } from "./rotary.ts";
import type { Weights } from "./weights.ts";

export type { Weights };

/** Names of the graph's adapter inputs for one linear layer. */
export const adapterInputs = (layer: string) => ({ a: `${layer}.lora_A.weight`, b: `${layer}.lora_B.weight` });

/** Names of one layer's key-value cache: input, and the output that shares its buffer. */
export const cacheNames = (layer: number) => ({
  pastKey: `past_key.${layer}`,
  pastValue: `past_value.${layer}`,
  presentKey: `present_key.${layer}`,
  presentValue: `present_value.${layer}`,
});

export interface InferenceOptions {
  readonly precision: Precision;
  /** Take an adapter's matrices as inputs, or compute the base model alone, without what they cost. */
  readonly adapters: "inputs" | "none";
}

/**
 * The graph that suggests: one row of T new tokens after a cached prefix.
 *
 * Inputs: `ids` (T) int64, `rows` (M) int64, which of the T positions get logits, `last_position` (1)
 * int32 and `total_tokens` scalar int32 for the cache, per layer a cache of (1, K, contextTokens, hd),
 * and with adapters per linear layer A (r, in) and B (out, r) with any rank r. Outputs: `logits` (M, V)
 * and the caches. The caller passes the cache tensors as outputs too, so nothing is copied.
 *
 * @param store where int8 weights stand until the graph is compiled
 */
export function buildInferenceGraph(
  config: DecoderConfig,
  weights: Weights,
  options: InferenceOptions = { precision: "float32", adapters: "inputs" },
  store: Int8Store = memoryStore(),
): Graph {
  const g = createGraph("infer");
  const ids = addInput(g, "ids", "int64", ["T"]);
  const rows = addInput(g, "rows", "int64", ["M"]);
  const lastPosition = addInput(g, "last_position", "int32", [1]);
  const parts = inferenceWeights(g, config, weights, options.precision, store);
  const hasAdapters = options.adapters === "inputs";
  const hidden = fusedHidden(g, config, ids, {
    ...parts,
    groups: options.precision === "int8" && !hasAdapters,
    project: hasAdapters ? (x, layers) => adapted(g, x, layers[0]!, parts.project(x, layers)) : parts.project,
    attention: cachedAttention(g, config, lastPosition),
    choose: (tokens) => gatherRows(g, tokens, rows),
  });
  addOutput(g, "logits", parts.head(hidden));
  addInPlaceOutput(g, lastPosition);
  return g;
}

/** base + (x A^T) B^T, with a scale already in B. */
function adapted(g: Graph, x: Value, { name, nIn, nOut }: LinearLayer, base: Value): Value {
  const inputs = adapterInputs(name);
  // Each layer may have its own rank: equal names would promise ONNX Runtime equal sizes.
  const rank = `${name}.rank`;
  const a = addInput(g, inputs.a, "float32", [rank, nIn]);
  const b = addInput(g, inputs.b, "float32", [nOut, rank]);
  return gemm(g, gemm(g, x, a, { transposeB: true }), b, { transposeB: true, plus: base });
}

/** Rotary attention of the new tokens over the cache and themselves: (N, all heads side by side) -> (N, H hd). */
function cachedAttention(
  g: Graph,
  config: DecoderConfig,
  lastPosition: Value,
): (layer: number, projected: readonly Value[]) => Value {
  const { contextTokens, headDim, nHeads, nKvHeads } = config;
  const totalTokens = addInput(g, "total_tokens", "int32", []);
  const { cos, sin } = rotaryTables(config, contextTokens);
  const tables = [cos, sin].map((table) => addConstant(g, table, [contextTokens, headDim / 2]));
  const cacheShape = [1, nKvHeads, contextTokens, headDim];
  return (layer, projected) => {
    const names = cacheNames(layer);
    const [query, key, value] = projected.map((x) => reshape(g, x, [1, "T", x.shape[1]!]));
    const past = [names.pastKey, names.pastValue].map((name) => addInput(g, name, "float32", cacheShape));
    const [mixed, ...present] = addNodes(
      g,
      "GroupQueryAttention",
      "com.microsoft",
      [query!, key ?? null, value ?? null, ...past, lastPosition, totalTokens, ...tables],
      [
        { type: "float32", shape: [1, "T", nHeads * headDim] },
        { type: "float32", shape: cacheShape, name: names.presentKey },
        { type: "float32", shape: cacheShape, name: names.presentValue },
      ],
      { num_heads: nHeads, kv_num_heads: nKvHeads, do_rotary: 1, rotary_interleaved: 0 },
    );
    g.outputs.push(...present);
    return reshape(g, mixed!, ["T", nHeads * headDim]);
  };
}
