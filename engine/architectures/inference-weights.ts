import { addConstant, addNodes, type Graph, type Value } from "../graph/graph.ts";
import { add, gatherRows, gemm } from "../graph/operators.ts";
import { BLOCK, nBlocks, type Int8Blocks } from "../quantize/int8-blocks.ts";
import type { Int8Store, StoredBlocks } from "../quantize/int8-store.ts";
import { createSlabArrays, quantizedSlabs, type SlabArrays } from "../quantize/quantized-slabs.ts";
import { headName } from "./decoder.ts";
import { weightShapes, type DecoderConfig, type LinearLayer } from "./decoder-config.ts";
import { addWeight, gatherWeightRows, type Weights } from "./weights.ts";

/** How the inference graph multiplies: in float32, or with weights in 8 bits and float32 activations. */
export type Precision = "float32" | "int8";

/** The parts of a decoder's inference graph that its matrices stand in. N is the number of tokens. */
export interface InferenceWeights {
  /** A norm's weight or another vector. */
  vector(name: string): Value;
  /** Token ids (N) -> rows of the embedding (N, D). */
  embed(ids: Value): Value;
  /** x W^T + bias of layers that share their input, side by side: (N, in) -> (N, sum of out). */
  project(x: Value, layers: readonly LinearLayer[]): Value;
  /** Hidden states (M, D) -> logits (M, V). */
  head(hidden: Value): Value;
}

/** @param store where int8 weights stand until the graph is compiled */
export function inferenceWeights(
  g: Graph,
  config: DecoderConfig,
  weights: Weights,
  precision: Precision,
  store: Int8Store,
): InferenceWeights {
  return precision === "int8" ? int8Weights(g, config, weights, store) : float32Weights(g, config, weights);
}

const EMBEDDING = "model.embed_tokens.weight";

function float32Weights(g: Graph, config: DecoderConfig, weights: Weights): InferenceWeights {
  const shapes = weightShapes(config);
  const named = new Map<string, Value>();
  const weight = (name: string): Value => {
    const value = named.get(name) ?? addWeight(g, weights, name, shapes.get(name)!);
    named.set(name, value);
    return value;
  };
  const linear = (x: Value, { name, bias }: LinearLayer): Value => {
    const y = gemm(g, x, weight(`${name}.weight`), { transposeB: true });
    return bias ? add(g, y, weight(`${name}.bias`)) : y;
  };
  return {
    vector: weight,
    embed: (ids) => gatherWeightRows(g, weight(EMBEDDING), ids),
    project(x, layers) {
      if (layers.length !== 1) throw new Error("Float32 weights stay where they are, each by itself.");
      return linear(x, layers[0]!);
    },
    head: (hidden) => gemm(g, hidden, weight(headName(config)), { transposeB: true }),
  };
}

function int8Weights(g: Graph, config: DecoderConfig, weights: Weights, store: Int8Store): InferenceWeights {
  const { vocabSize, hiddenSize } = config;
  const arrays = createSlabArrays();
  const keepTable = (name: string) => store.keep(quantizedSlabs(weights, name, vocabSize, hiddenSize, arrays));
  const dataOf = (name: string): Float32Array => {
    const data = weights.get(name);
    if (!data) throw new Error(`The checkpoint has no tensor ${name}`);
    return data;
  };
  const multiply = (x: Value, columns: number, blocks: StoredBlocks, bias: Value | null): Value => {
    const values = addConstant(g, blocks.values, [blocks.rows, nBlocks(columns), BLOCK]);
    const scales = addConstant(g, blocks.scales, [blocks.rows * nBlocks(columns)]);
    const output = { type: "float32", shape: [x.shape[0]!, blocks.rows] } as const;
    // Level 4: activations in 8 bits too, each block of a row with its own scale.
    const attributes = { K: columns, N: blocks.rows, bits: 8, block_size: BLOCK, accuracy_level: 4 };
    const inputs = [x, values, scales, ...(bias ? [null, null, bias] : [])];
    return addNodes(g, "MatMulNBits", "com.microsoft", inputs, [output], attributes)[0]!;
  };
  /** Rows that end within a block are padded for the product, which picking rows does not know of. */
  const isPadded = hiddenSize % BLOCK !== 0;
  const table = isPadded && !config.tiedHead ? null : keepTable(EMBEDDING);
  return {
    vector(name) {
      const data = dataOf(name);
      return addConstant(g, data, [data.length], name);
    },
    embed(ids) {
      if (isPadded) return gatherRows(g, addConstant(g, dataOf(EMBEDDING), [vocabSize, hiddenSize]), ids);
      const values = addConstant(g, table!.values, [vocabSize, hiddenSize]);
      const scales = addConstant(g, table!.scales, [vocabSize, nBlocks(hiddenSize)]);
      const output = { type: "float32", shape: [ids.shape[0]!, hiddenSize] } as const;
      const attributes = { bits: 8, block_size: BLOCK, gather_axis: 0, quantize_axis: 1 };
      return addNodes(g, "GatherBlockQuantized", "com.microsoft", [values, ids, scales], [output], attributes)[0]!;
    },
    project(x, layers) {
      const columns = layers[0]!.nIn;
      const blocks = store.keep(slabsOfLayers(weights, layers, arrays));
      if (!layers.some(({ bias }) => bias)) return multiply(x, columns, blocks, null);
      const bias = new Float32Array(blocks.rows);
      let at = 0;
      for (const layer of layers) {
        if (layer.bias) bias.set(dataOf(`${layer.name}.bias`), at);
        at += layer.nOut;
      }
      return multiply(x, columns, blocks, addConstant(g, bias, [blocks.rows]));
    },
    head(hidden) {
      const blocks = config.tiedHead ? table! : keepTable(headName(config));
      return multiply(hidden, hiddenSize, blocks, null);
    },
  };
}

function* slabsOfLayers(weights: Weights, layers: readonly LinearLayer[], arrays: SlabArrays): Generator<Int8Blocks> {
  for (const { name, nIn, nOut } of layers) yield* quantizedSlabs(weights, `${name}.weight`, nOut, nIn, arrays);
}
