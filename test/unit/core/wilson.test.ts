import assert from "node:assert/strict";
import { wilsonInterval } from "../../../core/statistics/wilson.ts";

describe("Wilson's interval", () => {
  // SciPy 1.17.1: binomtest(successes, cases).proportion_ci(method="wilson").
  for (const [successes, cases, low, high] of [
    [0, 10, 0, 0.2775328],
    [10, 10, 0.7224672, 1],
    [5, 10, 0.2365931, 0.7634069],
    [81, 263, 0.2552885, 0.3662096],
  ] as const)
    it(`${successes} of ${cases}`, () => {
      const found = wilsonInterval(successes, cases);
      assert.equal(found.share, successes / cases);
      assert.ok(Math.abs(found.low - low) < 1e-6 && Math.abs(found.high - high) < 1e-6, JSON.stringify(found));
    });
  it("knows nothing of no case", () => assert.deepEqual(wilsonInterval(0, 0), { share: 0, low: 0, high: 1 }));
});
