import { addConstant, addNodes, type Graph, type Value } from "../graph/graph.ts";
import { add, gemm } from "../graph/operators.ts";
import { BLOCK, blocksOfRows, nBlocks, quantizeBlocks, type Int8Blocks } from "../quantize/int8-blocks.ts";
import { weightShapes, type DecoderConfig, type LinearLayer } from "./decoder-config.ts";
import { addWeight, gatherWeightRows, type StoredWeights, type Weights } from "./weights.ts";

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

export function inferenceWeights(
  g: Graph,
  config: DecoderConfig,
  weights: Weights,
  precision: Precision,
): InferenceWeights {
  return precision === "int8" ? int8Weights(g, config, weights) : float32Weights(g, config, weights);
}

const EMBEDDING = "model.embed_tokens.weight";
const headName = (config: DecoderConfig) => (config.tiedHead ? EMBEDDING : "lm_head.weight");

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

function int8Weights(g: Graph, config: DecoderConfig, weights: Weights): InferenceWeights {
  const vector = (name: string) => addWeight(g, weights, name, weightShapes(config).get(name)!);
  const multiply = (x: Value, blocks: readonly Int8Blocks[], bias: Value | null): Value => {
    const rows = blocks.reduce((sum, part) => sum + part.rows, 0);
    const { columns } = blocks[0]!;
    const values = addConstant(g, joined(Uint8Array, blocks, "values"), [rows, nBlocks(columns), BLOCK]);
    const scales = addConstant(g, joined(Float32Array, blocks, "scales"), [rows * nBlocks(columns)]);
    const output = { type: "float32", shape: [x.shape[0]!, rows] } as const;
    // Level 4: activations in 8 bits too, each block of a row with its own scale.
    const attributes = { K: columns, N: rows, bits: 8, block_size: BLOCK, accuracy_level: 4 };
    const inputs = [x, values, scales, ...(bias ? [null, null, bias] : [])];
    return addNodes(g, "MatMulNBits", "com.microsoft", inputs, [output], attributes)[0]!;
  };
  const { vocabSize, hiddenSize } = config;
  const embedding = quantized(weights, EMBEDDING, vocabSize, hiddenSize);
  return {
    vector,
    embed(ids) {
      const table = addConstant(g, unpadded(embedding), [vocabSize, hiddenSize]);
      const scales = addConstant(g, embedding.scales, [vocabSize, nBlocks(hiddenSize)]);
      const output = { type: "float32", shape: [ids.shape[0]!, hiddenSize] } as const;
      const attributes = { bits: 8, block_size: BLOCK, gather_axis: 0, quantize_axis: 1 };
      return addNodes(g, "GatherBlockQuantized", "com.microsoft", [table, ids, scales], [output], attributes)[0]!;
    },
    project(x, layers) {
      const blocks = layers.map(({ name, nIn, nOut }) => quantized(weights, `${name}.weight`, nOut, nIn));
      if (!layers.some(({ bias }) => bias)) return multiply(x, blocks, null);
      const bias = layers.flatMap(({ name, bias: has, nOut }) =>
        has ? [...weights.get(`${name}.bias`)!] : Array.from({ length: nOut }, () => 0),
      );
      return multiply(x, blocks, addConstant(g, Float32Array.from(bias), [bias.length]));
    },
    head(hidden) {
      const blocks = config.tiedHead ? embedding : quantized(weights, headName(config), vocabSize, hiddenSize);
      return multiply(hidden, [blocks], null);
    },
  };
}

/** The named matrix in blocks; one that is stored in int8 keeps its values. */
function quantized(weights: Weights, name: string, rows: number, columns: number): Int8Blocks {
  const stored = "int8" in weights ? (weights as StoredWeights).int8(name) : undefined;
  if (stored) return blocksOfRows(stored, rows, columns);
  const data = weights.get(name);
  if (!data) throw new Error(`The checkpoint has no tensor ${name}`);
  return quantizeBlocks(data, rows, columns);
}

function unpadded({ rows, columns, values }: Int8Blocks): Uint8Array {
  const padded = nBlocks(columns) * BLOCK;
  if (padded === columns) return values;
  const table = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) table.set(values.subarray(row * padded, row * padded + columns), row * columns);
  return table;
}

function joined<T extends Uint8Array | Float32Array>(
  make: new (length: number) => T,
  blocks: readonly Int8Blocks[],
  part: "values" | "scales",
): T {
  if (blocks.length === 1) return blocks[0]![part] as T;
  const whole = new make(blocks.reduce((sum, block) => sum + block[part].length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block[part], at);
    at += block[part].length;
  }
  return whole;
}
