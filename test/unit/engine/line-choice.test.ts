import {
  featuresOf,
  LINE_FEATURES,
  placeOf,
  risesWithProbability,
  scoreOf,
  type LineOption,
} from "../../../engine/generate/line-choice.ts";
import { firstLineOf, linesLike } from "../../../engine/generate/line-options.ts";
import { createLineIndex, type FoundLine } from "../../../engine/retrieve/line-index.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

const found = (fields: Partial<FoundLine> = {}): FoundLine => ({
  rest: "x",
  likeAbove: 0.5,
  likeAboveThat: 0.2,
  isSameAbove: false,
  isSameFile: true,
  nPlaces: 3,
  share: 0.25,
  rank: 0,
  rankByVotes: 1,
  isRenamed: false,
  id: "1",
  ...fields,
});

const option = (fields: Partial<LineOption> = {}): LineOption => ({
  text: "x",
  logProbability: -2,
  nTokens: 4,
  isWritten: false,
  remembered: null,
  visible: null,
  ...fields,
});

const place = { hasBegun: true, names: new Set(["near"]) };

/** Weights of which only the named features count. */
const weights = (only: Readonly<Record<number, number>>): number[] =>
  Array.from({ length: LINE_FEATURES }, (_, i) => only[i] ?? 0);

describe("the choice of a line", () => {
  it("has as many features as weights, each in its place", () => {
    const features = featuresOf(
      option({
        text: "near(far, const)",
        isWritten: true,
        remembered: found(),
        visible: found({ isSameAbove: true, isRenamed: true }),
      }),
      place,
    );
    const likeness = [0.5, 0.2, 1, 0, Math.log(3), 1];
    const votes = [0.25, Math.log(0.251), 0.25, Math.log(0.251), 1, 0, 1];
    const begun = [0, 1, -2, -0.5];
    const names = [0.4, 1 / 3, 0.5, 1, 1];
    const first = [-2, -0.5, 1, ...likeness, 0.5, 0.2, 1, 1, -2, -0.5, Math.exp(-2), 0.1, 0.1, 0.4];
    assert.deepEqual(features, [...first, ...votes, ...begun, ...names, 0, 1]);
    assert.equal(features.length, LINE_FEATURES);
  });

  it("says nothing of where a line stands that stands nowhere", () => {
    assert.ok(
      featuresOf(option(), place)
        .slice(2, 15)
        .every((value) => Math.abs(value) === 0),
    );
  });

  it("weighs what speaks for a line", () => {
    const likely = option({ logProbability: -1 });
    const known = option({ logProbability: -3, remembered: found() });
    assert.equal(scoreOf(likely, place, weights({ 0: 1 })), -1);
    assert.equal(scoreOf(known, place, weights({ 0: 1, 8: 5 })), 2);
    assert.equal(scoreOf(known, place, weights({})), 0);
  });

  it("says when a less likely line can only score less", () => {
    assert.equal(risesWithProbability(weights({ 0: 1, 1: 1, 15: 1 }), place), true);
    assert.equal(risesWithProbability(weights({ 0: 1, 15: -1 }), place), false);
    assert.equal(risesWithProbability(weights({ 0: 1, 28: -2 }), place), false);
    assert.equal(risesWithProbability(weights({ 0: 1, 28: -2 }), { ...place, hasBegun: false }), true);
    const weight = fc.double({ min: -3, max: 3, noNaN: true });
    const likelihood = fc.double({ min: -30, max: 0, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(weight, { minLength: LINE_FEATURES, maxLength: LINE_FEATURES }),
        fc.boolean(),
        likelihood,
        likelihood,
        (all, hasBegun, one, other) => {
          const here = { ...place, hasBegun };
          if (!risesWithProbability(all, here)) return;
          const score = (logProbability: number) => scoreOf(option({ logProbability }), here, all);
          assert.ok(score(Math.max(one, other)) >= score(Math.min(one, other)) - 1e-9);
        },
      ),
    );
  });
});

describe("lines like the one that is written", () => {
  const request = {
    prefix: 'get("/a", list)\nget("/b", show)\n\nget("/a", list)\n',
    suffix: "",
    path: "b.ts",
    repository: "",
    examples: [],
    maxTokens: 9,
    lines: "single",
  } as const;

  it("says which names are near the cursor, without words of the language", () => {
    const { hasBegun, names } = placeOf({ prefix: "const a = b\n  re", suffix: "\n}\nc()" });
    assert.equal(hasBegun, true);
    assert.deepEqual([...names], ["a", "b", "re", "c"]);
    assert.equal(placeOf({ prefix: "const a = b\n  ", suffix: "" }).hasBegun, false);
  });

  it("come from what is remembered and from above the cursor, each once", () => {
    const memory = createLineIndex();
    memory.add("1", 'get("/a", list)\nget("/b", show)', "a.ts");
    memory.add("2", 'get("/a", list)\nget("/c", drop)', "a.ts");
    const lines = linesLike(request, memory);
    const where = lines.map(({ text, remembered, visible }) => `${text} ${remembered !== null} ${visible !== null}`);
    assert.deepEqual(where.sort(), [
      'get("/a", list) false true',
      'get("/b", show) true true',
      'get("/c", drop) true false',
    ]);
  });

  it("are none where nothing like it was written", () => {
    assert.deepEqual(linesLike({ ...request, prefix: "new Thing()\n" }, createLineIndex()), []);
  });

  it("begin with the first line that has anything on it", () => {
    assert.equal(firstLineOf("\n  \n  a()  \nb()"), "  a()");
    assert.equal(firstLineOf(" \n"), "");
  });
});
