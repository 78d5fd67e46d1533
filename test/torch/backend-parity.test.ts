import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { openModel } from "../../engine/generate/model.ts";
import { readAdapter } from "../../engine/lora/adapter.ts";
import type { Strategy, TrainingJob, TrainingResult, TrainingRow } from "../../server/training/backend.ts";
import { createOnnxBackend } from "../../server/training/onnx/backend.ts";
import { createTorchBackend } from "../../server/training/torch/backend.ts";
import { preparePython } from "../../server/training/torch/python-environment.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { temporaryFolder } from "./kept-train.ts";

/** A run of 20 steps takes seconds, the start of PyTorch more, on two cores that do other work as well. */
const RUN_TIMEOUT_MS = 400_000;
/** Largest difference of a step's loss, nats: what issue 8 asks for. */
const PARITY = 1e-3;
const STEPS = 20;
/** The shipped model has real shapes; the tiny one has the long curve. */
const BASE_STEPS = 5;
const BASE_MODEL = path.resolve(import.meta.dirname, "../../models/base");

const never = new AbortController().signal;
const STRATEGIES: readonly Strategy[] = ["lora", "top-layers", "full"];
const OBJECTIVES = ["sft", "kto", "dpo"] as const;

/** Completions of which "good()" is liked and "awful" is not, in places of different lengths and weights. */
const rows = (n: number, from = 0): TrainingRow[] =>
  Array.from({ length: n }, (_, i) => from + i).map((i) => ({
    suggestionId: `s${i}`,
    repository: "demo",
    path: `f${i}.ts`,
    prefix: `${"// so far\n".repeat(i % 3)}const v${i} = `,
    suffix: ";\n",
    examples: [],
    completion: i % 2 === 0 ? `good(${i})` : "awful",
    isDesirable: i % 2 === 0,
    ...(i % 2 === 0 ? { rejected: "awful" } : {}),
    weight: 1 + (i % 3) / 2,
  }));

describe("the torch backend beside the onnx backend", function () {
  this.timeout(RUN_TIMEOUT_MS);
  const model = createTinyModel();
  const folder = temporaryFolder();
  let python: string;
  before(async () => {
    ({ python } = await preparePython(process.env, () => {}, never, { needs: "peft" }));
  });
  after(() => {
    model[Symbol.dispose]();
    folder[Symbol.dispose]();
  });

  const job = (name: string, overrides: Partial<TrainingJob> = {}): TrainingJob => ({
    runId: "run",
    modelDir: model.dir,
    train: rows(24),
    validation: rows(6, 24),
    runDir: path.join(folder.dir, name),
    topLayers: 1,
    lora: {
      rank: 4,
      alpha: 8,
      learningRate: 0.01,
      steps: STEPS,
      warmupSteps: 4,
      weightDecay: 0.01,
      clipNorm: 1,
      batchRows: 2,
      rowTokens: 128,
      targetTokens: 64,
      seed: 5,
    },
    ...overrides,
  });
  const withTorch = (wanted: TrainingJob, onStep: (step: number) => void = () => {}, signal = never, processes = 1) =>
    createTorchBackend({ python, env: process.env, processes, threads: 1 }).train(
      wanted,
      ({ step }) => onStep(step),
      signal,
    );
  const withOnnx = (wanted: TrainingJob) => createOnnxBackend().train(wanted, () => {}, never);
  const largestDifference = (a: TrainingResult, b: TrainingResult): number => {
    assert.equal(a.curve.length, STEPS);
    assert.equal(b.curve.length, STEPS);
    return Math.max(...a.curve.map((loss, i) => Math.abs(loss - b.curve[i]!)));
  };
  const assertClose = (a: number, b: number): void => assert.ok(Math.abs(a - b) < PARITY, `${a} and ${b}`);

  for (const strategy of STRATEGIES) {
    for (const objective of OBJECTIVES) {
      it(`${strategy}, ${objective}: the same loss curve within ${PARITY} over ${STEPS} steps`, async () => {
        const wanted = (backend: string) => job(`${strategy}-${objective}-${backend}`, { strategy, objective });
        const [onnx, torch] = [await withOnnx(wanted("onnx")), await withTorch(wanted("torch"))];
        const difference = largestDifference(onnx, torch);
        assert.ok(difference < PARITY, `${difference}: ${onnx.curve.join(" ")} and ${torch.curve.join(" ")}`);
        assert.ok(onnx.curve.at(-1)! < onnx.curve[0]! - 10 * PARITY, "the curve falls, so that it says something");
        assertClose(onnx.trainLoss.first, torch.trainLoss.first);
        assertClose(onnx.trainLoss.last, torch.trainLoss.last);
        assertClose(onnx.validationLoss!.last, torch.validationLoss!.last);
        const size = (result: TrainingResult) =>
          strategy === "lora"
            ? readAdapter(result.adapterDir, loadCheckpoint(model.dir).config).layers.size
            : loadCheckpoint(result.adapterDir).nParameters;
        assert.equal(size(torch), size(onnx));
        if (strategy !== "lora") assert.equal(loadCheckpoint(torch.adapterDir).config.tiedHead, strategy === "full");
        const config = (result: TrainingResult) =>
          readFileSync(
            path.join(result.adapterDir, strategy === "lora" ? "adapter_config.json" : "config.json"),
            "utf8",
          );
        assert.deepEqual(JSON.parse(config(torch)), JSON.parse(config(onnx)));
      });
    }
  }

  it(`lora on the base model that is shipped: the same loss curve within ${PARITY} over ${BASE_STEPS} steps`, async () => {
    const wanted = (backend: string) =>
      job(`base-${backend}`, { modelDir: BASE_MODEL, lora: { ...job("").lora, steps: BASE_STEPS, warmupSteps: 1 } });
    const [onnx, torch] = [await withOnnx(wanted("onnx")), await withTorch(wanted("torch"))];
    assert.deepEqual([onnx.curve.length, torch.curve.length], [BASE_STEPS, BASE_STEPS]);
    const difference = Math.max(...onnx.curve.map((loss, i) => Math.abs(loss - torch.curve[i]!)));
    assert.ok(difference < PARITY, `${difference}: ${onnx.curve.join(" ")} and ${torch.curve.join(" ")}`);
    assert.ok(onnx.curve.at(-1)! < onnx.curve[0]! - 10 * PARITY, "the curve falls, so that it says something");
    assertClose(onnx.validationLoss!.last, torch.validationLoss!.last);
  });

  it("leaves an adapter that the engine writes the same with", async () => {
    await using engine = await openModel(model.dir, { threads: 1 });
    const scores: number[] = [];
    for (const train of [withOnnx, withTorch]) {
      const { adapterDir } = await train(job(`served-${train.name}`));
      await engine.setAdapter({ version: train.name, dir: adapterDir });
      const request = { ...rows(1)[0]!, maxTokens: 16, lines: "single" } as const;
      scores.push((await engine.scoreCompletion(request, "good(0)")).nats);
    }
    assertClose(scores[0]!, scores[1]!);
  });

  it("stops when it is told to, with a checkpoint, and goes on from it to the same curve", async () => {
    const whole = await withTorch(job("whole"));
    const controller = new AbortController();
    const stopped = withTorch(job("pieces"), (step) => step === 7 && controller.abort(), controller.signal);
    await assert.rejects(stopped, { name: "AbortError" });
    const steps: number[] = [];
    const resumed = await withTorch(job("pieces"), (step) => steps.push(step));
    assert.ok(steps[0]! > 7 && steps[0]! < STEPS, `it went on at step ${steps[0]}`);
    assert.equal(steps.at(-1), STEPS);
    assert.deepEqual(resumed.curve, whole.curve);
  });

  it("makes the same curve with two processes that share the work", async () => {
    const wanted = (name: string) => job(name, { accumulation: 2, objective: "dpo", strategy: "lora" });
    const alone = await withTorch(wanted("alone"));
    const together = await withTorch(wanted("together"), () => {}, never, 2);
    const difference = largestDifference(alone, together);
    assert.ok(difference < PARITY, String(difference));
  });

  it("says that there is nothing to learn from", async () => {
    await assert.rejects(withTorch(job("nothing", { train: [] })), { code: "training-unavailable" });
  });
});
