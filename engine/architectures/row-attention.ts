import { withRule } from "../autodiff/custom-rules.ts";
import { addConstant, addInput, addNodes, addReal, type Graph, type Value } from "../graph/graph.ts";
import {
  add,
  concat,
  expand,
  matmul,
  multiply,
  negate,
  padAxis,
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
import { rowTiles, type Tile } from "./row-tiles.ts";

/** Name of the input with the mask of a row's i-th tile. */
export const maskInput = (i: number) => `mask.${i}`;

/**
 * Attention over B whole rows of S tokens, tile by tile: a tile's keys end with its queries. Adds the
 * inputs `mask.{i}` (B, 1, 1, queries, keys), 0 where a token may look and a large negative number
 * elsewhere. Heads of one key-value group are stacked, so K and V are not repeated.
 */
export function rowAttention(g: Graph, config: DecoderConfig, b: number, s: number): DecoderParts["attention"] {
  const { nHeads, nKvHeads, headDim } = config;
  const groups = nHeads / nKvHeads;
  const tiles = rowTiles(s).map((tile, i) => ({
    ...tile,
    mask: addInput(g, maskInput(i), g.real, [b, 1, 1, tile.end - tile.start, tile.end]),
  }));
  const tables = rotaryTables(config, s);
  const table = (values: Float32Array, factor: number, name: string) =>
    addReal(
      g,
      g.real === "float64" ? Float64Array.from(values, (x) => factor * x) : values.map((x) => factor * x),
      [s, headDim / 2],
      name,
    );
  // Scores are scaled where queries are turned: no pass of its own.
  const scale = headDim ** -0.5;
  const forQuery = { cos: table(tables.cos, scale, "query_cos"), sin: table(tables.sin, scale, "query_sin") };
  const forKey = { cos: table(tables.cos, 1, "rotary_cos"), sin: table(tables.sin, 1, "rotary_sin") };

  // (B S, h hd) -> (B, h, S, hd)
  const split = (x: Value, heads: number) => transpose(g, reshape(g, x, [b, s, heads, headDim]), [0, 2, 1, 3]);

  return (_layer, query, key, value) => {
    const q = reshape(g, rotate(g, split(query, nHeads), forQuery), [b, nKvHeads, groups, s, headDim]);
    const k = rotate(g, split(key, nKvHeads), forKey);
    const mixed = reshape(g, tiledAttention(g, q, k, split(value, nKvHeads), tiles), [b, nHeads, s, headDim]);
    return reshape(g, transpose(g, mixed, [0, 2, 1, 3]), [b * s, nHeads * headDim]);
  };
}

interface Rotary {
  readonly cos: Value;
  readonly sin: Value;
}

/** (B, h, S, hd) turned by the tables (S, hd / 2); the adjoint turns the other way. */
function rotate(g: Graph, x: Value, by: Rotary): Value {
  const turn = g.real === "float32" ? turnFused : turnPlain;
  return withRule(g, turn(g, x, by), {
    inputs: [x],
    gradients: (gradient) => [turn(g, gradient, { cos: by.cos, sin: negate(g, by.sin) })],
  });
}

/** The runtime's own operator, which exists in float32. */
function turnFused(g: Graph, x: Value, { cos, sin }: Rotary): Value {
  const start = addConstant(g, BigInt64Array.of(0n), [1]);
  const output = { type: x.type, shape: x.shape };
  return addNodes(g, "RotaryEmbedding", "com.microsoft", [x, start, cos, sin], [output], {})[0]!;
}

function turnPlain(g: Graph, x: Value, { cos, sin }: Rotary): Value {
  const size = Number(x.shape[3]);
  const [first, second] = [slice(g, x, 3, 0, size / 2), slice(g, x, 3, size / 2, size)];
  return concat(
    g,
    [
      subtract(g, multiply(g, first, cos), multiply(g, second, sin)),
      add(g, multiply(g, second, cos), multiply(g, first, sin)),
    ],
    3,
  );
}

/**
 * softmax(q k^T + mask) v: (B, K, G, S, hd), (B, K, S, hd) and (B, K, S, hd) -> (B, K, G, S, hd). With
 * o = p v the gradient of the scores is p (do v^T - sum(do o)), whose sum runs over hd numbers and not
 * over S (Dao et al. 2022); it is taken in by the product, as a column of do against one of ones in v.
 */
function tiledAttention(
  g: Graph,
  q: Value,
  k: Value,
  v: Value,
  tiles: readonly (Tile & { readonly mask: Value })[],
): Value {
  const [b, nKvHeads, groups, s] = q.shape as readonly [number, number, number, number, number];
  const flip = (x: Value) => transpose(g, x, [0, 1, 3, 2]);
  /** A tile's rows of (B, K, G, S, n) as (B, K, G T, n), and back as (B, K, G, T, n). */
  const stacked = (x: Value, { start, end }: Tile) => {
    const rows = slice(g, x, 3, start, end);
    return reshape(g, rows, [b, nKvHeads, groups * (end - start), x.shape[4]!]);
  };
  const apart = (x: Value, { start, end }: Tile) => reshape(g, x, [b, nKvHeads, groups, end - start, x.shape[3]!]);
  const keysOf = (x: Value, { end }: Tile) => slice(g, x, 2, 0, end);

  const parts = tiles.map((tile) => {
    const queries = stacked(q, tile);
    const [keys, values] = [keysOf(k, tile), keysOf(v, tile)];
    const scores = apart(matmul(g, queries, flip(keys)), tile);
    const p = softmax(g, add(g, scores, tile.mask)); // (B, K, G, T, keys)
    const probabilities = reshape(g, p, [b, nKvHeads, groups * (tile.end - tile.start), tile.end]);
    return { tile, queries, keys, values, probabilities, output: apart(matmul(g, probabilities, values), tile) };
  });
  const output = concat(
    g,
    parts.map((part) => part.output),
    3,
  );
  return withRule(g, output, {
    inputs: [q, k, v],
    gradients: (gradient) => {
      const total = negate(g, reduceSum(g, multiply(g, gradient, output), [4]));
      const ones = expand(g, scalar(g, 1), [b, nKvHeads, s, 1]);
      const withTotal = concat(g, [gradient, total], 4);
      const withOnes = concat(g, [v, ones], 3);
      const each = parts.map(({ tile, queries, keys, probabilities }) => {
        const towards = matmul(g, stacked(withTotal, tile), flip(keysOf(withOnes, tile)));
        const towardsScores = multiply(g, probabilities, towards);
        return {
          q: apart(matmul(g, towardsScores, keys), tile),
          k: padAxis(g, matmul(g, flip(towardsScores), queries), 2, 0, s - tile.end),
          v: padAxis(g, matmul(g, flip(probabilities), stacked(gradient, tile)), 2, 0, s - tile.end),
        };
      });
      const sum = (values: readonly Value[]) => values.reduceRight((one, other) => add(g, one, other));
      return [
        concat(
          g,
          each.map((one) => one.q),
          3,
        ),
        sum(each.map((one) => one.k)),
        sum(each.map((one) => one.v)),
      ];
    },
  });
}
