import { add } from "../graph/operators.ts";
import { addReal, type Graph, type Value } from "../graph/graph.ts";
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
  const gradients = new Map<string, Value>([[loss.name, seed]]);

  for (const node of forward.toReversed()) {
    const output = node.outputs[0]!;
    const gradient = gradients.get(output.name);
    if (!gradient || !trained.has(output.name)) continue;
    const rule = RULES[node.op];
    if (!rule) throw new Error(`The operator ${node.op} has no gradient rule`);
    const needs = node.inputs.map((input) => input !== null && trained.has(input.name));
    const contributions = rule(g, node, gradient, needs);
    node.inputs.forEach((input, i) => {
      const contribution = contributions[i];
      if (!input || !needs[i] || !contribution) return;
      const earlier = gradients.get(input.name);
      gradients.set(input.name, earlier ? add(g, earlier, contribution) : contribution);
    });
  }
  return targets.map((target) => {
    const gradient = gradients.get(target.name);
    if (!gradient) throw new Error(`${target.name} does not reach the loss`);
    return gradient;
  });
}

function reachable(nodes: Graph["nodes"], targets: readonly Value[]): Set<string> {
  const names = new Set(targets.map((target) => target.name));
  for (const node of nodes) {
    if (node.inputs.some((input) => input && names.has(input.name)))
      for (const output of node.outputs) names.add(output.name);
  }
  return names;
}
