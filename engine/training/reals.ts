import { Tensor } from "../runtime.ts";
import type { Graph } from "../graph/graph.ts";

/** Real numbers in a graph's precision: float32 to run, float64 to check gradients. */
export type Reals = Float32Array | Float64Array;

export function newReals(real: Graph["real"], size: number): Reals {
  return real === "float32" ? new Float32Array(size) : new Float64Array(size);
}

/** The same numbers in the given precision; not copied when they are in it already. */
export function asReals(real: Graph["real"], data: ArrayLike<number>): Reals {
  if (real === "float32") return data instanceof Float32Array ? data : Float32Array.from(data);
  return data instanceof Float64Array ? data : Float64Array.from(data);
}

/** A tensor over the array itself: what the runtime writes is seen in it. */
export function tensorOver(data: Reals, shape: readonly number[]): Tensor {
  return data instanceof Float32Array ? new Tensor("float32", data, shape) : new Tensor("float64", data, shape);
}
