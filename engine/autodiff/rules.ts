import { staticShape, type Graph, type GraphNode, type Value } from "../graph/graph.ts";
import {
  expand,
  gemm,
  matmul,
  multiply,
  negate,
  padAxis,
  pickColumns,
  reduceSum,
  reshape,
  scalar,
  scatterColumns,
  scatterRows,
  slice,
  softmax,
  subtract,
  transpose,
} from "../graph/operators.ts";
import { addNode } from "../graph/graph.ts";

/**
 * Vector-Jacobian products, one an operator: from the gradient of the node's output to that of each
 * input. `needs` tells which inputs are on a path to a trained value; the others may be left out.
 */
type Rule = (g: Graph, node: GraphNode, gradient: Value, needs: readonly boolean[]) => (Value | null)[];

const input = (node: GraphNode, i: number): Value => node.inputs[i]!;

export const RULES: Readonly<Record<string, Rule>> = {
  Identity: (_, __, gradient) => [gradient],

  Add: (g, node, gradient, needs) => [
    needs[0] ? unbroadcast(g, gradient, input(node, 0)) : null,
    needs[1] ? unbroadcast(g, gradient, input(node, 1)) : null,
  ],
  Sub: (g, node, gradient, needs) => [
    needs[0] ? unbroadcast(g, gradient, input(node, 0)) : null,
    needs[1] ? unbroadcast(g, negate(g, gradient), input(node, 1)) : null,
  ],
  Mul: (g, node, gradient, needs) => [
    needs[0] ? unbroadcast(g, multiply(g, gradient, input(node, 1)), input(node, 0)) : null,
    needs[1] ? unbroadcast(g, multiply(g, gradient, input(node, 0)), input(node, 1)) : null,
  ],
  Neg: (g, _, gradient) => [negate(g, gradient)],

  // s' = s (1 - s)
  Sigmoid: (g, node, gradient) => {
    const s = node.outputs[0]!;
    return [multiply(g, gradient, multiply(g, s, subtract(g, scalar(g, 1), s)))];
  },
  // (sqrt x)' = 1 / (2 sqrt x)
  Sqrt: (g, node, gradient) => {
    const root = node.outputs[0]!;
    return [multiply(g, gradient, multiply(g, scalar(g, 0.5), addNode(g, "Reciprocal", [root], root)))];
  },
  // (1/x)' = -1/x^2
  Reciprocal: (g, node, gradient) => {
    const y = node.outputs[0]!;
    return [negate(g, multiply(g, gradient, multiply(g, y, y)))];
  },
  // dx = y (dy - sum(dy y))
  Softmax: (g, node, gradient) => {
    const y = node.outputs[0]!;
    const weighted = multiply(g, gradient, y);
    return [subtract(g, weighted, multiply(g, y, reduceSum(g, weighted, [y.shape.length - 1])))];
  },
  // dx = dy - softmax(x) sum(dy)
  LogSoftmax: (g, node, gradient) => {
    const x = input(node, 0);
    return [subtract(g, gradient, multiply(g, softmax(g, x), reduceSum(g, gradient, [x.shape.length - 1])))];
  },
  ReduceMean: (g, node, gradient) => {
    const x = input(node, 0);
    return [expand(g, multiply(g, gradient, scalar(g, 1 / staticShape(x).at(-1)!)), staticShape(x))];
  },
  ReduceSum: (g, node, gradient) => [expand(g, gradient, staticShape(input(node, 0)))],

  MatMul: (g, node, gradient, needs) => {
    const [a, b] = [input(node, 0), input(node, 1)];
    return [
      needs[0] ? matmul(g, gradient, swapLastAxes(g, b)) : null,
      needs[1] ? matmul(g, swapLastAxes(g, a), gradient) : null,
    ];
  },
  // y = alpha op(A) op(B): each input's gradient is a product of the other input and dy.
  Gemm: (g, node, gradient, needs) => {
    const [a, b] = [input(node, 0), input(node, 1)];
    const transposeA = node.attributes["transA"] === 1;
    const transposeB = node.attributes["transB"] === 1;
    const { float: alpha } = node.attributes["alpha"] as { float: number };
    const gradientA = () =>
      transposeA
        ? gemm(g, b, gradient, { transposeA: transposeB, transposeB: true, alpha })
        : gemm(g, gradient, b, { transposeB: !transposeB, alpha });
    const gradientB = () =>
      transposeB
        ? gemm(g, gradient, a, { transposeA: true, transposeB: transposeA, alpha })
        : gemm(g, a, gradient, { transposeA: !transposeA, alpha });
    return [needs[0] ? gradientA() : null, needs[1] ? gradientB() : null, needs[2] ? gradient : null];
  },

  Transpose: (g, node, gradient) => {
    const permutation = node.attributes["perm"] as readonly number[];
    const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
    return [transpose(g, gradient, inverse)];
  },
  Reshape: (g, node, gradient) => [reshape(g, gradient, staticShape(input(node, 0)))],
  Slice: (g, node, gradient) => {
    const { start, end, axis } = node.attributes as { start: number; end: number; axis: number };
    return [padAxis(g, gradient, axis, start, staticShape(input(node, 0))[axis]! - end)];
  },
  Concat: (g, node, gradient, needs) => {
    const axis = node.attributes["axis"] as number;
    let at = 0;
    return node.inputs.map((part, i) => {
      const start = at;
      at += staticShape(part!)[axis]!;
      return needs[i] ? slice(g, gradient, axis, start, at) : null;
    });
  },
  Gather: (g, node, gradient) => [scatterRows(g, gradient, input(node, 1), staticShape(input(node, 0))[0]!)],
  GatherElements: (g, node, gradient) => [scatterColumns(g, gradient, input(node, 1), staticShape(input(node, 0))[1]!)],
  // The base of every ScatterND and ScatterElements here is a constant; only the added values are differentiated.
  ScatterElements: (g, node, gradient) => [null, null, pickColumns(g, gradient, input(node, 1))],
};

/** Sum a gradient over the axes along which its input was broadcast. */
function unbroadcast(g: Graph, gradient: Value, like: Value): Value {
  const from = staticShape(gradient);
  const to = staticShape(like);
  const lead = from.length - to.length;
  const axes = from.flatMap((dimension, i) => (i < lead || (to[i - lead] === 1 && dimension !== 1) ? [i] : []));
  if (axes.length === 0) return gradient;
  return reshape(g, reduceSum(g, gradient, axes), to);
}

function swapLastAxes(g: Graph, x: Value): Value {
  const rank = x.shape.length;
  return transpose(g, x, [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2]);
}
