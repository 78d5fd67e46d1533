import assert from "node:assert/strict";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { referenceLogProbability } from "../../../engine/reference/reference-losses.ts";
import { createPipeline } from "../../../engine/training/pipeline.ts";
import { checkpointFixtures } from "../../support/checkpoint-fixture.ts";

describe("a checkpoint of a family in training", () => {
  for (const { name, dir, ids, logits } of checkpointFixtures()) {
    it(`gives tokens the log-probabilities of transformers: ${name}`, async () => {
      const { config, weights } = loadCheckpoint(dir);
      const targets = ids.slice(1);
      await using pipeline = await createPipeline({
        config,
        weights,
        trained: { kind: "lora", rank: 2, alpha: 4 },
        objective: { kind: "sft" },
        shape: { nRows: 1, rowTokens: ids.length, nTargets: targets.length },
        threads: 1,
        keep: "nothing",
      });
      const actual = await pipeline.logProbabilities(null, {
        ids: Int32Array.from(ids),
        documents: new Int32Array(ids.length).fill(1),
        positions: Int32Array.from(targets.keys()),
        targets: Int32Array.from(targets),
        weights: new Float32Array(targets.length).fill(1),
      });
      targets.forEach((id, t) => {
        const expected = referenceLogProbability(logits[t]!, id);
        assert.ok(Math.abs(actual[t]! - expected) < 1e-3, `token ${t + 1}: ${actual[t]} is not ${expected}`);
      });
    });
  }
});
