import assert from "node:assert/strict";
import fc from "fast-check";
import { pairedBootstrap } from "../../../core/statistics/bootstrap.ts";
import { halfLife, kaplanMeier, type Lifetime, survivalAt } from "../../../core/statistics/kaplan-meier.ts";
import { normalCdf, studentQuantile } from "../../../core/statistics/quantile.ts";
import { createRandom, hashText, shuffle } from "../../../core/statistics/random.ts";

const close = (actual: number, expected: number, tolerance: number): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);

describe("createRandom", () => {
  it("repeats itself for a seed and differs for another", () => {
    const draw = (seed: number) => Array.from({ length: 20 }, createRandom(seed));
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
  });

  it("is uniform in [0, 1)", () => {
    const random = createRandom(1);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let draw = 0; draw < 20_000; draw += 1) {
      const value = random();
      assert.ok(value >= 0 && value < 1);
      counts[Math.floor(value * 10)]! += 1;
    }
    const chiSquared = counts.reduce((sum, count) => sum + (count - 2_000) ** 2 / 2_000, 0);
    assert.ok(chiSquared < 27.9, `chi-squared of 9 degrees is ${chiSquared}, 27.9 is its 99.9th percentile`);
  });

  it("shuffles into every order about equally often", () => {
    const random = createRandom(3);
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 6_000; draw += 1) {
      const order = shuffle(["a", "b", "c"], random).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.equal(counts.size, 6);
    for (const count of counts.values()) close(count, 1_000, 130);
  });

  it("hashes texts to evenly spread numbers of 32 bits", () => {
    const hashes = Array.from({ length: 4_000 }, (_, at) => hashText(`src/file.ts:${at}`));
    assert.equal(new Set(hashes).size, 4_000);
    for (let digit = 0; digit < 10; digit += 1) close(hashes.filter((hash) => hash % 10 === digit).length, 400, 80);
  });
});

describe("quantiles", () => {
  for (const [z, share] of [
    [0, 0.5],
    [1.959964, 0.975],
    [-1.644854, 0.05],
    [3, 0.99865],
  ] as const) {
    it(`the normal lies below ${z} with probability ${share}`, () => close(normalCdf(z), share, 1e-6));
  }
  // Critical values of two-sided 95 % tests, from the usual tables.
  for (const [degrees, t] of [
    [1, 12.706],
    [2, 4.303],
    [4, 2.776],
    [9, 2.262],
    [30, 2.042],
    [120, 1.98],
    [5_000, 1.96],
  ] as const) {
    it(`Student's t with ${degrees} degrees lies below ${t} in 97.5 %`, () =>
      close(studentQuantile(0.975, degrees), t, 6e-4));
  }
});

describe("pairedBootstrap", () => {
  const settings = { resamples: 2_000, confidence: 0.95, seed: 1 };
  const eachItsOwn = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at}`);

  it("gives the difference of the means and an interval around it", () => {
    const a = Array.from({ length: 50 }, (_, at) => at % 7);
    const b = a.map((value, at) => value - (at % 3));
    const { difference, low, high } = pairedBootstrap({ a, b, groups: eachItsOwn(50), ...settings });
    close(difference, a.reduce((sum, value, at) => sum + value - (b[at] ?? 0), 0) / 50, 1e-12);
    assert.ok(low < difference && difference < high && low > 0);
  });

  it("is 0 with no width for equal sides", () => {
    const a = [1, 5, 2];
    assert.deepEqual(pairedBootstrap({ a, b: a, groups: eachItsOwn(3), ...settings }), {
      difference: 0,
      low: 0,
      high: 0,
    });
  });

  it("knows nothing from one group or none", () => {
    const nothing = { low: -Infinity, high: Infinity };
    assert.deepEqual(pairedBootstrap({ a: [1, 2], b: [0, 0], groups: ["x", "x"], ...settings }), {
      difference: 1.5,
      ...nothing,
    });
    assert.deepEqual(pairedBootstrap({ a: [], b: [], groups: [], ...settings }), { difference: 0, ...nothing });
  });

  it("refuses sides of different length", () => {
    assert.throws(() => pairedBootstrap({ a: [1], b: [], groups: ["x"], ...settings }), RangeError);
  });

  it("is wider when cases come in groups that agree", () => {
    const random = createRandom(5);
    const gains = Array.from({ length: 12 }, () => random() - 0.4);
    const a = gains.flatMap((gain) => Array.from({ length: 10 }, () => gain));
    const b = a.map(() => 0);
    const width = (groups: string[]) => {
      const { low, high } = pairedBootstrap({ a, b, groups, ...settings });
      return high - low;
    };
    const grouped = a.map((_, at) => `${Math.floor(at / 10)}`);
    assert.ok(width(grouped) > 2.5 * width(eachItsOwn(a.length)));
  });

  it("is repeatable, turns with its sides, and holds the difference", () => {
    const sides = fc.array(
      fc.tuple(fc.double({ min: -5, max: 5, noNaN: true }), fc.double({ min: -5, max: 5, noNaN: true })),
      {
        minLength: 4,
        maxLength: 30,
      },
    );
    fc.assert(
      fc.property(sides, fc.integer(), (pairs, seed) => {
        const a = pairs.map(([left]) => left);
        const b = pairs.map(([, right]) => right);
        const groups = pairs.map((_, at) => `${at % 4}`);
        const input = { a, b, groups, resamples: 400, confidence: 0.9, seed };
        const forward = pairedBootstrap(input);
        assert.deepEqual(pairedBootstrap(input), forward);
        const backward = pairedBootstrap({ ...input, a: b, b: a });
        close(backward.low, -forward.high, 1e-9);
        close(backward.difference, -forward.difference, 1e-9);
        assert.ok(forward.low <= forward.high);
      }),
      { numRuns: 40 },
    );
  });

  for (const nGroups of [5, 8, 15, 60]) {
    it(`covers the truth in about 95 % of samples of ${nGroups} groups`, () => {
      const random = createRandom(nGroups);
      const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      const nSamples = 600;
      let nCovered = 0;
      for (let sample = 0; sample < nSamples; sample += 1) {
        const shifts = Array.from({ length: nGroups }, () => 0.3 + normal());
        const a = shifts.flatMap((shift) => [shift + normal() / 4, shift + normal() / 4]);
        const groups = a.map((_, at) => `${Math.floor(at / 2)}`);
        const { low, high } = pairedBootstrap({
          a,
          b: a.map(() => 0),
          groups,
          ...settings,
          resamples: 1_000,
          seed: sample,
        });
        if (low <= 0.3 && 0.3 <= high) nCovered += 1;
      }
      close(nCovered / nSamples, 0.95, 0.035);
    });
  }
});

describe("kaplanMeier", () => {
  const lives = (spec: string): Lifetime[] =>
    spec.split(" ").map((life) => ({ time: parseFloat(life), ended: !life.endsWith("+") }));

  // Freireich et al. 1963, remission of leukaemia under 6-mercaptopurine: the textbook example.
  const freireich = lives("6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+");
  it("agrees with the textbook", () => {
    const steps = kaplanMeier(freireich);
    assert.deepEqual(
      steps.map((step) => [step.time, step.nAtRisk, step.nEnded, Number(step.survival.toFixed(4))]),
      [
        [6, 21, 3, 0.8571],
        [7, 17, 1, 0.8067],
        [10, 15, 1, 0.7529],
        [13, 12, 1, 0.6902],
        [16, 11, 1, 0.6275],
        [22, 7, 1, 0.5378],
        [23, 6, 1, 0.4482],
      ],
    );
    assert.equal(halfLife(steps), 23);
    assert.equal(survivalAt(steps, 5), 1);
    close(survivalAt(steps, 12), 0.7529, 1e-4);
  });

  it("is the plain share of the living when nothing is censored", () => {
    const time = fc.integer({ min: 0, max: 20 });
    fc.assert(
      fc.property(fc.array(time, { minLength: 1, maxLength: 50 }), time, (times, at) => {
        const steps = kaplanMeier(times.map((time) => ({ time, ended: true })));
        close(survivalAt(steps, at), times.filter((time) => time > at).length / times.length, 1e-9);
      }),
    );
  });

  it("never rises, and does not depend on the order of the lives", () => {
    const life = fc.record({ time: fc.integer({ min: 0, max: 15 }), ended: fc.boolean() });
    fc.assert(
      fc.property(fc.array(life, { maxLength: 40 }), fc.integer(), (lifetimes, seed) => {
        const steps = kaplanMeier(lifetimes);
        assert.deepEqual(kaplanMeier(shuffle(lifetimes, createRandom(seed))), steps);
        steps.reduce((before, step) => {
          assert.ok(step.survival < before && step.survival >= 0);
          return step.survival;
        }, 1 + 1e-12);
      }),
    );
  });

  it("has no half-life while more than half live", () =>
    assert.equal(halfLife(kaplanMeier(lives("1 2+ 3+ 4+"))), null));
});
