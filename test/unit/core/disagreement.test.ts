import assert from "node:assert/strict";
import fc from "fast-check";
import { disagreement } from "../../../core/labels/disagreement.ts";

const of = (...lambdas: number[]) => disagreement(lambdas.map((lambda) => ({ lambda })));

describe("disagreement of signals", () => {
  it("is what the weaker side says", () => {
    assert.equal(of(), 0);
    assert.equal(of(1, 0.4), 0);
    assert.equal(of(-1.2, -0.8), 0);
    assert.equal(of(1, -1.5), 1);
    assert.equal(of(1, 1.2, -1.5), 1.5);
  });

  it("does not depend on the order, and grows with neither side alone", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -30, max: 30 })), fc.nat(30), (lambdas, more) => {
        assert.equal(of(...lambdas), of(...lambdas.toReversed()));
        assert.ok(of(...lambdas, more) >= of(...lambdas));
        assert.ok(of(...lambdas) <= lambdas.reduce((sum, one) => sum + Math.abs(one), 0) / 2);
      }),
    );
  });
});
