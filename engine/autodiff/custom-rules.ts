import type { Graph, Value } from "../graph/graph.ts";

/** The gradient of several nodes at once: from that of their output to those of `inputs`, null where not needed. */
export interface CustomRule {
  readonly inputs: readonly Value[];
  gradients(gradient: Value, needs: readonly boolean[]): (Value | null)[];
}

/** A matrix W + scale B A of which only the factors A (r, in) and B (out, r) are trained. */
export interface FactoredWeight {
  readonly a: Value;
  readonly b: Value;
  readonly scale: number;
}

interface Marks {
  readonly rules: Map<string, CustomRule>;
  readonly factored: Map<string, FactoredWeight>;
}

const marksOf = new WeakMap<Graph, Marks>();

/** What a graph's values are marked with; of a graph without marks nothing. */
export function marks(g: Graph): Marks {
  const known = marksOf.get(g);
  if (known) return known;
  const none: Marks = { rules: new Map(), factored: new Map() };
  marksOf.set(g, none);
  return none;
}

/**
 * Differentiate `output` by a rule of its own instead of node by node. The nodes between `inputs` and
 * `output` get no gradient from it; a closed form saves passes over memory.
 */
export function withRule(g: Graph, output: Value, rule: CustomRule): Value {
  marks(g).rules.set(output.name, rule);
  return output;
}

/**
 * Mark a matrix as W + scale B A. Where it is the transposed right side of a Gemm, the gradient goes to
 * the factors at once, without the (out, in) gradient of the product, which would cost as much as the
 * layer itself.
 */
export function asFactored(g: Graph, matrix: Value, factors: FactoredWeight): Value {
  marks(g).factored.set(matrix.name, factors);
  return matrix;
}
