import { addConstant, addReal, type ExternalData, type Graph, type Value } from "../graph/graph.ts";
import { castToReal, gatherRows } from "../graph/operators.ts";

/** Tensors by their Hugging Face name, row-major. A checkpoint reads and converts one anew each time it is asked. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** Weights of a checkpoint on disk. */
export interface StoredWeights extends Weights {
  /** Where a graph can read the tensor itself; undefined where its type is not one that graphs compute with. */
  external(name: string): ExternalData | undefined;
  /** An int8 matrix as it is stored, with one scale a row; undefined for a tensor of another type. */
  int8(name: string): { readonly values: Int8Array; readonly scales: Float32Array } | undefined;
}

/**
 * A weight as a constant of the graph, in the graph's own precision: taken from the checkpoint's file
 * without a copy where that is possible, and cast where it is stored in fewer bits. Throws when there is
 * no such tensor.
 */
export function addWeight(g: Graph, weights: Weights, name: string, shape: readonly number[]): Value {
  const external = g.real === "float32" && "external" in weights && (weights as StoredWeights).external(name);
  if (external) return castToReal(g, addConstant(g, external, shape, name));
  const data = weights.get(name);
  if (!data) throw new Error(`The checkpoint has no tensor ${name}`);
  return g.real === "float32" ? addConstant(g, data, shape, name) : addReal(g, data, shape, name);
}

/** Rows of a weight, cast after they are picked: the rest of an embedding stays in its file. */
export function gatherWeightRows(g: Graph, table: Value, indices: Value): Value {
  const cast = g.nodes.find(({ op, outputs }) => op === "Cast" && outputs[0] === table);
  const stored = cast?.inputs[0];
  return stored ? castToReal(g, gatherRows(g, stored, indices)) : gatherRows(g, table, indices);
}
