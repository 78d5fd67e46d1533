import assert from "node:assert/strict";
import fc from "fast-check";
import { fitRidgeLogistic, logisticProbability } from "../../../core/statistics/ridge-logistic.ts";

/** Four features and the label. */
const ROWS: readonly (readonly number[])[] = [
  [1.65, -0.67, -1.05, 0, 1],
  [0, -1.45, 0, 0, 1],
  [-1.76, 0, 0, 0, 0],
  [0, 0, -0.54, 0, 1],
  [-1.11, -1.22, 1.34, 0, 1],
  [0, 0, -0.44, 0, 0],
  [0, -0.3, 0, 0, 1],
  [1.18, 0.68, 0, 0, 1],
  [0, 0, 0.97, 0, 0],
  [0, 0, 0.83, 0, 1],
  [0, 1.51, -1.25, 0, 0],
  [0.49, 0.87, 0, 0, 1],
  [-1.15, -1.69, 0, 0, 0],
  [0, 0, 0, 0, 1],
  [0.26, 0, -0.25, 0, 0],
  [-0.86, -1.51, -0.17, 0, 1],
  [0, 0, 0, 0, 1],
  [-0.99, 0, -1, 0, 1],
  [0.2, -0.78, 0, 0, 1],
  [2.03, -1.39, 0.89, 0, 1],
  [0, -1.45, -0.46, 0, 1],
  [-0.08, 0.08, -0.29, 0, 0],
  [0, 0, 0, 0, 1],
  [0, -0.53, 0, 0, 0],
  [0, 0, 0, 0, 0],
  [0.05, -0.05, 0, 0, 0],
  [0.55, 0, -1.04, 0, 1],
  [0, 1.09, -1.27, 0, 0],
  [0, -1.32, 0, 0, 1],
  [-0.46, 0, 0, 0, 1],
  [0, -0.06, 0.08, 0, 1],
  [-0.27, 0, 0, 0, 0],
  [0, 0, -0.56, 0, 1],
  [0, 0, 0.96, 0, 1],
  [0.67, 0.11, 0.22, 0, 0],
  [-0.2, 0.05, 0, 0, 0],
  [0, -0.58, 0, 0, 1],
  [0.51, 0.07, 0, 0, 0],
  [-0.07, 0.87, -0.39, 0, 0],
  [0, 0, 0, 0, 0],
];
/** Minima that SciPy 1.17.1 finds (`minimize`, trust-exact, gradient below 1e-8) of the loss as it is written in `check`. */
const FOUND = [
  { prior: [0, 0, 0, 0], penalty: 1, weights: [0.648124419, -0.992935206, 0.031127835, 0.0] },
  { prior: [0, 0, 0, 0], penalty: 0.05, weights: [1.04363349, -1.394645522, -0.028679529, 0.0] },
  { prior: [1, -1.2, 2, 0.4], penalty: 1, weights: [1.08390806, -1.286142929, 0.641525432, 0.4] },
  { prior: [1, -1.2, 2, 0.4], penalty: 25, weights: [1.026543186, -1.207509931, 1.86725951, 0.4] },
];
const cases = ROWS.map((row) => ({ features: row.slice(0, 4), label: row[4] === 1 }));

describe("ridge logistic regression", () => {
  for (const { prior, penalty, weights } of FOUND)
    it(`finds what SciPy finds with a penalty of ${penalty} towards ${prior.join(", ")}`, () => {
      fitRidgeLogistic(cases, { prior, penalty }).forEach((weight, at) =>
        assert.ok(Math.abs(weight - weights[at]!) < 1e-7, `${at}: ${weight} and ${weights[at]}`),
      );
    });

  it("keeps the prior where there is no case, and of a feature that none has", () => {
    assert.deepEqual(fitRidgeLogistic([], { prior: [1, -2], penalty: 1 }), [1, -2]);
    assert.equal(fitRidgeLogistic(cases, { prior: [0, 0, 0, 0.4], penalty: 0.1 })[3], 0.4);
  });

  it("ends at the minimum whatever the cases, also where they can be told apart without a mistake", () => {
    const one = fc.record({
      features: fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 2 }),
      label: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 30 }), fc.double({ min: 0.01, max: 10, noNaN: true }), (list, penalty) => {
        const prior = [0.5, -0.5];
        const weights = fitRidgeLogistic(list, { prior, penalty });
        const slope = weights.map(
          (weight, at) =>
            penalty * (weight - prior[at]!) +
            list.reduce(
              (sum, { features, label }) =>
                sum + (logisticProbability(weights, features) - Number(label)) * features[at]!,
              0,
            ),
        );
        assert.ok(Math.max(...slope.map(Math.abs)) < 1e-6, String(slope));
      }),
    );
  });
});
