import { addGradients } from "../autodiff/gradients.ts";
import {
  addConstant,
  addInput,
  addOutput,
  addReal,
  createGraph,
  sizeOf,
  type Graph,
  type Value,
} from "../graph/graph.ts";
import {
  add,
  concat,
  gatherRows,
  logSoftmax,
  matmul,
  multiply,
  negate,
  pickColumns,
  reciprocal,
  reduceSum,
  reshape,
  scalar,
  slice,
  softmax,
  subtract,
  transpose,
} from "../graph/operators.ts";
import { decoderHidden, decoderLogits, type DecoderParts } from "./decoder.ts";
import { linearLayers, weightShapes, type DecoderConfig } from "./decoder-config.ts";
import type { Weights } from "./inference-graph.ts";
import { rotaryTables } from "./rotary.ts";

/** Which parameters are trained. All of them stand in one flat vector `theta`. */
export type Trained =
  | { readonly kind: "lora"; readonly rank: number; readonly alpha: number }
  | { readonly kind: "full" };

export interface TrainingShape {
  /** Rows of a batch, tokens of a row, and positions of the batch that have a target. */
  readonly nRows: number;
  readonly rowTokens: number;
  readonly nTargets: number;
}

/** Where a parameter stands in `theta`. */
export interface ParameterSlot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
}

/** The parameters of a run in their order in `theta`: names are those of the saved file. */
export function parameterSlots(config: DecoderConfig, trained: Trained): readonly ParameterSlot[] {
  const shapes: [string, readonly number[]][] =
    trained.kind === "full"
      ? [...weightShapes(config)]
      : linearLayers(config).flatMap(({ name, nIn, nOut }): [string, readonly number[]][] => [
          [`${name}.lora_A.weight`, [trained.rank, nIn]],
          [`${name}.lora_B.weight`, [nOut, trained.rank]],
        ]);
  let offset = 0;
  return shapes.map(([name, shape]) => {
    const slot = { name, shape, offset };
    offset += sizeOf(shape);
    return slot;
  });
}

/**
 * One training step without the update: weighted cross-entropy and its gradient.
 *
 * Inputs: `theta` (P); `ids` (B S) int64; `mask` (B, 1, 1, S, S), 0 where a token may look and a large
 * negative number elsewhere; `positions` (M) int64 into B S; `targets` (M, 1) int64; `weights` (M, 1).
 * Outputs: `loss`, the sum of weighted losses in nats divided by the sum of weights, and `gradient` (P).
 * M is fixed: unused target places carry weight 0.
 */
export function buildTrainingGraph(
  config: DecoderConfig,
  weights: Weights,
  trained: Trained,
  shape: TrainingShape,
  real: Graph["real"] = "float32",
  withGradient: "loss" | "gradient" = "gradient",
): Graph {
  const g = createGraph("train", real);
  const { nRows: b, rowTokens: s, nTargets: m } = shape;
  const slots = parameterSlots(config, trained);
  const nParameters = slots.reduce((sum, slot) => sum + sizeOf(slot.shape), 0);
  const theta = addInput(g, "theta", real, [nParameters]);
  const ids = addInput(g, "ids", "int64", [b * s]);
  const mask = addInput(g, "mask", real, [b, 1, 1, s, s]);
  const positions = addInput(g, "positions", "int64", [m]);
  const targets = addInput(g, "targets", "int64", [m, 1]);
  const targetWeights = addInput(g, "weights", real, [m, 1]);

  const parameters = new Map<string, Value>(
    slots.map((slot) => [
      slot.name,
      reshape(g, slice(g, theta, 0, slot.offset, slot.offset + sizeOf(slot.shape)), slot.shape),
    ]),
  );
  const parts: DecoderParts = {
    weight: weightSource(g, config, weights, parameters),
    adapter(name) {
      const a = parameters.get(`${name}.lora_A.weight`);
      const b = parameters.get(`${name}.lora_B.weight`);
      if (!a || !b || trained.kind !== "lora") return null;
      return { a, b: multiply(g, b, scalar(g, trained.alpha / trained.rank)) };
    },
    attention: rowAttention(g, config, b, s, mask),
  };

  const hidden = decoderHidden(g, config, ids, parts);
  const logits = decoderLogits(g, config, gatherRows(g, hidden, positions), parts); // (M, V)
  const logProbabilities = pickColumns(g, logSoftmax(g, logits), targets); // (M, 1)
  const total = reduceSum(g, multiply(g, logProbabilities, targetWeights), [0, 1]);
  const sumOfWeights = reduceSum(g, targetWeights, [0, 1]);
  const mean = multiply(g, negate(g, total), reciprocal(g, sumOfWeights));
  const loss = reshape(g, mean, []);
  addOutput(g, "loss", loss);
  if (withGradient === "gradient") addOutput(g, "gradient", flatGradient(g, loss, slots, parameters));
  return g;
}

/** Gradients of the parameters, concatenated once: cheaper than adding padded slices of theta. */
function flatGradient(
  g: Graph,
  loss: Value,
  slots: readonly ParameterSlot[],
  parameters: ReadonlyMap<string, Value>,
): Value {
  const gradients = addGradients(
    g,
    loss,
    slots.map((slot) => parameters.get(slot.name)!),
  );
  return concat(
    g,
    gradients.map((gradient, i) => reshape(g, gradient, [sizeOf(slots[i]!.shape)])),
    0,
  );
}

function weightSource(g: Graph, config: DecoderConfig, weights: Weights, parameters: ReadonlyMap<string, Value>) {
  const shapes = weightShapes(config);
  const constants = new Map<string, Value>();
  return (name: string): Value => {
    const parameter = parameters.get(name);
    if (parameter) return parameter;
    const known = constants.get(name);
    if (known) return known;
    const data = weights.get(name);
    const shape = shapes.get(name);
    if (!data || !shape) throw new Error(`The checkpoint has no tensor ${name}`);
    const value = g.real === "float32" ? addConstant(g, data, shape, name) : addReal(g, data, shape, name);
    constants.set(name, value);
    return value;
  };
}

/** Masked attention over whole rows. Heads of one key-value group are stacked, so K and V are not repeated. */
function rowAttention(g: Graph, config: DecoderConfig, b: number, s: number, mask: Value): DecoderParts["attention"] {
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
