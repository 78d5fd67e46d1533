import { createCodeMemory } from "../../../engine/generate/code-memory.ts";
import { createCopyPrior, type CopyWeight } from "../../../engine/generate/copy-prior.ts";
import { readGenerationConfig } from "../../../engine/generate/generation-config.ts";
import { LINE_FEATURES } from "../../../engine/generate/line-choice.ts";
import { logProbabilityOf } from "../../../engine/generate/logits.ts";
import { repeatsLineAbove } from "../../../engine/generate/stop.ts";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";

const WEIGHTS: readonly CopyWeight[] = [
  { unanimous: 0.1, divided: 0.05 },
  { unanimous: 0.5, divided: 0.2 },
];

/** Probabilities (V) after the prior, for a model that finds every one of 8 tokens equally likely. */
function mixed(elsewhere: number[][], recent: number[], weights = WEIGHTS): number[] {
  const logits = new Float32Array(8);
  createCopyPrior(elsewhere, weights).mix(logits, recent);
  return softmax(logits);
}

function softmax(logits: Float32Array): number[] {
  const sum = logits.reduce((total, value) => total + Math.exp(value), 0);
  return Array.from(logits, (value) => Math.exp(value) / sum);
}

const near = (actual: number, wanted: number): void =>
  assert.ok(Math.abs(actual - wanted) < 1e-6, `${actual} is not ${wanted}`);

describe("the copy prior", () => {
  it("leaves logits alone where the last token was never written before", () => {
    assert.deepEqual(mixed([[1, 2, 3]], [4, 5]), softmax(new Float32Array(8)));
  });

  it("mixes in what followed the last token, with the weight of a match of one", () => {
    const after = mixed([[1, 2, 3]], [5, 2]);
    near(after[3]!, 0.9 / 8 + 0.1);
    near(after[0]!, 0.9 / 8);
  });

  it("trusts a longer match more, and the last weight stands for everything longer", () => {
    near(mixed([[1, 2, 3]], [1, 2])[3]!, 0.5 / 8 + 0.5);
    near(mixed([[0, 1, 2, 3]], [0, 1, 2])[3]!, 0.5 / 8 + 0.5);
  });

  it("lets a longer match outvote a shorter one by the factor", () => {
    // After 1 2 came 3, after 2 alone also 4: four votes to one, and no longer unanimous.
    const after = mixed([[1, 2, 3, 0, 2, 4]], [1, 2]);
    near(after[3]!, 0.8 / 8 + 0.2 * (16 / 20));
    near(after[4]!, 0.8 / 8 + 0.2 * (4 / 20));
  });

  it("finds what the file itself said before, up to the last token", () => {
    near(mixed([], [6, 7, 5, 6, 7])[5]!, 0.5 / 8 + 0.5);
  });

  it("does not read on from one run of code into the next", () => {
    assert.deepEqual(mixed([[1, 2], [3]], [1, 2]), softmax(new Float32Array(8)));
  });

  it("keeps a distribution a distribution, in the model's order apart from what was voted for", () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 8, maxLength: 8 }),
        fc.array(fc.nat(7), { maxLength: 40 }),
        fc.array(fc.nat(7), { minLength: 1, maxLength: 40 }),
        (values, run, recent) => {
          const logits = Float32Array.from(values);
          createCopyPrior([run], WEIGHTS).mix(logits, recent);
          assert.ok(logits.every((value) => Number.isFinite(value)));
          for (let id = 0; id < 8; id++) assert.ok(logits[id]! >= Math.fround(values[id]!) - 1e-3);
        },
      ),
    );
  });
});

describe("the probability of a token after the copy prior", () => {
  it("is what mixing gives, and leaves the logits alone", () => {
    const token = fc.integer({ min: 0, max: 7 });
    const run = fc.array(token, { maxLength: 12 });
    const logit = fc.double({ min: -20, max: 20, noNaN: true });
    fc.assert(
      fc.property(run, run, token, fc.array(logit, { minLength: 8, maxLength: 8 }), (elsewhere, recent, id, values) => {
        const memory = createCodeMemory();
        memory.add("1", [...recent, ...elsewhere]);
        const prior = createCopyPrior([elsewhere], WEIGHTS, { memory, weights: WEIGHTS });
        const logits = Float32Array.from(values);
        const mixedLogits = logits.slice();
        const found = prior.logProbability(logits, recent, id);
        assert.deepEqual(logits, Float32Array.from(values));
        prior.mix(mixedLogits, recent);
        assert.ok(Math.abs(found - logProbabilityOf(mixedLogits, id)) < 1e-4);
      }),
    );
  });
});

describe("a model's generation configuration", () => {
  const read = (content: string | null): unknown => {
    const folder = mkdtempSync(path.join(tmpdir(), "kept-generation-"));
    try {
      if (content !== null) writeFileSync(path.join(folder, "generation_config.json"), content);
      return readGenerationConfig(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it("is empty without a file, and without the key", () => {
    assert.deepEqual(read(null), { copyPriorWeights: [], memoryPriorWeights: [], lineChoiceWeights: [] });
    assert.deepEqual(read('{"temperature": 0.2}'), {
      copyPriorWeights: [],
      memoryPriorWeights: [],
      lineChoiceWeights: [],
    });
  });

  it("gives the weights", () => {
    assert.deepEqual(read('{"copy_prior_weights": [[0.1, 0.05]]}'), {
      copyPriorWeights: [{ unanimous: 0.1, divided: 0.05 }],
      memoryPriorWeights: [],
      lineChoiceWeights: [],
    });
  });

  for (const bad of [
    "{",
    '{"copy_prior_weights": 3}',
    '{"copy_prior_weights": [[1, 0]]}',
    '{"copy_prior_weights": [[0.1]]}',
    '{"memory_prior_weights": [[0.1, -1]]}',
    '{"line_choice_weights": [1, 2]}',
    `{"line_choice_weights": ${JSON.stringify(Array.from({ length: LINE_FEATURES }, () => "1"))}}`,
  ]) {
    it(`refuses ${bad}`, () => assert.throws(() => read(bad), { code: "checkpoint-invalid" }));
  }
});

describe("a suggestion that repeats the line above", () => {
  for (const [prefix, text, repeats] of [
    ["import {\n  Hub,\n  ", "Hub,", true],
    ["  a = b;\n\n  a =", " b;", true],
    ["  a = b;\n  ", "b = a;", false],
    ["  }\n  ", "}", false],
    ["", "a", false],
    ["x();\n", "x();\ny();", true],
  ] as const) {
    it(`is ${repeats ? "seen" : "not seen"} after ${JSON.stringify(prefix)} in ${JSON.stringify(text)}`, () =>
      assert.equal(repeatsLineAbove(text, prefix), repeats));
  }
});
