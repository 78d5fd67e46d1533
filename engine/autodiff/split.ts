import type { Graph, GraphNode, Value } from "../graph/graph.ts";

/** A differentiated graph in two: what runs forward, and what runs backward later from the values kept. */
export interface SplitGraph {
  readonly forward: Graph;
  readonly backward: Graph;
  /** Values of the forward pass that the backward graph takes as inputs, and the forward graph puts out. */
  readonly kept: readonly Value[];
}

/** Operators whose result is their input seen otherwise: running them again is cheaper than keeping the result. */
const VIEWS: readonly string[] = ["Reshape", "Identity"];

/**
 * Split `g`, whose first `nForward` nodes are the forward pass, so that no value crosses but those of
 * `kept`. With `keep` "nothing" the backward graph computes the forward pass again from the inputs
 * (activation checkpointing, Chen et al. 2016).
 */
export function splitGraph(
  g: Graph,
  nForward: number,
  outputs: { readonly forward: readonly Value[]; readonly backward: readonly Value[] },
  keep: "everything" | "nothing",
): SplitGraph {
  const forwardNodes = g.nodes.slice(0, nForward);
  const inForward = new Set(forwardNodes.flatMap((node) => node.outputs.map(({ name }) => name)));
  const again = keep === "nothing" ? forwardNodes : forwardNodes.filter((node) => VIEWS.includes(node.op));
  const backwardNodes = neededNodes([...again, ...g.nodes.slice(nForward)], outputs.backward);

  const computed = new Set(backwardNodes.flatMap((node) => node.outputs.map(({ name }) => name)));
  const kept = new Map<string, Value>();
  for (const input of backwardNodes.flatMap((node) => node.inputs)) {
    if (input && inForward.has(input.name) && !computed.has(input.name)) kept.set(input.name, input);
  }
  return {
    forward: subgraph(g, `${g.name}.forward`, neededNodes(forwardNodes, [...outputs.forward, ...kept.values()]), [
      ...outputs.forward,
      ...kept.values(),
    ]),
    backward: subgraph(g, `${g.name}.backward`, backwardNodes, outputs.backward, [...kept.values()]),
    kept: [...kept.values()],
  };
}

/** The graph of some outputs alone. */
export function pruneGraph(g: Graph, outputs: readonly Value[]): Graph {
  return subgraph(g, g.name, neededNodes(g.nodes, outputs), outputs);
}

function neededNodes(nodes: readonly GraphNode[], outputs: readonly Value[]): GraphNode[] {
  const needed = new Set(outputs.map(({ name }) => name));
  const chosen: GraphNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some(({ name }) => needed.has(name))) continue;
    chosen.push(node);
    for (const input of node.inputs) if (input) needed.add(input.name);
  }
  return chosen.reverse();
}

function subgraph(
  g: Graph,
  name: string,
  nodes: GraphNode[],
  outputs: readonly Value[],
  moreInputs: readonly Value[] = [],
): Graph {
  const used = new Set(nodes.flatMap((node) => node.inputs.flatMap((input) => input?.name ?? [])));
  return {
    ...g,
    name,
    nodes,
    inputs: [...g.inputs, ...moreInputs].filter((input) => used.has(input.name)),
    outputs: [...outputs],
    constants: g.constants.filter(({ value }) => used.has(value.name)),
  };
}
