import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { openModel } from "../../../engine/generate/model.ts";
import type { Strategy, TrainingJob, TrainingRow } from "../../../server/training/backend.ts";
import { createOnnxBackend } from "../../../server/training/onnx/backend.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const never = new AbortController().signal;
const STRATEGIES: readonly Strategy[] = ["lora", "top-layers", "full"];
const OBJECTIVES = ["sft", "kto", "dpo"] as const;

/** Completions of which "good()" is liked and "awful" is not. */
const rows = (n: number): TrainingRow[] =>
  Array.from({ length: n }, (_, i) => ({
    suggestionId: `s${i}`,
    repository: "demo",
    path: `f${i}.ts`,
    prefix: `const v${i} = `,
    suffix: ";\n",
    examples: [],
    completion: i % 2 === 0 ? "good()" : "awful",
    isDesirable: i % 2 === 0,
    ...(i % 2 === 0 ? { rejected: "awful" } : {}),
    weight: 1,
  }));

describe("strategies and objectives of the onnx backend", function () {
  this.timeout(120_000);
  const folder = createTinyModel();
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-strategies-"));
  after(() => {
    folder[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const job = (name: string, overrides: Partial<TrainingJob>): TrainingJob => ({
    runId: "run",
    modelDir: folder.dir,
    train: rows(12),
    validation: [],
    runDir: path.join(dir, name),
    topLayers: 1,
    lora: {
      rank: 4,
      alpha: 8,
      learningRate: 0.01,
      steps: 30,
      warmupSteps: 3,
      weightDecay: 0,
      clipNorm: 1,
      batchRows: 2,
      rowTokens: 96,
      targetTokens: 48,
      seed: 5,
    },
    ...overrides,
  });
  const train = (wanted: TrainingJob) => createOnnxBackend().train(wanted, () => {}, never);
  const filesOf = (at: string) =>
    Object.fromEntries(readdirSync(at).map((name) => [name, readFileSync(path.join(at, name), "base64")]));

  for (const strategy of STRATEGIES) {
    for (const objective of OBJECTIVES) {
      it(`${strategy}, ${objective}: lowers its loss, and stopped it goes on to the same bytes`, async () => {
        const name = `${strategy}-${objective}`;
        const whole = await train(job(`${name}-whole`, { strategy, objective }));
        assert.ok(whole.trainLoss.last < whole.trainLoss.first, JSON.stringify(whole.trainLoss));
        const controller = new AbortController();
        const pieces = job(`${name}-pieces`, { strategy, objective });
        await assert.rejects(
          createOnnxBackend().train(pieces, ({ step }) => step === 27 && controller.abort(), controller.signal),
          { name: "AbortError" },
        );
        const resumed = await train(pieces);
        assert.deepEqual(resumed.curve, whole.curve);
        assert.deepEqual(filesOf(resumed.adapterDir), filesOf(whole.adapterDir));
      });
    }
  }

  /** ln p of the two completions' difference under what a run left. */
  async function preference(modelDir: string, adapterDir: string | null): Promise<number> {
    await using model = await openModel(modelDir, { threads: 1 });
    if (adapterDir) await model.setAdapter({ version: "x", dir: adapterDir });
    const request = { ...rows(1)[0]!, maxTokens: 16, lines: "single" } as const;
    const nats = async (text: string) => (await model.scoreCompletion(request, text)).nats;
    return (await nats("awful")) - (await nats("good()"));
  }
  for (const strategy of STRATEGIES) {
    for (const objective of ["kto", "dpo"] as const) {
      it(`${strategy}, ${objective}: what comes out prefers the liked completion more than before`, async () => {
        const { adapterDir } = await train(job(`${strategy}-${objective}-prefers`, { strategy, objective }));
        const before = await preference(folder.dir, null);
        const after = await (strategy === "lora" ? preference(folder.dir, adapterDir) : preference(adapterDir, null));
        assert.ok(after > before + 1, `${before} -> ${after}`);
      });
    }
  }

  it("writes a model in the Hugging Face layout, its head untied when it was trained without the embedding", async () => {
    for (const strategy of ["top-layers", "full"] as const) {
      const { adapterDir } = await train(job(`${strategy}-files`, { strategy, objective: "sft" }));
      const { config, weights } = loadCheckpoint(adapterDir);
      const base = loadCheckpoint(folder.dir);
      assert.equal(config.tiedHead, strategy === "full");
      const isSame = (name: string) =>
        Buffer.from(weights.get(name)!.buffer).equals(Buffer.from(base.weights.get(name)!.buffer));
      assert.equal(isSame("model.embed_tokens.weight"), strategy === "top-layers");
      assert.equal(isSame("model.layers.0.mlp.up_proj.weight"), strategy === "top-layers");
      assert.ok(!isSame("model.layers.1.mlp.up_proj.weight"));
      assert.ok(readdirSync(adapterDir).includes("README.md"));
    }
  });

  it("makes one step of two batches, as of one twice as large", async () => {
    const small = await train(job("accumulated", { accumulation: 2 }));
    const large = await train(job("large", { lora: { ...job("", {}).lora, batchRows: 4, targetTokens: 96 } }));
    assert.notDeepEqual(small.curve, (await train(job("single", {}))).curve);
    const difference = Math.abs(small.trainLoss.last - large.trainLoss.last);
    assert.ok(difference < 0.1 * large.trainLoss.last, `${small.trainLoss.last}, ${large.trainLoss.last}`);
  });

  it("learns from pairs only where there are pairs", async () => {
    const train = rows(12).filter(({ rejected }) => rejected === undefined);
    await assert.rejects(
      createOnnxBackend().train(job("no-pairs", { objective: "dpo", train }), () => {}, never),
      {
        code: "training-unavailable",
      },
    );
  });
});
