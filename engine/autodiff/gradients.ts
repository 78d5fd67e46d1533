import { addReal, staticShape, type Graph, type GraphNode, type Value } from "../graph/graph.ts";
import { add, concat, gemm, slice } from "../graph/operators.ts";
import { marks, type FactoredWeight } from "./custom-rules.ts";
import { RULES } from "./rules.ts";

/**
 * Reverse-mode differentiation: extend the graph by the gradients of `loss` with respect to `targets`,
 * in their order. Only nodes between a target and the loss are differentiated. `seed` is the gradient
 * of what follows with respect to `loss`, of its shape; a scalar loss needs none. Throws when an
 * operator on that path has no rule, or when a target does not reach the loss.
 */
export function addGradients(
  g: Graph,
  loss: Value,
  targets: readonly Value[],
  seed: Value = addReal(g, [1], []),
): Value[] {
  const forward = [...g.nodes];
  const trained = reachable(forward, targets);
  const isTrained = (value: Value | null) => value !== null && trained.has(value.name);
  const gradients = new Map<string, Value>([[loss.name, seed]]);
  const contribute = (to: Value, contribution: Value | null | undefined) => {
    if (!contribution || !isTrained(to)) return;
    const earlier = gradients.get(to.name);
    gradients.set(to.name, earlier ? sumOf(g, earlier, contribution) : contribution);
  };

  const factored: FactoredProduct[] = [];
  for (const node of forward.toReversed()) {
    const output = node.outputs[0]!;
    const gradient = gradients.get(output.name);
    if (!gradient || !isTrained(output)) continue;
    const custom = marks(g).rules.get(output.name);
    if (custom) {
      const contributions = custom.gradients(gradient, custom.inputs.map(isTrained));
      custom.inputs.forEach((input, i) => contribute(input, contributions[i]));
      continue;
    }
    const rule = RULES[node.op];
    if (!rule) throw new Error(`The operator ${node.op} has no gradient rule`);
    const factors = factorsOf(g, node);
    const contributions = rule(
      g,
      node,
      gradient,
      node.inputs.map((input, i) => isTrained(input) && !(factors && i === 1)),
    );
    node.inputs.forEach((input, i) => {
      if (input && !(factors && i === 1)) contribute(input, contributions[i]);
    });
    if (factors) factored.push({ x: node.inputs[0]!, gradient, factors });
  }
  for (const layers of Map.groupBy(factored, ({ x }) => x.name).values()) addFactorGradients(g, layers, contribute);
  return targets.map((target) => {
    const gradient = gradients.get(target.name);
    if (!gradient) throw new Error(`${target.name} does not reach the loss`);
    return gradient;
  });
}

/** The sum of two gradients: a product takes the other in, which saves a pass over memory. */
function sumOf(g: Graph, earlier: Value, contribution: Value): Value {
  const at = g.nodes.findLastIndex(({ outputs }) => outputs[0] === contribution);
  const node = g.nodes[at];
  if (node?.op !== "Gemm" || node.inputs.length > 2) return add(g, earlier, contribution);
  g.nodes[at] = { ...node, inputs: [...node.inputs, earlier] };
  return contribution;
}

function factorsOf(g: Graph, { op, inputs, attributes }: GraphNode): FactoredWeight | undefined {
  if (op !== "Gemm" || attributes["transA"] === 1 || attributes["transB"] !== 1) return undefined;
  return marks(g).factored.get(inputs[1]!.name);
}

/** A product with a factored weight, and the gradient of its output. */
interface FactoredProduct {
  readonly x: Value;
  readonly gradient: Value;
  readonly factors: FactoredWeight;
}

/**
 * y = x (W + s B A)^T: dA = (s dy B)^T x, dB = s dy^T (x A^T). Products are as thin as the rank, and cost
 * the passes over x: layers with the same x share them.
 */
function addFactorGradients(
  g: Graph,
  layers: readonly FactoredProduct[],
  contribute: (to: Value, contribution: Value) => void,
): void {
  const { x } = layers[0]!;
  const joined = (parts: readonly Value[], axis: number) => (parts.length === 1 ? parts[0]! : concat(g, parts, axis));
  const low = gemm(
    g,
    x,
    joined(
      layers.map(({ factors }) => factors.a),
      0,
    ),
    { transposeB: true },
  );
  const towards = layers.map(({ gradient, factors }) => gemm(g, gradient, factors.b, { alpha: factors.scale }));
  const towardsA = gemm(g, joined(towards, 1), x, { transposeA: true });
  let at = 0;
  for (const { gradient, factors } of layers) {
    const end = at + staticShape(factors.a)[0]!;
    const part = (whole: Value, axis: number) => (layers.length === 1 ? whole : slice(g, whole, axis, at, end));
    contribute(factors.a, part(towardsA, 0));
    contribute(factors.b, gemm(g, gradient, part(low, 1), { transposeA: true, alpha: factors.scale }));
    at = end;
  }
}

function reachable(nodes: Graph["nodes"], targets: readonly Value[]): Set<string> {
  const names = new Set(targets.map((target) => target.name));
  for (const node of nodes) {
    if (node.inputs.some((input) => input && names.has(input.name)))
      for (const output of node.outputs) names.add(output.name);
  }
  return names;
}
