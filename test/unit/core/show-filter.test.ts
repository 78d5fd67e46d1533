import assert from "node:assert/strict";
import fc from "fast-check";
import { FEATURE_NAMES, featuresOf, type Offer } from "../../../core/filter/features.ts";
import { fitLogistic, probabilityOf } from "../../../core/filter/logistic.ts";
import { fitTrees, logitOf } from "../../../core/filter/trees.ts";
import {
  fitShowFilter,
  judgeOffer,
  MAX_ACCEPTS_HELD,
  MIN_ACCEPTS,
  MIN_OUTCOMES,
  type ShownOutcome,
} from "../../../core/filter/show-filter.ts";
import { createRandom } from "../../../core/statistics/random.ts";
import { showFilter } from "../../../protocol/show-filter.ts";

const OFFER: Offer = {
  completion: "return a + b;",
  prefix: "function f() {\n  ",
  suffix: "\n}\n",
  meanLogProbability: -0.3,
  tokens: 6,
  lowest: -1,
  first: -0.2,
  unlikely: 1,
};

describe("features of an offer", () => {
  it("are as many as their names, and finite, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 24 }),
        fc.string({ unit: "binary", maxLength: 24 }),
        fc.string({ unit: "binary", maxLength: 24 }),
        fc.double(),
        fc.nat(1_000),
        (completion, prefix, suffix, meanLogProbability, tokens) => {
          const features = featuresOf({
            completion,
            prefix,
            suffix,
            meanLogProbability,
            tokens,
            lowest: meanLogProbability,
            first: meanLogProbability,
            unlikely: tokens,
          });
          assert.equal(features.length, FEATURE_NAMES.length);
          assert.ok(features.every(Number.isFinite));
        },
      ),
    );
  });
  const check = (name: (typeof FEATURE_NAMES)[number], offer: Partial<typeof OFFER>, expected: number): void => {
    it(`${name} of ${JSON.stringify(offer)} is ${expected}`, () =>
      assert.equal(featuresOf({ ...OFFER, ...offer })[FEATURE_NAMES.indexOf(name)], expected));
  };
  check("mid-line", {}, 0);
  check("mid-line", { prefix: "  return " }, 1);
  check("line-seen-before", {}, 0);
  check("line-seen-before", { prefix: "  return a + b;\n}\nfunction f() {\n  " }, 1);
  check("next-line-again", { suffix: "\n  return a + b;\n}\n" }, 1);
  check("only-closers", { completion: ");" }, 1);
  check("known-words", { completion: "f(g)" }, 0.5);
  check("multi-line", { completion: "a\nb" }, 1);
  check("last-log-probability", { last: -0.5 }, -0.5);
  check("last-log-probability", {}, -0.3);
  check("three-lowest-log-probabilities", { lowest: -2, second: -1, third: -0.5 }, -3.5);
});

describe("logistic regression", () => {
  it("finds the weights that made the labels", () => {
    const random = createRandom(1);
    const cases = Array.from({ length: 4_000 }, () => {
      const features = [random() * 4 - 2, 10 * random(), 7];
      const odds = 1.5 * features[0]! - 0.3 * (features[1]! - 5);
      return { features, label: random() < 1 / (1 + Math.exp(-odds)) };
    });
    const model = fitLogistic(cases);
    for (const [features, wanted] of [
      [[0, 5, 7], 0.5],
      [[1, 5, 7], 0.818],
      [[0, 9, 7], 0.231],
    ] as const)
      assert.ok(Math.abs(probabilityOf(model, features) - wanted) < 0.04);
  });

  it("stays finite where one feature decides all", () => {
    const cases = Array.from({ length: 400 }, (_, at) => ({ features: [at < 200 ? 0 : 1], label: at >= 200 }));
    const model = fitLogistic(cases);
    const [no, yes] = [probabilityOf(model, [0]), probabilityOf(model, [1])];
    assert.ok(no < 0.2 && yes > 0.8 && no > 0 && yes < 1);
  });

  it("counts a case of weight 3 as three cases", () => {
    const random = createRandom(2);
    const cases = Array.from({ length: 60 }, () => ({ features: [random()], label: random() < 0.4 }));
    const standing = { features: cases.map(({ features }) => features[0]!) };
    assert.equal(standing.features.length, 60);
    const doubled = fitLogistic([...cases, ...cases]);
    const weighted = fitLogistic(cases.map((one) => ({ ...one, weight: 2 })));
    assert.ok(Math.abs(probabilityOf(doubled, [0.3]) - probabilityOf(weighted, [0.3])) < 1e-6);
  });
});

describe("boosted trees", () => {
  const random = createRandom(3);
  /** True in the middle of one feature: no weight of it says so. */
  const cases = Array.from({ length: 1_200 }, () => {
    const features = [random(), random()];
    return { features, label: Math.abs(features[0]! - 0.5) < 0.2 };
  });
  const model = fitTrees(cases);

  it("see what no sum of the features says", () => {
    for (const other of [0.1, 0.9]) {
      assert.ok(logitOf(model, [0.5, other]) > 1);
      assert.ok(logitOf(model, [0.1, other]) < -1);
      assert.ok(logitOf(model, [0.9, other]) < -1);
    }
  });

  it("are the same for the same cases, and after a way through JSON", () => {
    assert.deepEqual(fitTrees(cases), model);
    assert.deepEqual(JSON.parse(JSON.stringify(model)), model);
  });

  it("say the rate where there is nothing to tell cases apart", () => {
    const alike = cases.map((_, i) => ({ features: [1], label: i % 4 === 0 }));
    assert.ok(Math.abs(logitOf(fitTrees(alike), [1]) - Math.log(1 / 3)) < 0.1);
  });
});

/** Outcomes of a developer who takes what the model is sure of. */
const outcomesOf = (n: number, seed: number, isTelling = true): ShownOutcome[] => {
  const random = createRandom(seed);
  return Array.from({ length: n }, () => {
    const sure = random();
    const features = featuresOf({ ...OFFER, meanLogProbability: -2 * (1 - sure), tokens: 8 });
    return { features, accepted: random() < (isTelling ? 1 / (1 + Math.exp(-14 * (sure - 0.8))) : 0.2) };
  });
};

describe("the show filter", () => {
  it("holds back most of the bad and hardly any of the accepted, on outcomes it was not fitted to", () => {
    const fit = fitShowFilter(outcomesOf(2_000, 1));
    assert.ok(fit.ok, JSON.stringify(fit));
    assert.ok(fit.filter.measured.badHeld >= 0.5, `${fit.filter.measured.badHeld}`);
    assert.ok(fit.filter.measured.acceptsHeld <= 2 * MAX_ACCEPTS_HELD);
    assert.deepEqual(showFilter.parse(JSON.parse(JSON.stringify(fit.filter))), fit.filter);
    assert.ok(JSON.stringify(fit.filter).length < 100_000);
    assert.equal(judgeOffer(fit.filter, { ...OFFER, meanLogProbability: -0.01, tokens: 8 }).show, true);
    assert.equal(judgeOffer(fit.filter, { ...OFFER, meanLogProbability: -2, tokens: 8 }).show, false);
  });

  it("is off until there are outcomes enough", () => {
    const few = fitShowFilter(outcomesOf(MIN_OUTCOMES - 1, 2));
    assert.deepEqual([few.ok, few.ok ? "" : few.reason], [false, "too-few-outcomes"]);
    const none = fitShowFilter(
      outcomesOf(MIN_OUTCOMES, 2).map((one, at) => ({ ...one, accepted: at < MIN_ACCEPTS - 1 })),
    );
    assert.deepEqual([none.ok, none.ok ? "" : none.reason], [false, "too-few-accepts"]);
  });

  it("is off where nothing tells what is taken", () => {
    const fit = fitShowFilter(outcomesOf(2_000, 3, false));
    assert.deepEqual([fit.ok, fit.ok ? "" : fit.reason], [false, "no-use"]);
  });

  it("of other features shows everything", () => {
    const fit = fitShowFilter(outcomesOf(2_000, 1));
    assert.ok(fit.ok);
    const other = { ...fit.filter, featuresVersion: -1 };
    assert.equal(judgeOffer(other, { ...OFFER, meanLogProbability: -6 }).show, true);
  });
});
