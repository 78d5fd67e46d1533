import assert from "node:assert/strict";
import fc from "fast-check";
import { clusterIntervals, clustersOf, drawClusters } from "../../../core/statistics/cluster-bootstrap.ts";
import { type CausedLifetime, competingRisks, incidenceAt } from "../../../core/statistics/competing-risks.ts";
import {
  greenwoodInterval,
  kaplanMeier,
  type Lifetime,
  restrictedMean,
  survivalAt,
} from "../../../core/statistics/kaplan-meier.ts";
import { normalQuantile } from "../../../core/statistics/quantile.ts";
import { createRandom } from "../../../core/statistics/random.ts";

const close = (actual: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);

/** Lives as `6`, `6+` (censored), `3..6` (entered at 3), `6:fix` (ended for fix). */
const lives = (spec: string): CausedLifetime[] =>
  spec.split(" ").map((word) => {
    const [, entry, time = "0", censored, cause = "other"] =
      /^(?:([\d.]+)\.\.)?([\d.]+)(\+)?(?::(\w+))?$/.exec(word) ?? [];
    const life = { time: Number(time), ended: censored === undefined, cause };
    return entry === undefined ? life : { ...life, entry: Number(entry) };
  });

/** Straight from the definitions, one time after another: the reference of invariant P19. */
const reference = (
  all: readonly CausedLifetime[],
  at: number,
): { survival: number; incidence: Map<string, number> } => {
  const times = [...new Set(all.filter((life) => life.ended).map((life) => life.time))].sort((a, b) => a - b);
  let survival = 1;
  const incidence = new Map<string, number>();
  for (const time of times.filter((one) => one <= at)) {
    const atRisk = all.filter((life) => (life.entry ?? -1) < time && life.time >= time);
    const ending = atRisk.filter((life) => life.ended && life.time === time);
    if (ending.length === 0) continue;
    for (const cause of new Set(ending.map((life) => life.cause))) {
      const count = ending.filter((life) => life.cause === cause).length;
      incidence.set(cause, (incidence.get(cause) ?? 0) + (survival * count) / atRisk.length);
    }
    survival *= 1 - ending.length / atRisk.length;
  }
  return { survival, incidence };
};

const randomLives = fc.array(
  fc
    .record({
      time: fc.integer({ min: 0, max: 12 }),
      ended: fc.boolean(),
      cause: fc.constantFrom("revert", "fix", "other"),
      entry: fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }),
    })
    .map(({ entry, ...life }): CausedLifetime => (entry === undefined ? life : { ...life, entry })),
  { maxLength: 40 },
);

describe("kaplanMeier", () => {
  it("agrees with the definition on lives that are censored and enter late (P19)", () => {
    fc.assert(
      fc.property(randomLives, fc.integer({ min: 0, max: 13 }), (all, at) => {
        close(survivalAt(kaplanMeier(all), at), reference(all, at).survival);
      }),
    );
  });

  it("counts a late entrant only from its entry", () => {
    // By hand: at 2 one of {2, 5} is at risk of 2; the third enters at 3. At 5 both others are there.
    const steps = kaplanMeier(lives("2 5+ 3..5"));
    assert.deepEqual(
      steps.map(({ time, nAtRisk, survival }) => [time, nAtRisk, survival]),
      [
        [2, 2, 0.5],
        [5, 2, 0.25],
      ],
    );
  });

  it("takes nothing from a life that enters when it is over", () =>
    assert.deepEqual(kaplanMeier(lives("4 6+ 5..5")), kaplanMeier(lives("4 6+"))));

  it("counts a weight as that many lives", () => {
    const counted = kaplanMeier(lives("1 1 1 2+ 3"));
    const weighted = kaplanMeier([
      { time: 1, ended: true, weight: 3 },
      ...lives("2+ 3"),
      { time: 9, ended: true, weight: 0 },
    ]);
    assert.deepEqual(weighted, counted);
  });

  it("has Greenwood's variance", () => {
    // Freireich's example: at 10 weeks S = 0.7529 with a standard error of 0.0963.
    const freireich: Lifetime[] = lives("6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+");
    const step = kaplanMeier(freireich).find(({ time }) => time === 10);
    assert.ok(step);
    close(step.survival * Math.sqrt(step.greenwood), 0.0963, 1e-4);
    // The log(-log) interval of the same point, from the usual programs.
    const { low, high } = greenwoodInterval(step, 0.95);
    close(low, 0.503, 2e-3);
    close(high, 0.889, 2e-3);
  });

  it("has no interval where nothing or everything has ended", () => {
    const [last] = kaplanMeier(lives("3 3"));
    assert.ok(last);
    assert.deepEqual(greenwoodInterval(last, 0.95), { low: 0, high: 0 });
  });

  it("keeps its interval within 0 and 1 and around the curve", () => {
    fc.assert(
      fc.property(randomLives, fc.double({ min: 0.5, max: 0.99, noNaN: true }), (all, confidence) => {
        for (const step of kaplanMeier(all)) {
          const { low, high } = greenwoodInterval(step, confidence);
          assert.ok(low >= 0 && low <= step.survival + 1e-12 && high >= step.survival - 1e-12 && high <= 1);
        }
      }),
    );
  });
});

describe("restrictedMean", () => {
  it("is the area under the curve", () => {
    const steps = kaplanMeier(lives("2 4 10+ 10+"));
    // 2 · 1 + 2 · 3/4 + 6 · 1/2
    close(restrictedMean(steps, 10), 6.5);
    close(restrictedMean(steps, 3), 2.75);
    close(restrictedMean([], 90), 90);
  });

  it("is the mean of the lives, cut at the horizon, when none is censored", () => {
    const times = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 25 }), (all, horizon) => {
        const mean = all.reduce((sum, time) => sum + Math.min(time, horizon), 0) / all.length;
        close(restrictedMean(kaplanMeier(all.map((time) => ({ time, ended: true }))), horizon), mean);
      }),
    );
  });
});

describe("competingRisks", () => {
  it("adds up to one with the survival at every time (P19)", () => {
    fc.assert(
      fc.property(randomLives, fc.integer({ min: 0, max: 13 }), (all, at) => {
        const risks = competingRisks(all);
        const sum = [...risks.incidence.keys()].reduce((total, cause) => total + incidenceAt(risks, cause, at), 0);
        close(sum + survivalAt(risks.survival, at), 1);
      }),
    );
  });

  it("agrees with the definition (P19)", () => {
    fc.assert(
      fc.property(randomLives, fc.integer({ min: 0, max: 13 }), (all, at) => {
        const risks = competingRisks(all);
        const { survival, incidence } = reference(all, at);
        close(survivalAt(risks.survival, at), survival);
        for (const cause of ["revert", "fix", "other"]) close(incidenceAt(risks, cause, at), incidence.get(cause) ?? 0);
      }),
    );
  });

  it("by hand: 1 fix of 4, then 1 revert of 2", () => {
    const risks = competingRisks(lives("1:fix 2+ 3:revert 4+"));
    close(incidenceAt(risks, "fix", 5), 0.25);
    close(incidenceAt(risks, "revert", 5), 0.75 * 0.5);
    close(survivalAt(risks.survival, 5), 0.375);
    assert.equal(incidenceAt(risks, "undo", 5), 0);
  });

  it("is lower than one minus a curve that censors the other causes", () => {
    const all = lives("1:fix 2:revert 3:fix 4:revert 5+");
    const alone = kaplanMeier(all.map((life) => ({ ...life, ended: life.ended && life.cause === "fix" })));
    assert.ok(incidenceAt(competingRisks(all), "fix", 5) < 1 - survivalAt(alone, 5));
  });
});

describe("clusterIntervals", () => {
  const caseOf = (repository: string, session: string, value: number) => ({ repository, session, value });
  const mean = (cases: readonly { value: number }[]) => (counts: Float64Array) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return [cases.reduce((sum, { value }, at) => sum + value * (counts[at] ?? 0), 0) / total];
  };
  const options = { resamples: 400, confidence: 0.9, seed: 4 };

  it("draws whole sessions of whole repositories, as many as there are", () => {
    const cases = ["a1", "a1", "a2", "b1", "b2", "b2", "b2"].map((name) => caseOf(name[0] ?? "", name, 0));
    const clusters = clustersOf(cases);
    const random = createRandom(9);
    for (let draw = 0; draw < 200; draw += 1) {
      const counts = drawClusters(clusters, random);
      assert.equal(counts[0], counts[1]);
      assert.equal(counts[4], counts[5]);
      const nDrawn = (counts[0] ?? 0) + (counts[2] ?? 0) + (counts[3] ?? 0) + (counts[4] ?? 0);
      assert.equal(nDrawn, 4);
    }
  });

  it("says nothing of one session", () => {
    const cases = [caseOf("a", "1", 1), caseOf("a", "1", 2)];
    assert.deepEqual(clusterIntervals(cases, mean(cases), options), [null]);
  });

  it("is wider when cases of a session agree", () => {
    const random = createRandom(2);
    const values = Array.from({ length: 60 }, (_, at) => (at < 30 ? 0 : 1)).sort(() => random() - 0.5);
    const width = (sessionOf: (value: number, at: number) => string): number => {
      const cases = values.map((value, at) => caseOf("a", sessionOf(value, at), value));
      const [interval] = clusterIntervals(cases, mean(cases), options);
      return (interval?.high ?? 0) - (interval?.low ?? 0);
    };
    const grouped = width((value, at) => `${value}-${at % 3}`);
    assert.ok(grouped > 1.5 * width((_, at) => `${at}`), `${grouped}`);
  });

  it("is open where a resample has no figure", () => {
    const cases = [caseOf("a", "1", 1), caseOf("a", "2", 1)];
    assert.deepEqual(
      clusterIntervals(cases, (counts) => [(counts[0] ?? 0) > 0 ? 3 : null], { ...options, confidence: 0.98 }),
      [{ low: 3, high: null }],
    );
  });

  it("knows the quantiles of the normal", () => {
    close(normalQuantile(0.975), 1.959964, 1e-5);
    close(normalQuantile(0.05), -1.644854, 1e-5);
  });
});
