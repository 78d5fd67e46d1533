import assert from "node:assert/strict";
import fc from "fast-check";
import { type CaseMeasures, decidePromotion, type GateCase } from "../../../core/evaluation/gate.ts";
import {
  acceptedAtLine,
  blockEditSimilarity,
  editSimilarity,
  levenshtein,
} from "../../../core/evaluation/similarity.ts";
import { createRandom } from "../../../core/statistics/random.ts";
import { evaluationReport } from "../../../protocol/evaluation.ts";

describe("acceptedAtLine", () => {
  const check = (completion: string, target: string, expected: boolean): void => {
    it(`${JSON.stringify(completion)} for ${JSON.stringify(target)}: ${expected}`, () =>
      assert.equal(acceptedAtLine(completion, target), expected));
  };
  check("return a;", "return a;", true);
  check("return a;  \nmore", "return a;\nother", true);
  check("return a;\r\n", "return a;", true);
  check("\n  return a;", "\n  return a;", true);
  check(" return a;", "return a;", false);
  check("return b;", "return a;", false);
  check("return a", "return a;", false);
  check("", "return a;", false);
  check("", "", false);
  check("  \n", "\n", false);
});

describe("edit similarity", () => {
  const check = (completion: string, target: string, line: number, block: number): void => {
    it(`${JSON.stringify(completion)} for ${JSON.stringify(target)}`, () => {
      assert.ok(Math.abs(editSimilarity(completion, target) - line) < 1e-9);
      assert.ok(Math.abs(blockEditSimilarity(completion, target) - block) < 1e-9);
    });
  };
  check("abcd", "abcd", 1, 1);
  check("abcd", "abcx", 0.75, 0.75);
  check("abcd\nefgh", "abcd\nxxxx", 1, 5 / 9);
  check("", "abcd", 0, 0);
  check("", "", 1, 1);
  check("abcd  \n", "abcd", 1, 1);

  const text = fc.string({ maxLength: 12, unit: fc.constantFrom("a", "b", "c") });
  it("is a metric", () => {
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        assert.equal(levenshtein(a, b), levenshtein(b, a));
        assert.equal(levenshtein(a, b) === 0, a === b);
        assert.ok(levenshtein(a, c) <= levenshtein(a, b) + levenshtein(b, c));
        assert.ok(levenshtein(a, b) >= Math.abs(a.length - b.length));
        assert.ok(levenshtein(a, b) <= Math.max(a.length, b.length));
      }),
    );
  });

  it("counts the edits that were made", () => {
    fc.assert(
      fc.property(text, fc.nat(12), (base, at) => {
        const place = Math.min(at, base.length);
        assert.equal(levenshtein(base, `${base.slice(0, place)}X${base.slice(place)}`), 1);
      }),
    );
  });

  it("lies between 0 and 1 and is symmetric", () => {
    const lines = fc.string({ maxLength: 30, unit: fc.constantFrom("a", " ", "\n", ";") });
    fc.assert(
      fc.property(lines, lines, (left, right) => {
        for (const measure of [editSimilarity, blockEditSimilarity]) {
          const value = measure(left, right);
          assert.ok(value >= 0 && value <= 1);
          assert.equal(value, measure(right, left));
        }
      }),
    );
  });

  it("compares huge texts by their beginning", () => {
    assert.equal(blockEditSimilarity("x".repeat(50_000), "x".repeat(60_000)), 1);
  });
});

const measures = (fields: Partial<CaseMeasures> = {}): CaseMeasures => ({
  acceptedAtLine: false,
  editSimilarity: 0.5,
  heldOutLoss: 2,
  ...fields,
});

/** Cases of a simulated comparison; the gain is on the loss, in nats, beside noise of the case and of its commit. */
const simulated = (seed: number, nCases: number, gain: number): GateCase[] => {
  const random = createRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  let commitShift = 0;
  return Array.from({ length: nCases }, (_, at) => {
    if (at % 6 === 0) commitShift = 0.1 * normal();
    const heldOutLoss = Math.exp(0.6 * normal());
    const similarity = random();
    // Most suggestions come out equal; few change, either way.
    const changed = random() < 0.15 ? 0.3 * normal() : 0;
    return {
      group: `commit${Math.floor(at / 6)}`,
      champion: measures({ heldOutLoss, editSimilarity: similarity }),
      challenger: measures({
        heldOutLoss: heldOutLoss - gain + commitShift + 0.25 * normal(),
        editSimilarity: Math.min(1, Math.max(0, similarity + changed)),
      }),
    };
  });
};

const share = (count: number, promoted: (seed: number) => boolean): number =>
  Array.from({ length: count }, (_, seed) => promoted(seed)).filter(Boolean).length / count;

describe("decidePromotion", () => {
  const better = simulated(1, 120, 0.3);

  it("promotes a clear gain with every field of the report", () => {
    const decision = decidePromotion({ cases: better });
    assert.equal(decision.verdict, "promote", decision.reason);
    assert.equal(decision.primary.metric, "held-out-loss");
    assert.ok(decision.primary.low > 0 && decision.primary.difference > decision.primary.low);
    assert.ok(decision.heldOutLoss.challenger < decision.heldOutLoss.champion);
    const report = { id: "e", challenger: "v2", champion: "v1", ...decision };
    assert.deepEqual(evaluationReport.parse(JSON.parse(JSON.stringify(report))), report);
  });

  const refuses = (name: string, input: Parameters<typeof decidePromotion>[0], guard: string | null): void => {
    it(`refuses ${name}`, () => {
      const decision = decidePromotion(input);
      assert.equal(decision.verdict, "refuse");
      assert.deepEqual(
        decision.guards.filter(({ holds }) => !holds).map((failed) => failed.name),
        guard === null ? [] : [guard],
      );
      assert.match(decision.reason, guard === null ? /^No proven gain/ : new RegExp(`^Guard failed: ${guard}`));
      assert.ok(JSON.stringify(decision.primary).includes("null") === false, "the report is JSON without gaps");
    });
  };
  refuses("an equal model", { cases: better.map((one) => ({ ...one, challenger: one.champion })) }, null);
  refuses(
    "a worse model",
    { cases: better.map((one) => ({ ...one, challenger: one.champion, champion: one.challenger })) },
    null,
  );
  refuses(
    "a failed guard of the caller",
    { cases: better, guards: [{ name: "latency", holds: false, detail: "+30 %" }] },
    "latency",
  );
  refuses("too few cases", { cases: better.slice(0, 19) }, "enough-cases");
  refuses("too few commits", { cases: better.map((one) => ({ ...one, group: "one" })) }, "enough-cases");
  refuses("no cases", { cases: [] }, "enough-cases");
  refuses(
    "fewer exact lines",
    {
      cases: better.map((one, at) => ({
        ...one,
        champion: { ...one.champion, acceptedAtLine: at % 10 === 0 },
        challenger: { ...one.challenger, editSimilarity: one.champion.editSimilarity },
      })),
    },
    "accepted-at-line-not-worse",
  );
  refuses(
    "less similar suggestions",
    {
      cases: better.map((one) => ({
        ...one,
        challenger: { ...one.challenger, editSimilarity: one.champion.editSimilarity * 0.8 },
      })),
    },
    "edit-similarity-not-worse",
  );
  refuses(
    "a loss that is no number",
    {
      cases: better.map((one, at) =>
        at === 7 ? { ...one, challenger: { ...one.challenger, heldOutLoss: Number.NaN } } : one,
      ),
    },
    "finite-loss",
  );

  refuses(
    "a gain that comes from one person's cases",
    {
      cases: better.map((one, at) =>
        at % 3 === 0 ? { ...one, person: "tool:mallory" } : { ...one, challenger: one.champion },
      ),
    },
    "gain-without-one-person",
  );
  it("promotes a gain that is there without anybody's cases", () => {
    const cases = better.map((one, at) => (at % 3 === 0 ? { ...one, person: "tool:agent" } : one));
    assert.equal(decidePromotion({ cases }).verdict, "promote");
  });

  const accepting = (n: number, champion: (at: number) => boolean, challenger: (at: number) => boolean) =>
    simulated(5, n, 0.3).map((one, at) => ({
      ...one,
      champion: { ...one.champion, acceptedAtLine: champion(at) },
      challenger: { ...one.challenger, acceptedAtLine: challenger(at), editSimilarity: one.champion.editSimilarity },
    }));
  it("asks for proof that accepted@line did not fall, once there are cases enough for it", () => {
    // A better loss; 10 of 200 lines change, 6 of them for the worse: 1 point lower, and maybe 3.
    const cases = accepting(
      200,
      (at) => at % 20 === 3,
      (at) => (at % 20 === 3 ? at % 40 === 3 : at % 50 === 0),
    );
    const decision = decidePromotion({ cases });
    assert.ok(decision.neededCases <= 200, `${decision.neededCases}`);
    assert.deepEqual(
      [decision.verdict, decision.guards.filter(({ holds }) => !holds).map(({ name }) => name)],
      ["refuse", ["accepted-at-line-not-worse"]],
    );
  });
  it("says how many cases it needs", () => {
    const few = accepting(
      60,
      (at) => at % 5 === 0,
      (at) => at % 5 === 1,
    );
    const { neededCases, reason } = decidePromotion({
      cases: few.map((one) => ({ ...one, challenger: { ...one.challenger, heldOutLoss: one.champion.heldOutLoss } })),
    });
    assert.ok(neededCases > 200);
    assert.match(reason, new RegExp(`not enough cases yet: 60 of ${neededCases}$`));
    const many = accepting(
      400,
      () => false,
      () => false,
    );
    assert.ok(decidePromotion({ cases: many }).neededCases < 400);
  });

  it("takes another primary metric", () => {
    const cases = better.map((one) => ({
      ...one,
      challenger: { ...one.champion, editSimilarity: Math.min(1, one.champion.editSimilarity + 0.1) },
    }));
    assert.equal(decidePromotion({ cases, primary: "edit-similarity" }).verdict, "promote");
    assert.equal(decidePromotion({ cases, primary: "accepted-at-line" }).verdict, "refuse");
  });

  it("is repeatable", () => assert.deepEqual(decidePromotion({ cases: better }), decidePromotion({ cases: better })));

  for (const nCases of [48, 150]) {
    it(`promotes by chance at most 5 % of equal models on ${nCases} cases`, () => {
      const promoted = (seed: number) =>
        decidePromotion({ cases: simulated(seed, nCases, 0), resamples: 1_000 }).verdict === "promote";
      const found = share(600, promoted);
      assert.ok(found <= 0.05, `${found}`);
    });
  }

  it("promotes at least 80 % of models that are 0.1 nats better on 150 cases", () => {
    const found = share(
      200,
      (seed) => decidePromotion({ cases: simulated(1_000 + seed, 150, 0.1), resamples: 1_000 }).verdict === "promote",
    );
    assert.ok(found >= 0.8, `${found}`);
  });
});
