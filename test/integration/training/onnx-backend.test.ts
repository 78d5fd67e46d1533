import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { openModel } from "../../../engine/generate/model.ts";
import { readAdapter } from "../../../engine/lora/adapter.ts";
import type { TrainingJob, TrainingResult, TrainingRow } from "../../../server/training/backend.ts";
import { createOnnxBackend } from "../../../server/training/onnx/backend.ts";
import type { TrainingProgress } from "../../../protocol/api.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const never = new AbortController().signal;

const row = (i: number, weight = 1): TrainingRow => ({
  suggestionId: `s${i}`,
  repository: "demo",
  path: `f${i}.ts`,
  prefix: `const value${i} = `,
  suffix: ";\n",
  examples: [],
  completion: `compute(${i % 3})`,
  weight,
});
const rows = (n: number, from = 0) => Array.from({ length: n }, (_, i) => row(from + i));

describe("the onnx training backend", function () {
  this.timeout(120_000);
  const folder = createTinyModel();
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-onnx-backend-"));
  after(() => {
    folder[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const job = (name: string, overrides: Partial<TrainingJob> = {}): TrainingJob => ({
    runId: "run",
    modelDir: folder.dir,
    train: rows(20),
    validation: rows(6, 20),
    runDir: path.join(dir, name),
    lora: {
      rank: 4,
      alpha: 8,
      learningRate: 0.01,
      steps: 60,
      warmupSteps: 4,
      weightDecay: 0,
      clipNorm: 1,
      batchRows: 2,
      rowTokens: 128,
      targetTokens: 64,
      seed: 5,
    },
    ...overrides,
  });
  const run = (wanted: TrainingJob, onProgress: (progress: TrainingProgress) => void = () => {}, signal = never) =>
    createOnnxBackend().train(wanted, onProgress, signal);
  const weights = (result: TrainingResult) => readFileSync(path.join(result.adapterDir, "adapter_model.safetensors"));

  it("lowers the loss on the training rows and writes a PEFT adapter", async () => {
    const result = await run(job("learns"));
    assert.ok(result.trainLoss.last < 0.7 * result.trainLoss.first, JSON.stringify(result.trainLoss));
    assert.ok(result.validationLoss!.last <= result.validationLoss!.first);
    assert.equal(readAdapter(result.adapterDir, loadCheckpoint(folder.dir).config).rank, 4);
    assert.match(readFileSync(path.join(result.adapterDir, "README.md"), "utf8"), /base_model/);
  });

  it("gives a byte-equal curve and adapter for the same seed, and another for another", async () => {
    const [first, second] = [await run(job("a")), await run(job("b"))];
    assert.deepEqual(first.curve, second.curve);
    assert.ok(weights(first).equals(weights(second)));
    const other = await run(job("c", { lora: { ...job("c").lora, seed: 6 } }));
    assert.notDeepEqual(other.curve, first.curve);
  });

  it("reports every step with its loss and the time left", async () => {
    const seen: TrainingProgress[] = [];
    const { curve } = await run(job("progress"), (progress) => seen.push(progress));
    assert.deepEqual(
      seen.map(({ step }) => step),
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
    assert.deepEqual(
      seen.map(({ loss }) => loss),
      curve,
    );
    assert.equal(seen.at(-1)!.secondsLeft, 0);
  });

  it("stops when it is told to, and goes on from its checkpoint to the same adapter", async () => {
    const whole = await run(job("whole"));
    const controller = new AbortController();
    const stopAt = 40;
    await assert.rejects(
      run(job("pieces"), ({ step }) => step === stopAt && controller.abort(), controller.signal),
      { name: "AbortError" },
    );
    const steps: number[] = [];
    const resumed = await run(job("pieces"), ({ step }) => steps.push(step));
    assert.equal(steps[0], 26, "the newest checkpoint is that of step 25");
    assert.deepEqual(resumed.curve, whole.curve);
    assert.ok(weights(resumed).equals(weights(whole)));
    assert.ok(!existsSync(path.join(dir, "pieces", "checkpoint.safetensors")));
  });

  it("starts again when the checkpoint is damaged or belongs to another job", async () => {
    for (const damage of ["flip", "other"] as const) {
      const name = `damaged-${damage}`;
      const controller = new AbortController();
      await assert.rejects(run(job(name), ({ step }) => step === 30 && controller.abort(), controller.signal));
      const file = path.join(dir, name, "checkpoint.safetensors");
      const bytes = readFileSync(file);
      if (damage === "flip") {
        bytes[bytes.length - 5]! ^= 1;
        writeFileSync(file, bytes);
      }
      const wanted = damage === "flip" ? job(name) : job(name, { train: rows(19) });
      const steps: number[] = [];
      await run(wanted, ({ step }) => steps.push(step));
      assert.equal(steps[0], 1);
    }
  });

  it("trains without validation rows", async () => {
    const result = await run(job("no-validation", { validation: [] }));
    assert.equal(result.validationLoss, null);
    assert.ok(result.trainLoss.last < result.trainLoss.first);
  });

  it("learns of two rows that contradict each other the heavier one", async () => {
    await using model = await openModel(folder.dir, { threads: 1 });
    const [one, two] = ["compute(1)", "other()"];
    const preferred = async (weightOfOne: number) => {
      const train = [row(1, weightOfOne), { ...row(1, 1), completion: two }];
      const { adapterDir } = await run(job(`weights-${weightOfOne}`, { train, validation: [] }));
      await model.setAdapter({ version: "x", dir: adapterDir });
      const request = { ...row(1), maxTokens: 16, lines: "single" } as const;
      const perToken = async (text: string) => {
        const { nats, nTokens } = await model.scoreCompletion(request, text);
        return nats / nTokens;
      };
      return (await perToken(one)) < (await perToken(two)) ? one : two;
    };
    assert.equal(await preferred(20), one);
    assert.equal(await preferred(0.05), two);
  });

  it("refuses to train on nothing", async () => {
    await assert.rejects(run(job("nothing", { train: [] })), { code: "training-unavailable" });
  });
});
