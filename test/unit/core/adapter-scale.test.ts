import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseScale, SCALES, type ScaleLook } from "../../../core/evaluation/adapter-scale.ts";

const look = (scale: number, heldBack: number | null, general: number): ScaleLook => ({ scale, heldBack, general });
const base = { general: 2 };

describe("how much an adapter counts", () => {
  it("is what is best on rows held back", () => {
    const { chosen, forgetting, holds } = chooseScale(
      [look(1, 1.5, 2.02), look(0.8, 1.4, 2), look(0.6, 1.6, 1.99)],
      base,
    );
    assert.deepEqual([chosen.scale, holds], [0.8, true]);
    assert.ok(Math.abs(forgetting - (2 / 1.99 - 1)) < 1e-12);
  });

  it("is less when the best one forgets more than it may", () => {
    const looks = [look(1, 1.2, 2.2), look(0.8, 1.3, 2.09), look(0.6, 1.4, 2.03), look(0.4, 1.5, 2.01)];
    assert.deepEqual([chooseScale(looks, base).chosen.scale, chooseScale(looks, base, 0.05).chosen.scale], [0.6, 0.8]);
  });

  it("is what forgets least, and does not hold, where all forget too much", () => {
    const { chosen, holds } = chooseScale([look(1, 1.2, 2.4), look(0.4, 1.3, 2.1)], base);
    assert.deepEqual([chosen.scale, holds], [0.4, false]);
  });

  it("is less when general code got better and then worse again, as if it were forgotten from there on", () => {
    const looks = [look(1, 1.2, 1.99), look(0.8, 1.3, 1.95), look(0.6, 1.4, 1.93)];
    const { chosen, forgetting, holds } = chooseScale(looks, base);
    assert.deepEqual([chosen.scale, holds], [0.8, true]);
    assert.ok(Math.abs(forgetting - (1.95 / 1.93 - 1)) < 1e-12);
  });

  it("is the most that is not forgotten where nothing was held back", () => {
    assert.equal(chooseScale([look(1, null, 2.2), look(0.8, null, 2.03), look(0.6, null, 2)], base).chosen.scale, 0.8);
  });

  it("never holds with losses that are no numbers", () => {
    assert.equal(chooseScale([look(1, Number.NaN, 2), look(0.4, Infinity, 2)], base).holds, false);
    assert.equal(chooseScale([look(1, 1, Number.NaN)], base).holds, false);
  });

  const losses = fc.array(
    fc.record({
      heldBack: fc.double({ min: 0.5, max: 3, noNaN: true }),
      general: fc.double({ min: 1.5, max: 3, noNaN: true }),
    }),
    { minLength: 1, maxLength: SCALES.length },
  );
  const looksOf = (all: readonly { heldBack: number; general: number }[]): ScaleLook[] =>
    all.map((one, i) => ({ scale: SCALES[i]!, ...one }));

  it("holds exactly when some scale holds, and then none that holds is better", () =>
    fc.assert(
      fc.property(losses, (all) => {
        const looks = looksOf(all);
        const { chosen, holds } = chooseScale(looks, base);
        const lowest = Math.min(base.general, ...looks.map(({ general }) => general));
        const allowed = looks.filter(({ general }) => general / lowest - 1 <= 0.02);
        assert.equal(holds, allowed.length > 0);
        if (holds)
          assert.ok(allowed.includes(chosen) && allowed.every(({ heldBack }) => chosen.heldBack! <= heldBack!));
        else assert.ok(looks.every(({ general }) => chosen.general <= general));
      }),
    ));
});
