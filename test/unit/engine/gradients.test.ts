import assert from "node:assert/strict";
import { Tensor } from "../../../engine/runtime.ts";
import { addGradients } from "../../../engine/autodiff/gradients.ts";
import { RULES } from "../../../engine/autodiff/rules.ts";
import {
  addConstant,
  addInput,
  addNode,
  addOutput,
  createGraph,
  sizeOf,
  type Graph,
  type Value,
} from "../../../engine/graph/graph.ts";
import * as op from "../../../engine/graph/operators.ts";
import { compileGraph } from "../../../engine/graph/session.ts";
import { normal } from "../../support/tiny-decoder.ts";

/**
 * Each operator's gradient against central differences in float64. The loss is a fixed random
 * projection of the output, so that every element of the Jacobian counts.
 */
const covered = new Set<string>();

async function check(
  name: string,
  shapes: readonly (readonly number[])[],
  build: (g: Graph, inputs: Value[]) => Value,
) {
  const g = createGraph(name, "float64");
  const inputs = shapes.map((shape, i) => addInput(g, `x${i}`, "float64", shape));
  const output = build(g, inputs);
  for (const node of g.nodes) covered.add(node.op);
  const random = normal(7);
  const outputSize = sizeOf(output.shape as number[]);
  const projection = addConstant(g, Float64Array.from({ length: outputSize }, random), output.shape as number[]);
  const axes = output.shape.map((_, i) => i);
  const loss = op.reshape(g, op.reduceSum(g, op.multiply(g, output, projection), axes), []);
  addOutput(g, "loss", loss);
  addGradients(g, loss, inputs).forEach((gradient, i) => addOutput(g, `d${i}`, gradient));

  const session = await compileGraph(g, { threads: 1, prepack: false });
  const values = shapes.map((shape) => Float64Array.from({ length: sizeOf(shape) }, () => 0.5 + 0.4 * random()));
  const feeds = () =>
    Object.fromEntries(values.map((data, i) => [`x${i}`, new Tensor("float64", data.slice(), shapes[i]!)]));
  const analytic = await session.run(feeds());
  const h = 1e-5;
  for (const [i, data] of values.entries()) {
    for (let j = 0; j < data.length; j++) {
      const at = data[j]!;
      const lossAt = async (x: number) => {
        data[j] = x;
        return (await session.run(feeds()))["loss"]!.data[0] as number;
      };
      const numeric = ((await lossAt(at + h)) - (await lossAt(at - h))) / (2 * h);
      data[j] = at;
      const exact = analytic[`d${i}`]!.data[j] as number;
      const error = Math.abs(exact - numeric) / Math.max(1e-3, Math.abs(exact), Math.abs(numeric));
      assert.ok(error < 1e-5, `${name}: d${i}[${j}] is ${exact}, differences say ${numeric}`);
    }
  }
  await session.release();
}

describe("gradients agree with finite differences", () => {
  const indices = (g: Graph, values: number[], shape: number[]) =>
    addConstant(g, BigInt64Array.from(values, BigInt), shape);

  it("add", () =>
    check(
      "add",
      [
        [2, 3],
        [2, 3],
      ],
      (g, [a, b]) => op.add(g, a!, b!),
    ));
  it("add, broadcast over a leading axis", () => check("add", [[2, 3], [3]], (g, [a, b]) => op.add(g, a!, b!)));
  it("add, broadcast over an inner axis", () =>
    check(
      "add",
      [
        [2, 1, 3],
        [2, 4, 1],
      ],
      (g, [a, b]) => op.add(g, a!, b!),
    ));
  it("subtract", () =>
    check(
      "subtract",
      [
        [2, 3],
        [1, 3],
      ],
      (g, [a, b]) => op.subtract(g, a!, b!),
    ));
  it("multiply", () =>
    check(
      "multiply",
      [
        [2, 3],
        [2, 1],
      ],
      (g, [a, b]) => op.multiply(g, a!, b!),
    ));
  it("multiply by itself", () => check("square", [[2, 3]], (g, [a]) => op.multiply(g, a!, a!)));
  it("negate", () => check("negate", [[4]], (g, [a]) => op.negate(g, a!)));
  it("sigmoid", () => check("sigmoid", [[2, 3]], (g, [a]) => op.sigmoid(g, a!)));
  it("log sigmoid", () => check("logSigmoid", [[3, 1]], (g, [a]) => op.logSigmoid(g, a!)));
  it("square root", () => check("squareRoot", [[5]], (g, [a]) => op.squareRoot(g, op.multiply(g, a!, a!))));
  it("reciprocal", () =>
    check("reciprocal", [[5]], (g, [a]) => op.reciprocal(g, op.add(g, op.multiply(g, a!, a!), op.scalar(g, 1)))));
  it("softmax", () => check("softmax", [[3, 4]], (g, [a]) => op.softmax(g, a!)));
  it("log softmax", () => check("logSoftmax", [[3, 4]], (g, [a]) => op.logSoftmax(g, a!)));
  it("mean over the last axis", () => check("reduceMean", [[3, 4]], (g, [a]) => op.reduceMean(g, a!)));
  it("sum over axes", () => check("reduceSum", [[2, 3, 4]], (g, [a]) => op.reduceSum(g, a!, [0, 2])));
  it("matrix product", () =>
    check(
      "matmul",
      [
        [3, 4],
        [4, 2],
      ],
      (g, [a, b]) => op.matmul(g, a!, b!),
    ));
  it("batched matrix product", () =>
    check(
      "matmul",
      [
        [2, 2, 3, 4],
        [2, 2, 4, 2],
      ],
      (g, [a, b]) => op.matmul(g, a!, b!),
    ));
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      it(`general matrix product, transposeA ${transposeA}, transposeB ${transposeB}`, () =>
        check("gemm", [transposeA ? [4, 3] : [3, 4], transposeB ? [2, 4] : [4, 2]], (g, [a, b]) =>
          op.gemm(g, a!, b!, { transposeA, transposeB, alpha: 0.7 }),
        ));
    }
  }
  it("transpose", () => check("transpose", [[2, 3, 4]], (g, [a]) => op.transpose(g, a!, [1, 2, 0])));
  it("reshape", () => check("reshape", [[2, 6]], (g, [a]) => op.reshape(g, a!, [3, 4])));
  it("slice in the middle", () => check("slice", [[2, 5]], (g, [a]) => op.slice(g, a!, 1, 1, 3)));
  it("slice of the whole axis", () => check("slice", [[2, 5]], (g, [a]) => op.slice(g, a!, 1, 0, 5)));
  it("concat", () =>
    check(
      "concat",
      [
        [2, 1],
        [2, 3],
      ],
      (g, [a, b]) => op.concat(g, [a!, b!], 1),
    ));
  it("rows of a table, one row twice", () =>
    check("gatherRows", [[4, 3]], (g, [a]) => op.gatherRows(g, a!, indices(g, [2, 0, 2], [3]))));
  it("one element of each row", () =>
    check("pickColumns", [[3, 4]], (g, [a]) => op.pickColumns(g, a!, indices(g, [1, 3, 1], [3, 1]))));
  it("SwiGLU", () =>
    check(
      "swiglu",
      [
        [2, 3],
        [2, 3],
      ],
      (g, [a, b]) => op.swiglu(g, a!, b!),
    ));
  it("RMS norm", () => check("rmsNorm", [[2, 5], [5]], (g, [a, w]) => op.rmsNorm(g, a!, w!, 1e-5)));

  it("has checked every operator that has a rule", () => {
    // Identity only names outputs; ScatterElements is the second derivative of a gather, never on a forward path.
    const unchecked = Object.keys(RULES).filter(
      (name) => !covered.has(name) && name !== "Identity" && name !== "ScatterElements",
    );
    assert.deepEqual(unchecked, []);
  });

  it("refuses an operator without a rule", () => {
    const g = createGraph("no-rule", "float64");
    const x = addInput(g, "x", "float64", [1]);
    const y = op.reshape(g, addNode(g, "Tan", [x], x), []);
    assert.throws(() => addGradients(g, y, [x]), /The operator Tan has no gradient rule/);
  });
});
