import { withRule } from "../autodiff/custom-rules.ts";
import { addConstant, addNodes, addReal, staticShape, type Graph, type Value } from "../graph/graph.ts";
import {
  add,
  concat,
  matmul,
  multiply,
  negate,
  reduceSum,
  reshape,
  scalar,
  slice,
  softmax,
  subtract,
  transpose,
} from "../graph/operators.ts";
import type { DecoderParts } from "./decoder.ts";
import type { DecoderConfig } from "./decoder-config.ts";
import { rotaryTables } from "./rotary.ts";

/**
 * Attention over B whole rows of S tokens, `mask` (B, 1, 1, S, S) added to the scores. Heads of one
 * key-value group are stacked, so K and V are not repeated.
 */
export function rowAttention(
  g: Graph,
  config: DecoderConfig,
  b: number,
  s: number,
  mask: Value,
): DecoderParts["attention"] {
  const { nHeads, nKvHeads, headDim } = config;
  const groups = nHeads / nKvHeads;
  const half = headDim / 2;
  const tables = rotaryTables(config, s);
  const cos = addReal(g, tables.cos, [s, half], "rotary_cos");
  const sin = addReal(g, tables.sin, [s, half], "rotary_sin");

  // (B S, h hd) -> (B, h, S, hd)
  const split = (x: Value, heads: number) => transpose(g, reshape(g, x, [b, s, heads, headDim]), [0, 2, 1, 3]);
  const rotate = (x: Value) => {
    if (g.real === "float32") return rotateFused(g, x, cos, sin);
    const first = slice(g, x, 3, 0, half);
    const second = slice(g, x, 3, half, headDim);
    return concat(
      g,
      [
        subtract(g, multiply(g, first, cos), multiply(g, second, sin)),
        add(g, multiply(g, second, cos), multiply(g, first, sin)),
      ],
      3,
    );
  };

  return (_layer, query, key, value) => {
    const q = reshape(g, rotate(split(query, nHeads)), [b, nKvHeads, groups * s, headDim]);
    const k = rotate(split(key, nKvHeads));
    const v = split(value, nKvHeads);
    const scaled = multiply(g, q, scalar(g, headDim ** -0.5));
    const scores = matmul(g, scaled, transpose(g, k, [0, 1, 3, 2])); // (B, K, G S, S)
    const masked = add(g, reshape(g, scores, [b, nKvHeads, groups, s, s]), mask);
    const mixed = reshape(g, weightedSum(g, masked, v), [b, nHeads, s, headDim]);
    return reshape(g, transpose(g, mixed, [0, 2, 1, 3]), [b * s, nHeads * headDim]);
  };
}

/**
 * The runtime's own operator, which exists in float32: (B, h, S, hd) turned by the tables (S, hd / 2).
 * Its adjoint turns the other way.
 */
function rotateFused(g: Graph, x: Value, cos: Value, sin: Value): Value {
  const turn = (value: Value, by: Value) => {
    const start = addConstant(g, BigInt64Array.of(0n), [1]);
    return addNodes(
      g,
      "RotaryEmbedding",
      "com.microsoft",
      [value, start, cos, by],
      [{ type: value.type, shape: value.shape }],
      {},
    )[0]!;
  };
  return withRule(g, turn(x, sin), { inputs: [x], gradients: (gradient) => [turn(gradient, negate(g, sin))] });
}

/**
 * softmax(scores) values: (B, K, G, S, S) and (B, K, S, hd) -> (B, K, G S, hd). With o = p v the
 * gradient of the scores is p (dp - sum(do o)), whose sum runs over hd numbers and not over S (Dao et
 * al. 2022).
 */
function weightedSum(g: Graph, scores: Value, values: Value): Value {
  const [b, k, groups, s] = staticShape(scores) as [number, number, number, number, number];
  const rows = [b, k, groups * s, s];
  const p = reshape(g, softmax(g, scores), rows);
  const output = matmul(g, p, values);
  return withRule(g, output, {
    inputs: [scores, values],
    gradients: (gradient) => {
      const towards = matmul(g, gradient, transpose(g, values, [0, 1, 3, 2]));
      const total = reduceSum(g, multiply(g, gradient, output), [3]);
      return [
        reshape(g, multiply(g, p, subtract(g, towards, total)), scores.shape),
        matmul(g, transpose(g, p, [0, 1, 3, 2]), gradient),
      ];
    },
  });
}
