import { readCardResults, writeCardResults, type CardResult } from "../../bench/base/model-card.ts";
import { withTokensSeen } from "../../bench/base/model-facts.ts";
import { compareWithCard } from "../../bench/base/verify.ts";
import assert from "node:assert/strict";

const HEAD = "license: mit\ntags: [code, llama] # as on the hub\n";
const BODY = "# A model\n\n---\nmodel-index: not this one\n---\n";
const card = (frontMatter: string) => `---\n${frontMatter}---\n${BODY}`;

const training: CardResult = {
  task: "training",
  dataset: "model",
  revision: "w1",
  limit: 0,
  figures: { parameters: 100, tokensSeen: 2_000 },
};
const replay: CardResult = {
  task: "replay",
  dataset: "a+b",
  revision: "0123456789012345",
  limit: 300,
  figures: { points: 300, acceptedAtLine: 0.13667, "retrieval.acceptedAtLine": 0.142, "difference.low": -0.03 },
};
const compression: CardResult = {
  task: "compression",
  dataset: "keptSource",
  revision: "c1",
  limit: 300,
  figures: { bitsPerByte: 1.2 },
};
const results = [training, replay, compression];

describe("a card's model-index", () => {
  it("comes back as written, and leaves everything else alone", () => {
    const text = writeCardResults(card(HEAD), "m", results);
    assert.deepEqual(readCardResults(text), results);
    assert.ok(text.startsWith(`---\n${HEAD}model-index:\n`));
    assert.ok(text.endsWith(`---\n${BODY}`));
  });

  it("is replaced, wherever it stands", () => {
    const old = `license: mit\nmodel-index:\n- name: old\n  results: []\n\ntags: [code, llama] # as on the hub\n`;
    assert.equal(writeCardResults(card(old), "m", results), writeCardResults(card(HEAD), "m", results));
    const twice = writeCardResults(writeCardResults(card(HEAD), "m", results), "m", [replay]);
    assert.equal(twice, writeCardResults(card(HEAD), "m", [replay]));
  });

  it("is in the shape that the hub reads", () => {
    const text = writeCardResults(card(HEAD), "m", [replay]);
    for (const part of [
      "- name: m\n",
      "    results:\n",
      "task:",
      "type: text-generation",
      "dataset:",
      "metrics:",
      "value:",
    ]) {
      assert.ok(text.includes(part), `${part}\n${text}`);
    }
  });

  it("may be missing, but not wrong", () => {
    assert.equal(readCardResults(card(HEAD)), null);
    assert.throws(() => readCardResults(card("model-index: 3\n")));
    assert.throws(() => readCardResults(BODY), /no front matter/);
    assert.throws(() => readCardResults(card("a: [1\n")));
  });

  it("keeps the tokens seen for the same weights only", () => {
    const facts = { ...training, figures: { parameters: 100 }, details: {} };
    assert.equal(withTokensSeen(facts, null, results).figures["tokensSeen"], 2_000);
    assert.equal(withTokensSeen(facts, 7, results).figures["tokensSeen"], 7);
    assert.equal(withTokensSeen({ ...facts, revision: "w2" }, null, results).figures["tokensSeen"], undefined);
    assert.equal(withTokensSeen(facts, null, null).figures["tokensSeen"], undefined);
  });
});

/** Figures that do not hold, and those not measured, when `measured` is compared with the card above. */
function check(
  name: string,
  measured: readonly CardResult[],
  failing: readonly string[],
  absent: readonly string[],
): void {
  it(name, () => {
    const { bars, notMeasured } = compareWithCard(results, measured);
    const failed = bars.filter(({ value, target }) => !(value <= target));
    assert.deepEqual(
      failed.map((bar) => bar.name.split(":")[0]),
      failing,
    );
    assert.deepEqual(notMeasured.map((line) => line.split(":")[0]!).sort(), [...absent, "model.tokensSeen"].sort());
    const nFigures = results.reduce((sum, { figures }) => sum + Object.keys(figures).length, 0);
    const nWeights = failing.filter((figure) => figure.startsWith("weights")).length;
    assert.equal(bars.length - nWeights + notMeasured.length, nFigures);
  });
}

const withFigures = (result: CardResult, figures: Record<string, number>): CardResult => {
  return { ...result, figures: { ...result.figures, ...figures } };
};
const replayFigures = Object.keys(replay.figures).map((name) => `a+b.${name}`);

describe("comparing with the card", () => {
  check("passes the same figures", results, [], []);
  check(
    "allows for another processor",
    [
      training,
      withFigures(replay, { acceptedAtLine: 0.15, "difference.low": -0.012 }),
      withFigures(compression, { bitsPerByte: 1.209 }),
    ],
    [],
    [],
  );
  check(
    "finds changed figures",
    [
      withFigures(training, { parameters: 101 }),
      withFigures(replay, { acceptedAtLine: 0.155, "retrieval.acceptedAtLine": 0.1421, points: 299 }),
      withFigures(compression, { bitsPerByte: 1.22 }),
    ],
    ["model.parameters", "a+b.points", "a+b.acceptedAtLine", "a+b.retrieval.acceptedAtLine", "keptSource.bitsPerByte"],
    [],
  );
  check(
    "finds a figure that is no number",
    [training, replay, withFigures(compression, { bitsPerByte: NaN })],
    ["keptSource.bitsPerByte"],
    [],
  );
  check("does not pass what has no data", [training, compression], [], replayFigures);
  check("does not pass another sample", [training, compression, { ...replay, revision: "other" }], [], replayFigures);
  check("does not pass a smaller sample", [training, compression, { ...replay, limit: 20 }], [], replayFigures);
  check(
    "finds other weights",
    [{ ...training, revision: "w2" }, compression, replay],
    ["weights that the card does not describe"],
    ["model.parameters"],
  );
});
