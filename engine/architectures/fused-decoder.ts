import { addConstant, addNodes, type Graph, type Value } from "../graph/graph.ts";
import { multiply, reshape } from "../graph/operators.ts";
import { linearLayers, type DecoderConfig, type LinearLayer } from "./decoder-config.ts";

/**
 * The forward pass of `decoder.ts` in ONNX Runtime's fused operators, which have no gradient rules: a
 * third of the nodes, which is what a token costs in a small model. N is the number of tokens, D the
 * hidden size.
 */
export interface FusedParts {
  vector(name: string): Value;
  embed(ids: Value): Value;
  /** Outputs of linear layers that share their input, side by side (N, sum of out), adapters included. */
  project(x: Value, layers: readonly LinearLayer[]): Value;
  /** Whether `project` takes several layers at once. */
  readonly groups: boolean;
  /** Rotary attention over the cache: queries, keys and values, or one value with all three side by side. */
  attention(layer: number, projected: readonly Value[]): Value;
  /** Rows of the tokens (N, ...) whose hidden states are asked for: (M, ...). */
  choose(x: Value): Value;
}

/** Token ids (N) -> hidden states after the final norm (M, D), of the chosen tokens. */
export function fusedHidden(g: Graph, config: DecoderConfig, ids: Value, parts: FusedParts): Value {
  const layers = new Map(linearLayers(config).map((layer) => [layer.name, layer]));
  const epsilon = config.rmsNormEpsilon;
  const normName = (layer: number, name: string) => `model.layers.${layer}.${name}.weight`;

  let x = parts.embed(ids);
  let normed = fusedNorm(g, x, parts.vector(normName(0, "input_layernorm")), epsilon);
  for (let layer = 0; layer < config.nLayers; layer++) {
    const named = (...paths: string[]) => paths.map((path) => layers.get(`model.layers.${layer}.${path}`)!);
    const one = (input: Value, path: string) => parts.project(input, named(path));
    const perHead = (input: Value, name: string) => {
      if (!config.qkNorm) return input;
      const heads = [input.shape[0]!, Number(input.shape[1]) / config.headDim, config.headDim];
      const weight = parts.vector(normName(layer, `self_attn.${name}`));
      return reshape(g, fusedNorm(g, reshape(g, input, heads), weight, epsilon), input.shape);
    };

    const projected =
      parts.groups && !config.qkNorm
        ? [parts.project(normed, named("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"))]
        : [
            perHead(one(normed, "self_attn.q_proj"), "q_norm"),
            perHead(one(normed, "self_attn.k_proj"), "k_norm"),
            one(normed, "self_attn.v_proj"),
          ];
    const isLast = layer + 1 === config.nLayers;
    let attended = parts.attention(layer, projected);
    // What follows the last attention is each token's own affair.
    if (isLast) [x, attended] = [parts.choose(x), parts.choose(attended)];
    const mixed = one(attended, "self_attn.o_proj");
    const afterAttention = parts.vector(normName(layer, "post_attention_layernorm"));
    [x, normed] = addThenNorm(g, x, mixed, afterAttention, epsilon);

    const [gate, up] = parts.groups
      ? halves(g, parts.project(normed, named("mlp.gate_proj", "mlp.up_proj")), config.ffnSize)
      : [one(normed, "mlp.gate_proj"), one(normed, "mlp.up_proj")];
    const fed = one(multiply(g, fusedSilu(g, gate), up), "mlp.down_proj");
    const next = parts.vector(isLast ? "model.norm.weight" : normName(layer + 1, "input_layernorm"));
    [x, normed] = addThenNorm(g, x, fed, next, epsilon);
  }
  return normed;
}

/** Root-mean-square norm over the last axis. */
function fusedNorm(g: Graph, x: Value, weight: Value, epsilon: number): Value {
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  return addNodes(
    g,
    "SimplifiedLayerNormalization",
    "",
    [x, weight],
    [{ type: x.type, shape: x.shape }],
    attributes,
  )[0]!;
}

/** x + y, and its norm. */
function addThenNorm(g: Graph, x: Value, y: Value, weight: Value, epsilon: number): [sum: Value, normed: Value] {
  const shape = { type: x.type, shape: x.shape };
  const [normed, , , sum] = addNodes(
    g,
    "SkipSimplifiedLayerNormalization",
    "com.microsoft",
    [x, y, weight],
    [shape, { ...shape, name: "" }, { ...shape, name: "" }, shape],
    { epsilon: { float: epsilon } },
  );
  return [sum!, normed!];
}

/** x sigmoid(x), which is QuickGelu with alpha 1. */
function fusedSilu(g: Graph, x: Value): Value {
  const output = { type: x.type, shape: x.shape };
  return addNodes(g, "QuickGelu", "com.microsoft", [x], [output], { alpha: { float: 1 } })[0]!;
}

function halves(g: Graph, x: Value, size: number): [Value, Value] {
  const sizes = addConstant(g, BigInt64Array.of(BigInt(size), BigInt(size)), [2]);
  const half = { type: x.type, shape: [x.shape[0]!, size] };
  const [first, second] = addNodes(g, "Split", "", [x, sizes], [half, half], { axis: 1 });
  return [first!, second!];
}
