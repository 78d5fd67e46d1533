import assert from "node:assert/strict";
import fc from "fast-check";
import { DEFAULT_LABEL_TABLE } from "../../../core/labels/label-table.ts";
import { competingRisks } from "../../../core/statistics/competing-risks.ts";
import { kaplanMeier } from "../../../core/statistics/kaplan-meier.ts";
import {
  expectedQuality,
  lossDiscount,
  type PooledCurves,
  qualityOf,
  type QualityLoss,
  trainingWeight,
} from "../../../core/survival/quality.ts";
import { type SnippetLife, summariseLives } from "../../../core/survival/survival-summary.ts";

const { blame } = DEFAULT_LABEL_TABLE;
const MINUTE = 60_000;
const DAY = 86_400_000;
const close = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

describe("qualityOf", () => {
  const check = (what: string, losses: QualityLoss[], quality: number): void => {
    it(`${what}: ${quality}`, () => close(qualityOf(losses, blame), quality));
  };
  check("nothing lost", [], 1);
  check("undone at once", [{ fraction: 1, afterMs: 2_000, cause: "undo" }], 0);
  check("half rewritten at once", [{ fraction: 0.5, afterMs: MINUTE, cause: "quick_rewrite" }], 0.6);
  check("fixed after 30 days", [{ fraction: 1, afterMs: 30 * DAY, cause: "fix" }], 1 - 0.8 / 2);
  check("fixed after 60 days", [{ fraction: 1, afterMs: 60 * DAY, cause: "fix" }], 1 - 0.8 / 4);
  check(
    "rewritten after 30 days, never committed",
    [{ fraction: 1, afterMs: 30 * DAY, cause: "quick_rewrite", uncommitted: true }],
    1 - 0.8,
  );
  check(
    "moved, formatted, abandoned",
    [
      { fraction: 1, afterMs: MINUTE, cause: "moved" },
      { fraction: 1, afterMs: MINUTE, cause: "format" },
      { fraction: 1, afterMs: MINUTE, cause: "abandoned" },
    ],
    1,
  );
  check(
    "two losses",
    [
      { fraction: 0.5, afterMs: MINUTE, cause: "other" },
      { fraction: 0.5, afterMs: 30 * DAY, cause: "refactor" },
    ],
    1 - 0.5 * 0.35 - 0.5 * 0.1 * 0.5,
  );

  it("lies within 0 and 1 and never rises with another loss", () => {
    const loss = fc.record({
      fraction: fc.double({ min: 0, max: 1, noNaN: true }),
      afterMs: fc.integer({ min: 0, max: 400 * DAY }),
      cause: fc.constantFrom("undo" as const, "fix" as const, "other" as const, "moved" as const),
    });
    fc.assert(
      fc.property(fc.array(loss, { maxLength: 6 }), loss, (losses, more) => {
        const quality = qualityOf(losses, blame);
        assert.ok(quality >= 0 && quality <= 1);
        assert.ok(qualityOf([...losses, more], blame) <= quality + 1e-12);
        assert.ok(lossDiscount(more) > 0 && lossDiscount(more) <= 1);
      }),
    );
  });
});

describe("expectedQuality", () => {
  const pool = (spec: string, nSnippets: number): PooledCurves => ({
    nSnippets,
    risks: competingRisks(
      spec.split(" ").map((word) => {
        const [time = "", cause = ""] = word.split(":");
        return { time: parseFloat(time), ended: cause !== "", cause };
      }),
    ),
  });
  // A quarter reverted on day 5, half of the rest mended on day 20.
  const known = pool("5:revert 20:fix 40 20:fix 40 40 40 5:revert", 200);
  const never = pool("40 40", 200);
  const expect = (days: number, local = known, global = never): number =>
    expectedQuality({ quality: 1, days, local, global, blame });

  it("by hand: from the first day", () => close(expect(0), 1 - (1 * 0.25 + 0.8 * 0.25)));
  it("by hand: after the reverts", () => close(expect(6), 1 - (0.8 * 0.25) / 0.75));
  it("is the quality itself at the horizon", () => assert.equal(expect(30), 1));
  it("leans on all code by what is missing of 200 snippets", () => {
    const half = { ...known, nSnippets: 100 };
    close(expect(0, half), 1 - 0.45 / 2);
    close(expect(0, { ...known, nSnippets: 0 }), 1);
  });
  it("multiplies the quality so far", () =>
    close(expectedQuality({ quality: 0.5, days: 0, local: known, global: never, blame }), 0.5 * 0.55));
});

describe("trainingWeight", () => {
  const censoring = kaplanMeier([1, 1, 1, 40].map((time) => ({ time, ended: time < 30 })));
  const weigh = (fields: Partial<Parameters<typeof trainingWeight>[0]>): number =>
    trainingWeight({ nTokens: 20, days: 30, location: "anchored", censoring: [], ...fields });

  it("is 1 for a long snippet that was watched to the end", () => assert.equal(weigh({}), 1));
  it("counts length up to 20 tokens", () => {
    close(weigh({ nTokens: 5 }), 0.25);
    assert.equal(weigh({ nTokens: 200 }), 1);
  });
  it("is a ramp up to a half before the horizon", () => {
    close(weigh({ days: 5 / 24 / 60 }), 5 / 15);
    assert.equal(weigh({ days: 29 }), 0.5);
    assert.equal(weigh({ days: 0 }), 0);
  });
  it("stands for those that were lost from sight, at most for five", () => {
    close(weigh({ censoring }), 4);
    const nearlyAll = kaplanMeier(
      [...Array.from({ length: 99 }, () => 1), 40].map((time) => ({ time, ended: time < 30 })),
    );
    assert.equal(weigh({ censoring: nearlyAll }), 5);
  });
  it("counts a doubtful place less", () => {
    assert.deepEqual(
      (["anchored", "resurrected", "gap", "ambiguous"] as const).map((location) => weigh({ location })),
      [1, 0.8, 0.5, 0.3],
    );
  });
});

describe("summariseLives", () => {
  const life = (time: number, cause: SnippetLife["cause"], at: number): SnippetLife => ({
    time,
    ended: cause !== "",
    cause,
    nTokens: at === 0 ? 90 : 10,
    repository: `r${at % 2}`,
    session: `s${at}`,
  });
  const options = { resamples: 200, confidence: 0.95, seed: 1 };

  it("sums up by hand", () => {
    const summary = summariseLives(
      [life(10, "fix", 0), life(20, "revert", 1), life(100, "", 2), life(100, "", 3)],
      options,
    );
    assert.equal(summary.nEnded, 2);
    assert.equal(summary.nTokens, 120);
    assert.deepEqual(
      summary.at.map(({ day, survival }) => [day, survival.value]),
      [
        [7, 1],
        [14, 0.75],
        [30, 0.5],
        [90, 0.5],
      ],
    );
    assert.equal(summary.halfLifeDays.value, 20);
    assert.equal(summary.restrictedMeanDays.value, 10 + 10 * 0.75 + 70 * 0.5);
    close(summary.perToken[1]?.survival ?? 0, 0.25);
    assert.deepEqual(
      summary.causes.map(({ cause, ended, share }) => [cause, ended, share]),
      [
        ["fix", 1, 0.25],
        ["revert", 1, 0.25],
      ],
    );
    for (const { low, high } of summary.band) assert.ok(low >= 0 && low <= high && high <= 1);
  });

  it("does not say what nobody was followed for", () => {
    const summary = summariseLives([life(10, "", 0), life(12, "", 1)], options);
    assert.deepEqual(
      summary.at.map(({ survival }) => survival.value),
      [1, null, null, null],
    );
    assert.equal(summary.restrictedMeanDays.value, null);
    assert.equal(summary.halfLifeDays.value, null);
  });

  it("knows the rest of a curve that has come to its end", () => {
    const summary = summariseLives([life(3, "undo", 0), life(5, "undo", 1)], options);
    assert.equal(summary.at.at(-1)?.survival.value, 0);
  });

  it("is empty of nothing", () => {
    const summary = summariseLives([], options);
    assert.deepEqual([summary.nSnippets, summary.followedDays, summary.curve.length], [0, 0, 0]);
  });
});
