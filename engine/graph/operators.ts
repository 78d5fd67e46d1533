import { TensorProto_DataType } from "onnx-buf";
import { withRule } from "../autodiff/custom-rules.ts";
import {
  addConstant,
  addNode,
  addReal,
  staticShape,
  type Dimension,
  type Graph,
  type Shape,
  type Value,
} from "./graph.ts";

/**
 * The operators that models are written in. Each adds one ONNX node and computes the output's shape.
 * Every one of them that a trained value passes through has a rule in `autodiff/rules.ts`.
 */

export const add = (g: Graph, a: Value, b: Value): Value => elementwise(g, "Add", a, b);
export const subtract = (g: Graph, a: Value, b: Value): Value => elementwise(g, "Sub", a, b);
export const multiply = (g: Graph, a: Value, b: Value): Value => elementwise(g, "Mul", a, b);

export const sigmoid = (g: Graph, x: Value): Value => addNode(g, "Sigmoid", [x], x);
export const squareRoot = (g: Graph, x: Value): Value => addNode(g, "Sqrt", [x], x);
export const reciprocal = (g: Graph, x: Value): Value => addNode(g, "Reciprocal", [x], x);
export const negate = (g: Graph, x: Value): Value => addNode(g, "Neg", [x], x);
/** Over the last axis. */
export const softmax = (g: Graph, x: Value): Value => addNode(g, "Softmax", [x], x, { axis: -1 });
export const logSoftmax = (g: Graph, x: Value): Value => addNode(g, "LogSoftmax", [x], x, { axis: -1 });

/** As the graph's own real numbers. Not for trained values: it has no gradient rule. */
export function castToReal(g: Graph, x: Value): Value {
  if (x.type === g.real) return x;
  const { FLOAT, DOUBLE } = TensorProto_DataType;
  return addNode(g, "Cast", [x], { type: g.real, shape: x.shape }, { to: g.real === "float32" ? FLOAT : DOUBLE });
}

export function scalar(g: Graph, value: number): Value {
  return addReal(g, [value], []);
}

/** (..., m, k) x (..., k, n) -> (..., m, n); the leading axes are equal. */
export function matmul(g: Graph, a: Value, b: Value): Value {
  return addNode(g, "MatMul", [a, b], { type: a.type, shape: [...a.shape.slice(0, -1), b.shape.at(-1)!] });
}

export interface GemmOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly alpha?: number;
  /** Added to the product; same shape. */
  readonly plus?: Value;
}

/** alpha * op(a) op(b) of two matrices, and `plus`. */
export function gemm(g: Graph, a: Value, b: Value, options: GemmOptions = {}): Value {
  const rows = options.transposeA ? a.shape[1]! : a.shape[0]!;
  const columns = options.transposeB ? b.shape[0]! : b.shape[1]!;
  return addNode(
    g,
    "Gemm",
    options.plus ? [a, b, options.plus] : [a, b],
    { type: a.type, shape: [rows, columns] },
    { transA: options.transposeA ? 1 : 0, transB: options.transposeB ? 1 : 0, alpha: { float: options.alpha ?? 1 } },
  );
}

export function transpose(g: Graph, x: Value, permutation: readonly number[]): Value {
  return addNode(
    g,
    "Transpose",
    [x],
    { type: x.type, shape: permutation.map((axis) => x.shape[axis]!) },
    { perm: permutation },
  );
}

/** One dimension of `shape` may be a symbol, which the runtime infers. */
export function reshape(g: Graph, x: Value, shape: Shape): Value {
  const target = shape.map((dimension) => BigInt(typeof dimension === "number" ? dimension : -1));
  return addNode(g, "Reshape", [x, int64(g, target)], { type: x.type, shape });
}

/** x[..., start:end, ...] along one axis. */
export function slice(g: Graph, x: Value, axis: number, start: number, end: number): Value {
  const shape = x.shape.map((dimension, i) => (i === axis ? end - start : dimension));
  const bounds = [start, end, axis].map((n) => int64(g, [BigInt(n)]));
  return addNode(g, "Slice", [x, ...bounds], { type: x.type, shape }, { start, end, axis });
}

export function concat(g: Graph, parts: readonly Value[], axis: number): Value {
  const total = parts.reduce((sum, part) => sum + Number(part.shape[axis]), 0);
  const shape = parts[0]!.shape.map((dimension, i) => (i === axis ? total : dimension));
  return addNode(g, "Concat", parts, { type: parts[0]!.type, shape }, { axis });
}

export function reduceMean(g: Graph, x: Value): Value {
  return addNode(
    g,
    "ReduceMean",
    [x, int64(g, [-1n])],
    { type: x.type, shape: [...x.shape.slice(0, -1), 1] },
    { keepdims: 1 },
  );
}

export function reduceSum(g: Graph, x: Value, axes: readonly number[]): Value {
  const shape = x.shape.map((dimension, i): Dimension => (axes.includes(i) ? 1 : dimension));
  return addNode(g, "ReduceSum", [x, int64(g, axes.map(BigInt))], { type: x.type, shape }, { keepdims: 1 });
}

/** Rows of a matrix: (V, D) and int64 indices (N) -> (N, D). */
export function gatherRows(g: Graph, table: Value, indices: Value): Value {
  return addNode(
    g,
    "Gather",
    [table, indices],
    { type: table.type, shape: [...indices.shape, ...table.shape.slice(1)] },
    { axis: 0 },
  );
}

/** One element of each row: (N, V) and int64 indices (N, 1) -> (N, 1). */
export function pickColumns(g: Graph, x: Value, indices: Value): Value {
  return addNode(g, "GatherElements", [x, indices], { type: x.type, shape: indices.shape }, { axis: 1 });
}

/** Adds rows (N, D) into zeros (V, D) at int64 indices (N): the adjoint of `gatherRows`. */
export function scatterRows(g: Graph, rows: Value, indices: Value, nRows: number): Value {
  const shape = [nRows, ...staticShape(rows).slice(1)];
  const at = reshape(g, indices, [staticShape(indices)[0]!, 1]);
  return addNode(g, "ScatterND", [zeros(g, shape), at, rows], { type: rows.type, shape }, { reduction: "add" });
}

/** Adds (N, 1) into zeros (N, V) at column indices (N, 1): the adjoint of `pickColumns`. */
export function scatterColumns(g: Graph, picked: Value, indices: Value, nColumns: number): Value {
  const shape = [staticShape(picked)[0]!, nColumns];
  return addNode(
    g,
    "ScatterElements",
    [zeros(g, shape), indices, picked],
    { type: picked.type, shape },
    { axis: 1, reduction: "add" },
  );
}

/** silu(gate) * up, with silu(x) = x sigmoid(x) (Shazeer 2020). */
export function swiglu(g: Graph, gate: Value, up: Value): Value {
  const s = sigmoid(g, gate);
  const silu = multiply(g, gate, s);
  const y = multiply(g, silu, up);
  // silu' = s + silu (1 - s), so up silu' = y + s (up - y): of each product one pass over memory.
  return withRule(g, y, {
    inputs: [gate, up],
    gradients: (gradient, [needsGate, needsUp]) => [
      needsGate ? multiply(g, gradient, add(g, y, multiply(g, s, subtract(g, up, y)))) : null,
      needsUp ? multiply(g, gradient, silu) : null,
    ],
  });
}

/** log sigmoid(x) of a column (N, 1), without overflow: the log-probability of x against 0. */
export function logSigmoid(g: Graph, x: Value): Value {
  return slice(g, logSoftmax(g, concat(g, [x, zeros(g, staticShape(x))], 1)), 1, 0, 1);
}

/** x / sqrt(mean(x^2) + epsilon) * weight over the last axis (Zhang and Sennrich 2019). */
export function rmsNorm(g: Graph, x: Value, weight: Value, epsilon: number): Value {
  const meanSquare = reduceMean(g, multiply(g, x, x));
  const inverse = reciprocal(g, squareRoot(g, add(g, meanSquare, scalar(g, epsilon))));
  const normed = multiply(g, x, inverse);
  return withRule(g, multiply(g, normed, weight), {
    inputs: [x, weight],
    // With n = x / rms: dx = (dn - n mean(dn n)) / rms.
    gradients: (gradient, [needsX, needsWeight]) => {
      const leading = gradient.shape.slice(0, -1).map((_, axis) => axis);
      const towards = needsX ? multiply(g, gradient, weight) : null;
      return [
        towards &&
          multiply(g, inverse, subtract(g, towards, multiply(g, normed, reduceMean(g, multiply(g, towards, normed))))),
        needsWeight ? reshape(g, reduceSum(g, multiply(g, gradient, normed), leading), weight.shape) : null,
      ];
    },
  });
}

/**
 * Log-probability of a class for each row: hidden (M, D), weight (V, D) and int64 classes (M, 1) to
 * (M, 1). With p = softmax(hidden weight^T), the gradient of hidden is dy (weight of the class - p
 * weight): nothing of size (M, V) is made but p.
 */
export function logProbability(g: Graph, hidden: Value, weight: Value, classes: Value): Value {
  const logProbabilities = logSoftmax(g, gemm(g, hidden, weight, { transposeB: true }));
  return withRule(g, pickColumns(g, logProbabilities, classes), {
    inputs: [hidden, weight],
    gradients: (gradient, [needsHidden, needsWeight]) => {
      const probabilities = addNode(g, "Exp", [logProbabilities], logProbabilities);
      const chosen = reshape(g, classes, [classes.shape[0]!]);
      const scaled = needsWeight ? multiply(g, hidden, gradient) : null;
      return [
        needsHidden
          ? multiply(g, subtract(g, gatherRows(g, weight, chosen), gemm(g, probabilities, weight)), gradient)
          : null,
        scaled && addRows(g, gemm(g, probabilities, scaled, { transposeA: true, alpha: -1 }), scaled, chosen),
      ];
    },
  });
}

/** Rows (N, D) added to those of a matrix (V, D) at int64 indices (N). */
function addRows(g: Graph, matrix: Value, rows: Value, indices: Value): Value {
  const at = reshape(g, indices, [indices.shape[0]!, 1]);
  return addNode(g, "ScatterND", [matrix, at, rows], matrix, { reduction: "add" });
}

/** Sum of squares over the last axis. */
export function reduceSumSquare(g: Graph, x: Value): Value {
  const shape = [...x.shape.slice(0, -1), 1];
  return addNode(g, "ReduceSumSquare", [x, int64(g, [-1n])], { type: x.type, shape }, { keepdims: 1 });
}

/** A scalar or a broadcast shape as every element of `shape`. */
export function expand(g: Graph, x: Value, shape: readonly number[]): Value {
  return addNode(g, "Expand", [x, int64(g, shape.map(BigInt))], { type: x.type, shape });
}

/** Zeros before and after along one axis: the adjoint of a slice. */
export function padAxis(g: Graph, x: Value, axis: number, before: number, after: number): Value {
  const shape = staticShape(x);
  const block = (size: number) =>
    size === 0
      ? []
      : [
          zeros(
            g,
            shape.map((dimension, i) => (i === axis ? size : dimension)),
          ),
        ];
  return before + after === 0 ? x : concat(g, [...block(before), x, ...block(after)], axis);
}

const zeros = (g: Graph, shape: readonly number[]): Value => expand(g, scalar(g, 0), shape);

function elementwise(g: Graph, op: string, a: Value, b: Value): Value {
  return addNode(g, op, [a, b], { type: a.type, shape: broadcast(a.shape, b.shape) });
}

function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i): Dimension => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x === 1) return y;
    if (y !== 1 && x !== y) throw new Error(`Shapes ${a.join("x")} and ${b.join("x")} do not broadcast`);
    return x;
  });
}

function int64(g: Graph, values: readonly bigint[]): Value {
  return addConstant(g, BigInt64Array.from(values), [values.length]);
}
