import assert from "node:assert/strict";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { openModel } from "../../../engine/generate/model.ts";
import { buildPrompt, SERVING_BUDGET } from "../../../engine/generate/prompt.ts";
import { referenceLogits } from "../../../engine/reference/reference-decoder.ts";
import { referenceCompletionLogProbability } from "../../../engine/reference/reference-losses.ts";
import { loadTokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import { checkpointFixtures } from "../../support/checkpoint-fixture.ts";

/** Ends with a line, so that no token is owed to the cursor. */
const REQUEST = {
  prefix: "let a = [1, 2];\n",
  suffix: "return a;\n",
  path: "src/a.ts",
  repository: "",
  examples: [],
  maxTokens: 6,
  lines: "single",
} as const;
const COMPLETION = "let b = a.map(f);\n";

/** Nats of the completion by the reference, after the prompt that the model is given. */
function referenceNats(dir: string): number {
  const { config, weights } = loadCheckpoint(dir);
  const tokenizer = loadTokenizer(dir);
  const target = tokenizer.encode(COMPLETION);
  const total = config.contextTokens - target.length;
  const ids = [...buildPrompt(tokenizer, REQUEST, { ...SERVING_BUDGET, total }).ids, ...target];
  const positions = target.map((_, i) => ids.length - target.length + i);
  return -referenceCompletionLogProbability(referenceLogits(config, weights, ids), ids, positions);
}

// A window of ten tokens is shorter than a prompt.
const served = checkpointFixtures().filter(({ name }) => !name.endsWith("-window"));

describe("a model of any family", () => {
  for (const { name, dir } of served) {
    it(`is served: ${name}`, async () => {
      const expected = referenceNats(dir);
      await using exact = await openModel(dir, { threads: 1, precision: "float32" });
      const { nats, nTokens } = await exact.scoreCompletion(REQUEST, COMPLETION);
      assert.ok(Math.abs(nats - expected) < 1e-3 * nTokens, `${nats} is not ${expected}`);
      await using quick = await openModel(dir, { threads: 1, precision: "int8" });
      const rounded = await quick.scoreCompletion(REQUEST, COMPLETION);
      assert.ok(Math.abs(rounded.nats - expected) < 0.02 * expected, `in int8, ${rounded.nats} is not ${expected}`);
      const { finish, text } = await exact.complete(REQUEST, AbortSignal.timeout(30_000));
      assert.ok(finish !== "cancelled" && !text.includes("\n"));
    });
  }
});
