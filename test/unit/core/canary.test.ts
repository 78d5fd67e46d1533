import assert from "node:assert/strict";
import fc from "fast-check";
import { type CanaryOutcome, EVIDENCE, readCanary } from "../../../core/evaluation/canary.ts";
import { readDrift } from "../../../core/evaluation/drift.ts";
import { createRandom, shuffle } from "../../../core/statistics/random.ts";

const PLAN = { share: 0.5, limit: 1_000_000 };

interface World {
  readonly share?: number;
  /** Rate of accepts, of the candidate and of the champion. */
  readonly rates: readonly [number, number];
  /** Mean characters of an accept; 30 unless given. */
  readonly sizes?: readonly [number, number];
}

/** Suggestions of a developer whose mood, good or bad, lasts for a while. */
const outcomesIn = ({ share = 0.5, rates, sizes = [30, 30] }: World, n: number, seed: number): CanaryOutcome[] => {
  const random = createRandom(seed);
  let mood = 1;
  return Array.from({ length: n }, (_, at) => {
    if (at % 20 === 0) mood = 0.4 + 1.2 * random();
    const isCandidate = random() < share;
    const side = isCandidate ? 0 : 1;
    const isTaken = random() < mood * rates[side];
    const characters = isTaken ? Math.ceil(-sizes[side] * Math.log(1 - random())) : 0;
    return { arm: isCandidate ? "candidate" : "champion", characters };
  });
};

/** The verdict of somebody who looks after every tenth outcome and acts at once. */
const verdictOf = (world: World, n: number, seed: number): { verdict: string; after: number } => {
  const outcomes = outcomesIn(world, n, seed);
  for (let after = 10; after <= n; after += 10) {
    const { verdict } = readCanary(outcomes.slice(0, after), { ...PLAN, share: world.share ?? 0.5 });
    if (verdict !== "undecided") return { verdict, after };
  }
  return { verdict: "undecided", after: n };
};

const shareOf = (verdict: string, world: World, n: number, nCanaries: number): number =>
  Array.from({ length: nCanaries }, (_, seed) => verdictOf(world, n, seed)).filter((one) => one.verdict === verdict)
    .length / nCanaries;

describe("readCanary", () => {
  for (const share of [0.2, 0.5]) {
    it(`calls equals worse at most once in twenty, looked at all the time, with a share of ${share}`, () => {
      const found = shareOf("roll-back", { share, rates: [0.3, 0.3] }, 600, 400);
      assert.ok(found <= 0.05, `${found}`);
    });
    it(`calls equals better at most once in twenty, with a share of ${share}`, () => {
      const found = shareOf("promote", { share, rates: [0.3, 0.3] }, 600, 400);
      assert.ok(found <= 0.05, `${found}`);
    });
  }

  it("sees a candidate whose suggestions nobody takes", () => {
    const found = Array.from({ length: 200 }, (_, seed) => verdictOf({ rates: [0, 0.3] }, 400, seed));
    assert.ok(found.filter(({ verdict }) => verdict === "roll-back").length >= 196);
    assert.ok(found.every(({ verdict }) => verdict !== "promote"));
    const after = found.map((one) => one.after).sort((a, b) => a - b)[100]!;
    assert.ok(after <= 120, `half of them after ${after} suggestions`);
  });

  it("sees a candidate that halves the accepts, and one that doubles them", () => {
    assert.ok(shareOf("roll-back", { rates: [0.15, 0.3] }, 1_500, 100) >= 0.8);
    assert.ok(shareOf("promote", { rates: [0.3, 0.15] }, 1_500, 100) >= 0.8);
  });

  it("counts characters, not accepts alone", () => {
    assert.ok(shareOf("roll-back", { rates: [0.3, 0.3], sizes: [8, 30] }, 1_500, 100) >= 0.8);
  });

  it("does not depend on the order of outcomes", () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(1_000), (seed, order) => {
        const outcomes = outcomesIn({ rates: [0.2, 0.3] }, 80, seed);
        const left = readCanary(outcomes, PLAN);
        const right = readCanary(shuffle(outcomes, createRandom(order)), PLAN);
        assert.ok(Math.abs(left.harm - right.harm) <= 1e-9 * Math.max(1, left.harm));
        assert.equal(left.verdict, right.verdict);
      }),
    );
  });

  it("mirrors when the arms change places at even odds", () => {
    const outcomes = outcomesIn({ rates: [0.4, 0.1] }, 200, 3);
    const mirrored = outcomes.map((one): CanaryOutcome => ({
      ...one,
      arm: one.arm === "candidate" ? "champion" : "candidate",
    }));
    const left = readCanary(outcomes, PLAN);
    const right = readCanary(mirrored, PLAN);
    assert.ok(Math.abs(left.gain - right.harm) <= 1e-9 * left.gain);
  });

  it("does not let one accept decide, however long", () => {
    for (const arm of ["candidate", "champion"] as const) {
      const { harm, gain } = readCanary([{ arm, characters: 1e9 }], { ...PLAN, share: 0.05 });
      assert.ok(harm < EVIDENCE && gain < EVIDENCE);
    }
  });

  it("decides at the limit without evidence, by what was taken in", () => {
    const even: CanaryOutcome[] = [
      { arm: "candidate", characters: 10 },
      { arm: "champion", characters: 10 },
      { arm: "candidate", characters: 0 },
      { arm: "champion", characters: 0 },
    ];
    assert.equal(readCanary(even, { share: 0.5, limit: 5 }).verdict, "undecided");
    assert.equal(readCanary(even, { share: 0.5, limit: 4 }).verdict, "promote");
    const worse = even.map((one) => (one.arm === "candidate" ? { ...one, characters: 0 } : one));
    assert.match(readCanary(worse, { share: 0.5, limit: 4 }).reason, /^No gain in 4 outcomes/);
  });

  it("has nothing to say of nothing", () => {
    const { verdict, harm, gain } = readCanary([], PLAN);
    assert.deepEqual([verdict, harm, gain], ["undecided", 1, 1]);
  });
});

describe("readDrift", () => {
  const values = (world: World, n: number, seed: number): number[] =>
    outcomesIn(world, n, seed).map(({ characters }) => Math.min(60, characters));
  const alarms = (later: number, n: number): number =>
    Array.from({ length: 200 }, (_, seed) =>
      readDrift([...values({ rates: [0.3, 0.3] }, 400, seed), ...values({ rates: [later, later] }, n, 1_000 + seed)]),
    ).filter(({ alarm }) => alarm).length / 200;

  it("stays quiet for a thousand suggestions like those before", () => {
    const found = alarms(0.3, 1_000);
    assert.ok(found <= 0.05, `${found}`);
  });
  it("hears when nothing is taken any more within 150 suggestions", () => {
    const found = alarms(0, 150);
    assert.ok(found >= 0.9, `${found}`);
  });
  it("hears when half is taken within 600", () => {
    const found = alarms(0.15, 600);
    assert.ok(found >= 0.8, `${found}`);
  });
  it("says nothing before it has learnt what is usual, or when nothing ever was", () => {
    assert.equal(readDrift(values({ rates: [0.3, 0.3] }, 300, 1)).watched, 0);
    assert.equal(readDrift(Array.from({ length: 900 }, () => 0)).alarm, false);
    assert.equal(readDrift([]).alarm, false);
  });
});
