import assert from "node:assert/strict";
import fc from "fast-check";
import { canaryInterval } from "../../../core/evaluation/canary-interval.ts";
import { type CanaryOutcome, readCanary } from "../../../core/evaluation/canary.ts";
import { createRandom } from "../../../core/statistics/random.ts";

const draw = (
  n: number,
  share: number,
  taken: { candidate: number; champion: number },
  seed: number,
): CanaryOutcome[] => {
  const random = createRandom(seed);
  return Array.from({ length: n }, () => {
    const arm = random() < share ? "candidate" : "champion";
    return { arm, characters: random() < taken[arm] ? 30 : 0 };
  });
};

describe("the interval of a canary", () => {
  it("knows nothing of no outcome, and never more than characters can differ by", () => {
    assert.deepEqual(canaryInterval([], { share: 0.5 }), { mean: 0, low: -60, high: 60 });
    const { low, high } = canaryInterval([{ arm: "candidate", characters: 600 }], { share: 0.1 });
    assert.ok(low >= -60 && high <= 60);
  });

  it("closes around the truth", () => {
    const found = canaryInterval(draw(4_000, 0.5, { candidate: 0.5, champion: 0.3 }, 2), { share: 0.5 });
    assert.ok(found.low < 6 && found.high > 6 && found.high - found.low < 6, JSON.stringify(found));
    assert.ok(found.low > 0);
  });

  it("leaves the truth out, at any of its looks, in fewer than one trial in twenty", () => {
    const wrong = Array.from({ length: 100 }, (_, seed) => {
      const outcomes = draw(300, 0.4, { candidate: 0.3, champion: 0.3 }, seed);
      return [60, 120, 180, 240, 300].some((n) => {
        const { low, high } = canaryInterval(outcomes.slice(0, n), { share: 0.4 });
        return low > 0 || high < 0;
      });
    }).filter(Boolean).length;
    assert.ok(wrong <= 5, String(wrong));
  });

  it("holds the mean, mirrors when the arms change places, and leaves zero out only with evidence", () => {
    const outcome = fc.record({
      arm: fc.constantFrom<CanaryOutcome["arm"]>("candidate", "champion"),
      characters: fc.integer({ min: 0, max: 90 }),
    });
    fc.assert(
      fc.property(
        fc.array(outcome, { minLength: 1, maxLength: 60 }),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        (outcomes, share) => {
          const { mean, low, high } = canaryInterval(outcomes, { share });
          const clamped = Math.max(-60, Math.min(60, mean));
          assert.ok(low <= clamped + 1e-9 && clamped <= high + 1e-9);
          const turned = outcomes.map(({ arm, characters }) => ({
            arm: arm === "candidate" ? ("champion" as const) : ("candidate" as const),
            characters,
          }));
          const mirror = canaryInterval(turned, { share: 1 - share });
          assert.ok(
            Math.abs(mirror.mean + mean) < 1e-6 &&
              Math.abs(mirror.low + high) < 1e-2 &&
              Math.abs(mirror.high + low) < 1e-2,
          );
          const { harm, gain } = readCanary(outcomes, { share, limit: 1_000 });
          if (low > 0) assert.ok(gain >= 20);
          if (high < 0) assert.ok(harm >= 20);
        },
      ),
    );
  });
});
