import { addReal, type Graph, type Value } from "../graph/graph.ts";
import {
  add,
  concat,
  matmul,
  multiply,
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
    const weights = reshape(g, softmax(g, masked), [b, nKvHeads, groups * s, s]);
    const mixed = reshape(g, matmul(g, weights, v), [b, nHeads, s, headDim]);
    return reshape(g, transpose(g, mixed, [0, 2, 1, 3]), [b * s, nHeads * headDim]);
  };
}
