import assert from "node:assert/strict";
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRandom } from "../../../core/statistics/random.ts";
import { linearLayers } from "../../../engine/architectures/decoder-config.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { writeSafetensors } from "../../../engine/checkpoint/safetensors.ts";
import { readAdapter, writeAdapter, type LoraAdapter } from "../../../engine/lora/adapter.ts";
import { trainedAdapter } from "../../../engine/training/trained-model.ts";
import { createTrainer, imitated, meanLoss, type Trainer } from "../../../engine/training/trainer.ts";
import {
  cosineSchedule,
  createAdamW,
  createAdamWState,
  type AdamWOptions,
  type AdamWState,
} from "../../../engine/optim/adamw.ts";
import { referenceAdamW } from "../../../engine/reference/reference-adamw.ts";
import { attentionMask } from "../../../engine/optim/batch.ts";
import { packBatches } from "../../../engine/optim/packing.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const LORA = { kind: "lora", rank: 4, alpha: 8 } as const;
const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1e9 };

describe("AdamW", () => {
  const step = async (
    theta: Float32Array,
    gradient: Float32Array,
    state: AdamWState,
    rate: number,
    options: Partial<AdamWOptions> = {},
  ) => {
    await using adamW = await createAdamW({ ...ADAMW, ...options }, 1);
    return await adamW.step(theta, gradient, state, rate);
  };
  it("moves by the learning rate against the sign of a first gradient", async () => {
    const theta = new Float32Array([1, 1, 1]);
    await step(theta, new Float32Array([0.5, -2, 0]), createAdamWState(3), 0.1);
    assert.deepEqual(
      [...theta].map((value) => Number(value.toFixed(5))),
      [0.9, 1.1, 1],
    );
  });
  it("decays weights apart from the gradient", async () => {
    const theta = new Float32Array([2]);
    await step(theta, new Float32Array([0]), createAdamWState(1), 0.1, { weightDecay: 0.5 });
    assert.ok(Math.abs(theta[0]! - 1.9) < 1e-6);
  });
  it("clips by the norm of the whole gradient, and returns the norm before", async () => {
    const state = createAdamWState(2);
    assert.equal(await step(new Float32Array(2), new Float32Array([3, 4]), state, 0.1, { clipNorm: 1 }), 5);
    assert.ok(Math.abs(state.firstMoment[0]! - 0.06) < 1e-6 && Math.abs(state.firstMoment[1]! - 0.08) < 1e-6);
  });
  it("does what its definition says, over several chunks and steps", async () => {
    const size = 70_000;
    const random = createRandom(4);
    const options = { ...ADAMW, weightDecay: 0.1, clipNorm: 1 };
    const start = () => ({ theta: new Float32Array(size).fill(0.5), state: createAdamWState(size) });
    const [mine, reference] = [start(), start()];
    await using adamW = await createAdamW(options, 1);
    for (let n = 0; n < 4; n++) {
      const gradient = Float32Array.from({ length: size }, () => random() - 0.5);
      const norm = await adamW.step(mine.theta, gradient, mine.state, 0.01);
      const expected = referenceAdamW(reference.theta, gradient, reference.state, 0.01, options);
      assert.ok(Math.abs(norm - expected) < 1e-5 * expected);
    }
    const worst = mine.theta.reduce((most, value, i) => Math.max(most, Math.abs(value - reference.theta[i]!)), 0);
    assert.ok(worst < 1e-5, `${worst}`);
  });
  it("follows a schedule that rises, then falls to nothing", () => {
    const rates = Array.from({ length: 11 }, (_, step) => cosineSchedule(step, 3, 10));
    assert.deepEqual(rates.slice(0, 4), [1 / 3, 2 / 3, 1, 1]);
    assert.ok(rates.slice(4).every((rate, i) => rate < rates[i + 3]!) && rates[10]! < 1e-9);
  });
});

describe("packing", () => {
  const SHAPE = { nRows: 2, rowTokens: 12, nTargets: 8 };
  const documents = fc.array(
    fc
      .array(fc.integer({ min: 1, max: 99 }), { minLength: 2, maxLength: 12 })
      .chain((ids) =>
        fc
          .subarray(ids.map((_, i) => i).slice(1), { minLength: 1, maxLength: Math.min(8, ids.length - 1) })
          .map((targets) => ({ ids, targets, weight: 1 })),
      ),
  );

  it("keeps every target of every document, each after the token before it", () => {
    fc.assert(
      fc.property(documents, (docs) => {
        const found: string[] = [];
        for (const batch of packBatches(docs, SHAPE)) {
          batch.targets.forEach((target, i) => {
            if (batch.weights[i] === 0) return;
            const at = batch.positions[i]!;
            assert.equal(batch.ids[at + 1], target);
            assert.equal(batch.documents[at], batch.documents[at + 1]);
            found.push(`${batch.ids[at]}>${target}`);
          });
        }
        const expected = docs.flatMap(({ ids, targets }) => targets.map((i) => `${ids[i - 1]}>${ids[i]}`));
        assert.deepEqual(found.toSorted(), expected.toSorted());
      }),
    );
  });
  it("refuses a document that fits no row", () => {
    assert.throws(
      () => packBatches([{ ids: Array.from({ length: 13 }, () => 1), targets: [1], weight: 1 }], SHAPE),
      /does not fit/,
    );
  });
  it("lets a token see its own document up to itself, and nothing else", () => {
    const documents = Int32Array.from([1, 1, 2, 0]);
    const seen = (start: number, end: number) =>
      [...attentionMask(documents, 1, 4, { start, end })].map((value) => (value === 0 ? 1 : 0));
    assert.deepEqual(seen(0, 4), [1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    assert.deepEqual(
      [seen(0, 2), seen(2, 4)],
      [
        [1, 0, 1, 1],
        [0, 0, 1, 0, 0, 0, 0, 1],
      ],
    );
  });
});

describe("the LoRA trainer", () => {
  const folder = createTinyModel();
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-adapter-"));
  const checkpoint = loadCheckpoint(folder.dir);
  after(() => {
    folder[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });
  const shape = { nRows: 1, rowTokens: 24, nTargets: 12 };
  const [batch] = packBatches(
    [{ ids: [20, 30, 40, 50, 60, 70, 80, 90, 20, 30, 40], targets: [4, 5, 6, 7, 8, 9], weight: 1 }],
    shape,
  );
  const open = (seed = 1) =>
    createTrainer(checkpoint, {
      trained: LORA,
      objective: { kind: "sft" },
      shape,
      adamW: ADAMW,
      random: createRandom(seed),
      threads: 1,
    });
  const update = (trainer: Trainer) => trainer.step([imitated(batch!)], 0.01);

  it("starts at the base model: B is zero", async () => {
    await using trainer = await open(1);
    await using other = await open(2);
    assert.equal(await meanLoss(trainer, [imitated(batch!)]), await meanLoss(other, [imitated(batch!)]));
  });
  it("learns a sequence by heart", async () => {
    await using trainer = await open();
    const before = await meanLoss(trainer, [imitated(batch!)]);
    for (let step = 0; step < 40; step++) await update(trainer);
    const after = await meanLoss(trainer, [imitated(batch!)]);
    assert.ok(after < 0.5 * before, `${before} -> ${after}`);
  });
  it("repeats itself byte for byte", async () => {
    const run = async () => {
      await using trainer = await open(3);
      const losses: number[] = [];
      for (let step = 0; step < 5; step++) losses.push((await update(trainer)).loss);
      return { losses, theta: Buffer.from(trainer.theta.buffer).toString("hex") };
    };
    assert.deepEqual(await run(), await run());
  });

  it("makes of several batches the step of one that holds them all", async () => {
    const documents = [4, 6].map((nTargets, n) => ({
      ids: Array.from({ length: 11 }, (_, i) => 20 + 7 * i + n),
      targets: Array.from({ length: nTargets }, (_, i) => i + 1),
      weight: 1 + n,
    }));
    const whole = packBatches(documents, shape);
    const parts = documents.flatMap((document) => packBatches([document], shape));
    assert.deepEqual([whole.length, parts.length], [1, 2]);
    await using one = await open();
    await using other = await open();
    const expected = await one.step(whole.map(imitated), 0.01);
    const actual = await other.step(parts.map(imitated), 0.01);
    assert.ok(Math.abs(actual.loss - expected.loss) < 1e-5 * expected.loss);
    assert.ok(Math.abs(actual.gradientNorm - expected.gradientNorm) < 1e-4 * expected.gradientNorm);
  });

  async function trained(): Promise<LoraAdapter> {
    await using trainer = await open();
    for (let step = 0; step < 3; step++) await update(trainer);
    return trainedAdapter(checkpoint.config, LORA, trainer.slots, trainer.theta);
  }
  it("writes a PEFT folder that reads back the same", async () => {
    const adapter = await trained();
    writeAdapter(dir, adapter, checkpoint.config, {
      baseModel: "tiny",
      baseSha256: checkpoint.sha256,
      readme: "# x\n",
    });
    assert.deepEqual(readAdapter(dir, checkpoint.config), adapter);
  });
  it("refuses an adapter of another base model, naming the tensor", async () => {
    const adapter = await trained();
    writeAdapter(dir, adapter, checkpoint.config, { baseModel: "tiny", baseSha256: "", readme: "" });
    assert.throws(
      () => readAdapter(dir, { ...checkpoint.config, ffnSize: 24 }),
      (error: Error & { code?: string }) =>
        error.code === "adapter-mismatch" && error.message.includes("mlp.gate_proj.lora_B"),
    );
    assert.throws(() => readAdapter(dir, { ...checkpoint.config, nLayers: 1 }), { code: "adapter-mismatch" });
  });
  it("refuses a folder that is no adapter", () => {
    writeFileSync(path.join(dir, "adapter_config.json"), "{}");
    assert.throws(() => readAdapter(dir, checkpoint.config), { code: "adapter-invalid" });
    writeFileSync(path.join(dir, "adapter_config.json"), JSON.stringify({ peft_type: "LORA", r: 4, lora_alpha: 8 }));
    writeFileSync(path.join(dir, "adapter_model.safetensors"), writeSafetensors(new Map()));
    assert.throws(() => readAdapter(dir, checkpoint.config), { code: "adapter-invalid" });
  });
  it("trains every linear layer", async () => {
    const { layers } = await trained();
    for (const { name } of linearLayers(checkpoint.config)) {
      assert.ok(
        layers.get(name)!.b.some((value) => value !== 0),
        `${name} did not move`,
      );
    }
  });
});
