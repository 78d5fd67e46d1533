import fc from "fast-check";
import assert from "node:assert/strict";
import { diffConfigs } from "../../../server/models/config-diff.ts";
import { isCron } from "../../../server/models/cron.ts";
import { nearestName } from "../../../server/models/nearest-name.ts";

describe("what two configurations say differently", () => {
  it("is named by its key, whatever the order", () => {
    const from = { b: { x: 1, y: [1, 2] }, a: "same" };
    const to = { a: "same", b: { y: [2, 1], z: null, x: 1 } };
    assert.deepEqual(diffConfigs(from, to), [
      { key: "b.y", from: [1, 2], to: [2, 1] },
      { key: "b.z", from: undefined, to: null },
    ]);
  });

  it("is nothing between a configuration and itself, and the same backwards", () => {
    const config = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue());
    fc.assert(fc.property(config, (one) => assert.deepEqual(diffConfigs(one, structuredClone(one)), [])));
    fc.assert(
      fc.property(config, config, (one, other) => {
        const there = diffConfigs(one, other);
        const back = diffConfigs(other, one).map(({ key, from, to }) => ({ key, from: to, to: from }));
        assert.deepEqual(back, there);
      }),
    );
  });
});

describe("the nearest name", () => {
  for (const [written, meant] of [
    ["learning_rate", "learningRate"],
    ["learnignRate", "learningRate"],
    ["Steps", "steps"],
    ["xylophone", null],
    ["", null],
  ] as const) {
    it(`of ${JSON.stringify(written)} is ${meant}`, () =>
      assert.equal(nearestName(written, ["steps", "learningRate", "weightDecay"]), meant));
  }
});

describe("a time of cron", () => {
  for (const right of ["17 3 * * *", "*/15 0-6 1,15 * 1-5", "0 0 1 1 0"])
    it(`may be ${right}`, () => assert.equal(isCron(right), true));
  for (const wrong of [
    "",
    "* * * *",
    "60 3 * * *",
    "5 24 * * *",
    "*/0 * * * *",
    "9-3 * * * *",
    "a b c d e",
    "* * 0 * *",
  ])
    it(`is not ${JSON.stringify(wrong)}`, () => assert.equal(isCron(wrong), false));
});
