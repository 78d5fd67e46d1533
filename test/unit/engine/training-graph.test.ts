import assert from "node:assert/strict";
import { linearLayers, type DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import type { TrainingShape } from "../../../engine/architectures/training-graph.ts";
import type { Batch } from "../../../engine/optim/batch.ts";
import { referenceLogits, type ReferenceAdapter } from "../../../engine/reference/reference-decoder.ts";
import type { Objective } from "../../../engine/training/objective.ts";
import { parameterCount, parameterSlots, trainedConfig, type Trained } from "../../../engine/training/parameters.ts";
import { createPipeline, type LossInputs, type Pipeline } from "../../../engine/training/pipeline.ts";
import type { Reals } from "../../../engine/training/reals.ts";
import { normal, randomWeights, TINY } from "../../support/tiny-decoder.ts";

/** Two rows of eight tokens; the first holds two documents, the second is padded. */
const SHAPE = { nRows: 2, rowTokens: 8, nTargets: 6, nSequences: 2 };
const ROWS = [
  [3, 14, 15, 9, 2, 6, 5, 3],
  [5, 8, 9, 7, 9, 3, 0, 0],
];
const DOCUMENTS = [
  [1, 1, 1, 1, 1, 2, 2, 2],
  [1, 1, 1, 1, 1, 1, 0, 0],
];
const BATCH: Batch = {
  ids: Int32Array.from(ROWS.flat()),
  documents: Int32Array.from(DOCUMENTS.flat()),
  positions: Int32Array.from([1, 3, 6, 9, 12, 0]),
  targets: Int32Array.from([15, 2, 3, 9, 3, 0]),
  weights: Float32Array.from([1, 0.5, 1, 2, 1, 0]),
};
const SEQUENCES = { membership: [1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0], reference: [-6, -8], shares: [0.5, 0.7] };
const OBJECTIVES: readonly { readonly objective: Objective; readonly loss: LossInputs }[] = [
  { objective: { kind: "sft" }, loss: { weights: BATCH.weights } },
  {
    objective: { kind: "kto", beta: 0.3, desirableWeight: 1, undesirableWeight: 1 },
    loss: { ...SEQUENCES, signs: [1, -1], divergence: [0.4] },
  },
  {
    objective: { kind: "dpo", beta: 0.3, labelSmoothing: 0.1 },
    loss: { ...SEQUENCES, membership: [1, 1, -1, 0, 0, 0, 0, 0, 0, 1, -1, 0] },
  },
];
const LORA: Trained = { kind: "lora", rank: 3, alpha: 6 };
const TRAINED: readonly Trained[] = [LORA, { kind: "top-layers", nLayers: 1 }, { kind: "full" }];
const CONFIGS: readonly (readonly [string, DecoderConfig])[] = [
  ["tied, grouped, biased", TINY],
  ["untied, plain", { ...TINY, attentionBias: false, tiedHead: false, nKvHeads: 4 }],
  [
    "normed heads, every bias, a window",
    { ...TINY, qkNorm: true, outputBias: true, mlpBias: true, slidingWindow: { tokens: 3, fromLayer: 1 } },
  ],
];

function startingPoint(config: DecoderConfig, trained: Trained): Float64Array {
  const random = normal(5);
  const weights = randomWeights(config);
  const slots = parameterSlots(config, trained);
  const theta = new Float64Array(parameterCount(slots)).map(() => 0.3 * random());
  for (const { name, offset } of slots) {
    const start = weights.get(name === "lm_head.weight" && config.tiedHead ? "model.embed_tokens.weight" : name);
    if (start) theta.set(start, offset);
  }
  return theta;
}

async function withPipeline<T>(
  config: DecoderConfig,
  trained: Trained,
  objective: Objective,
  keep: "everything" | "nothing",
  real: "float32" | "float64",
  use: (pipeline: Pipeline) => Promise<T>,
  shape: TrainingShape = SHAPE,
): Promise<T> {
  await using pipeline = await createPipeline({
    config,
    weights: randomWeights(config),
    trained,
    objective,
    shape,
    threads: 1,
    keep,
    real,
  });
  return await use(pipeline);
}

async function checkGradient(
  config: DecoderConfig,
  trained: Trained,
  objective: Objective,
  loss: LossInputs,
  keep: "everything" | "nothing",
  { batch, shape, nChecked }: { readonly batch: Batch; readonly shape: TrainingShape; readonly nChecked: number } = {
    batch: BATCH,
    shape: SHAPE,
    nChecked: 24,
  },
) {
  const check = async (pipeline: Pipeline) => {
    const theta = startingPoint(config, trained);
    const gradient = new Float64Array(theta.length).fill(Number.NaN);
    const scratch = new Float64Array(theta.length);
    await pipeline.differentiate(theta, gradient, batch, loss);
    assert.ok(gradient.every(Number.isFinite), "every parameter gets its gradient");
    const random = normal(11);
    const h = 1e-5;
    let worst = 0;
    for (let n = 0; n < nChecked; n++) {
      const j = Math.floor(Math.abs(random() * 1e6)) % theta.length;
      const at = theta[j]!;
      const lossAt = async (value: number) => {
        theta[j] = value;
        return (await pipeline.differentiate(theta, scratch, batch, loss)).loss;
      };
      const numeric = ((await lossAt(at + h)) - (await lossAt(at - h))) / (2 * h);
      theta[j] = at;
      const scale = Math.max(1e-4, Math.abs(gradient[j]!), Math.abs(numeric));
      worst = Math.max(worst, Math.abs(gradient[j]! - numeric) / scale);
    }
    assert.ok(worst < 1e-5, `worst relative error ${worst}`);
  };
  await withPipeline(config, trained, objective, keep, "float64", check, shape);
}

describe("the training graphs", () => {
  for (const trained of TRAINED) {
    for (const [name, config] of CONFIGS) {
      it(`have the gradient that finite differences give: ${trained.kind}, ${name}`, () =>
        checkGradient(config, trained, { kind: "sft" }, { weights: BATCH.weights }, "everything"));
    }
    for (const { objective, loss } of OBJECTIVES) {
      it(`have it with blocks computed again: ${trained.kind}, ${objective.kind}`, () =>
        checkGradient(TINY, trained, objective, loss, "nothing"));
    }
  }

  it("give the gradient of kept activations when blocks are computed again", async () => {
    const theta = Float32Array.from(startingPoint(TINY, LORA));
    const run = (keep: "everything" | "nothing") =>
      withPipeline(TINY, LORA, { kind: "sft" }, keep, "float32", async (pipeline) => {
        const gradient = new Float32Array(theta.length);
        await pipeline.differentiate(theta, gradient, BATCH, { weights: BATCH.weights });
        return gradient;
      });
    const [again, kept] = [await run("nothing"), await run("everything")];
    const difference = Math.hypot(...again.map((value, i) => value - kept[i]!)) / Math.hypot(...kept);
    assert.ok(difference < 1e-5, `relative difference ${difference}`);
  });

  it("compute in float32 what they compute in float64", async () => {
    const theta = startingPoint(TINY, LORA);
    const run = (real: "float32" | "float64") =>
      withPipeline(TINY, LORA, { kind: "sft" }, "everything", real, async (pipeline) => {
        const gradient: Reals = real === "float32" ? new Float32Array(theta.length) : new Float64Array(theta.length);
        const start = real === "float32" ? Float32Array.from(theta) : theta;
        await pipeline.differentiate(start, gradient, BATCH, { weights: BATCH.weights });
        return Array.from(gradient);
      });
    const [single, double] = [await run("float32"), await run("float64")];
    const difference = Math.hypot(...single.map((value, i) => value - double[i]!)) / Math.hypot(...double);
    assert.ok(difference < 1e-4, `relative difference ${difference}`);
  });

  /** The reference decoder's log-probability of each target of a batch. */
  function referenceLogProbabilities(
    config: DecoderConfig,
    adapters: ReadonlyMap<string, ReferenceAdapter>,
    { ids, documents, positions, targets }: Batch = BATCH,
    { nRows, rowTokens }: TrainingShape = SHAPE,
  ): number[] {
    const rowOf = (values: Int32Array, row: number) => [...values.subarray(row * rowTokens, (row + 1) * rowTokens)];
    const logits = Array.from({ length: nRows }, (_, row) =>
      referenceLogits(config, randomWeights(config), rowOf(ids, row), adapters, rowOf(documents, row)),
    ).flat();
    return Array.from(positions, (position, i) => {
      const row = logits[position]!;
      return row[targets[i]!]! - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
    });
  }
  const assertClose = (actual: Reals, expected: readonly number[]) =>
    expected.forEach((value, i) =>
      assert.ok(Math.abs(actual[i]! - value) < 1e-6, `target ${i}: ${actual[i]} is not ${value}`),
    );

  it("compute the reference's log-probabilities, documents kept apart, with the adapter on and off", async () => {
    const theta = startingPoint(TINY, LORA);
    const slots = new Map(parameterSlots(TINY, LORA).map((slot) => [slot.name, slot]));
    const matrix = (name: string) => {
      const { shape, offset } = slots.get(name)!;
      return Float32Array.from(theta.subarray(offset, offset + shape[0]! * shape[1]!));
    };
    const adapters = new Map(
      linearLayers(TINY).map(({ name }) => [
        name,
        { a: matrix(`${name}.lora_A.weight`), b: matrix(`${name}.lora_B.weight`), rank: 3, scale: 2 },
      ]),
    );
    const rounded = theta.map(Math.fround);
    await withPipeline(TINY, LORA, { kind: "sft" }, "everything", "float64", async (pipeline) => {
      assertClose(await pipeline.logProbabilities(rounded, BATCH), referenceLogProbabilities(TINY, adapters));
      assertClose(await pipeline.logProbabilities(null, BATCH), referenceLogProbabilities(TINY, new Map()));
    });
  });

  it("run rows of several tiles, whose documents and windows pass from one into the next", async () => {
    const config: DecoderConfig = { ...TINY, slidingWindow: { tokens: 100, fromLayer: 1 } };
    const shape: TrainingShape = { nRows: 2, rowTokens: 140, nTargets: 5 };
    const nTokens = shape.nRows * shape.rowTokens;
    const batch: Batch = {
      ids: Int32Array.from({ length: nTokens }, (_, i) => (i * i + 3 * i) % config.vocabSize),
      documents: Int32Array.from({ length: nTokens }, (_, i) => (i < 60 ? 1 : i < 137 ? 2 : i < 140 ? 0 : 1)),
      positions: Int32Array.from([59, 127, 128, 136, 279]),
      targets: Int32Array.from([1, 2, 3, 4, 5]),
      weights: Float32Array.from([1, 2, 1, 0.5, 1]),
    };
    const loss = { weights: batch.weights };
    await checkGradient(config, LORA, { kind: "sft" }, loss, "everything", { batch, shape, nChecked: 8 });
    await withPipeline(
      config,
      LORA,
      { kind: "sft" },
      "everything",
      "float64",
      async (pipeline) =>
        assertClose(
          await pipeline.logProbabilities(null, batch),
          referenceLogProbabilities(config, new Map(), batch, shape),
        ),
      shape,
    );
  });

  it("untie a head that is trained without the embedding", () => {
    const trained: Trained = { kind: "top-layers", nLayers: 1 };
    assert.equal(trainedConfig(TINY, trained).tiedHead, false);
    const names = parameterSlots(TINY, trained).map(({ name }) => name);
    assert.ok(names.includes("lm_head.weight") && names.includes("model.norm.weight"));
    assert.ok(!names.some((name) => name.includes("embed_tokens") || name.startsWith("model.layers.0.")));
  });
});
