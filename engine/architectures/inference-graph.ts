import {
  addConstant,
  addInput,
  addNodes,
  addOutput,
  createGraph,
  type ConstantData,
  type Graph,
  type Value,
} from "../graph/graph.ts";
import { gatherRows, reshape } from "../graph/operators.ts";
import { decoderHidden, decoderLogits, type DecoderParts } from "./decoder.ts";
import { linearLayers, weightShapes, type DecoderConfig } from "./decoder-config.ts";
import { rotaryTables } from "./rotary.ts";

export type Weights = ReadonlyMap<string, Float32Array>;

/** Names of the graph's adapter inputs for one linear layer. */
export const adapterInputs = (layer: string) => ({ a: `${layer}.lora_A.weight`, b: `${layer}.lora_B.weight` });

/** Names of one layer's key-value cache: input, and the output that shares its buffer. */
export const cacheNames = (layer: number) => ({
  pastKey: `past_key.${layer}`,
  pastValue: `past_value.${layer}`,
  presentKey: `present_key.${layer}`,
  presentValue: `present_value.${layer}`,
});

/**
 * The graph that suggests: one row of T new tokens after a cached prefix.
 *
 * Inputs: `ids` (T) int64, `rows` (M) int64, which of the T positions get logits, `last_position` (1)
 * int32 and `total_tokens` scalar int32 for the cache, per layer a cache of (1, K, contextTokens, hd),
 * and per linear layer A (r, in) and B (out, r) with any rank r. Outputs: `logits` (M, V) and the
 * caches. The caller passes the cache tensors as outputs too, so nothing is copied.
 */
export function buildInferenceGraph(config: DecoderConfig, weights: Weights): Graph {
  const g = createGraph("infer");
  const ids = addInput(g, "ids", "int64", ["T"]);
  const rows = addInput(g, "rows", "int64", ["M"]);
  const lastPosition = addInput(g, "last_position", "int32", [1]);
  const totalTokens = addInput(g, "total_tokens", "int32", []);

  const constants = new Map<string, Value>();
  for (const [name, shape] of weightShapes(config))
    constants.set(name, addConstant(g, weightData(weights, name), shape, name));
  const adapters = new Map(
    linearLayers(config).map(({ name, nIn, nOut }) => {
      const inputs = adapterInputs(name);
      return [
        name,
        { a: addInput(g, inputs.a, "float32", ["r", nIn]), b: addInput(g, inputs.b, "float32", [nOut, "r"]) },
      ];
    }),
  );

  const { cos, sin } = rotaryTables(config, config.contextTokens);
  const half = config.headDim / 2;
  const cosTable = addConstant(g, cos, [config.contextTokens, half], "rotary_cos");
  const sinTable = addConstant(g, sin, [config.contextTokens, half], "rotary_sin");
  const cacheShape = [1, config.nKvHeads, config.contextTokens, config.headDim];

  const parts: DecoderParts = {
    weight: (name) => constants.get(name)!,
    adapter: (name) => adapters.get(name)!,
    attention(layer, query, key, value) {
      const names = cacheNames(layer);
      const row = (x: Value) => reshape(g, x, [1, "T", x.shape[1]!]);
      const [mixed, presentKey, presentValue] = addNodes(
        g,
        "GroupQueryAttention",
        "com.microsoft",
        [
          row(query),
          row(key),
          row(value),
          addInput(g, names.pastKey, "float32", cacheShape),
          addInput(g, names.pastValue, "float32", cacheShape),
          lastPosition,
          totalTokens,
          cosTable,
          sinTable,
        ],
        [
          { type: "float32", shape: [1, "T", config.nHeads * config.headDim] },
          { type: "float32", shape: cacheShape, name: names.presentKey },
          { type: "float32", shape: cacheShape, name: names.presentValue },
        ],
        { num_heads: config.nHeads, kv_num_heads: config.nKvHeads, do_rotary: 1, rotary_interleaved: 0 },
      );
      g.outputs.push(presentKey!, presentValue!);
      return reshape(g, mixed!, ["T", config.nHeads * config.headDim]);
    },
  };

  const hidden = decoderHidden(g, config, ids, parts);
  addOutput(g, "logits", decoderLogits(g, config, gatherRows(g, hidden, rows), parts));
  return g;
}

function weightData(weights: Weights, name: string): ConstantData {
  const data = weights.get(name);
  if (!data) throw new Error(`The checkpoint has no tensor ${name}`);
  return data;
}
