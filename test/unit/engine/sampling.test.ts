import assert from "node:assert/strict";
import { sampledChoice } from "../../../engine/generate/sampling.ts";
import type { ChoiceContext } from "../../../engine/generate/next-token.ts";

/** Nothing is owed and nothing copied: only the logits count. */
const CONTEXT = { owed: "", prior: null, prefixIds: [], tokenizer: null } as unknown as ChoiceContext;
const LOGITS = Float32Array.of(Math.log(0.5), Math.log(0.3), Math.log(0.15), Math.log(0.05));

/** How often each token is drawn over many seeds. */
function shares(sampling: { temperature: number; topP: number }, nDraws = 20_000): number[] {
  const counts = [0, 0, 0, 0];
  for (let seed = 0; seed < nDraws; seed++) {
    const id = sampledChoice(CONTEXT, { ...sampling, seed })(LOGITS.slice(), { ids: [], text: "" });
    counts[id]! += 1;
  }
  return counts.map((count) => count / nDraws);
}

const near = (actual: readonly number[], expected: readonly number[]) =>
  actual.forEach((share, i) => assert.ok(Math.abs(share - expected[i]!) < 0.015, `${actual.join(" ")}`));

describe("drawing a token", () => {
  it("draws as often as the model finds likely, at temperature 1", () => {
    near(shares({ temperature: 1, topP: 1 }), [0.5, 0.3, 0.15, 0.05]);
  });

  it("draws only from the likeliest that reach top-p together", () => {
    near(shares({ temperature: 1, topP: 0.7 }), [0.625, 0.375, 0, 0]);
    near(shares({ temperature: 1, topP: 0.1 }), [1, 0, 0, 0]);
  });

  it("sharpens with a low temperature and flattens with a high one", () => {
    const weights = [0.25, 0.09, 0.0225, 0.0025];
    near(
      shares({ temperature: 0.5, topP: 1 }),
      weights.map((weight) => weight / 0.365),
    );
    const flat = [0.5, 0.3, 0.15, 0.05].map(Math.sqrt);
    const all = flat.reduce((sum, weight) => sum + weight, 0);
    near(
      shares({ temperature: 2, topP: 1 }),
      flat.map((weight) => weight / all),
    );
  });

  it("depends on the seed and the place alone", () => {
    const draws = (seed: number) =>
      Array.from({ length: 50 }, (_, n) =>
        sampledChoice(CONTEXT, { temperature: 1, topP: 1, seed })(LOGITS.slice(), {
          ids: Array.from({ length: n }, () => 0),
          text: "",
        }),
      ).join("");
    assert.equal(draws(5), draws(5));
    assert.notEqual(draws(5), draws(6));
    assert.ok(new Set(draws(5)).size > 1);
  });
});
