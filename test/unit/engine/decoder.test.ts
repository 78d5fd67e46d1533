import assert from "node:assert/strict";
import { Tensor } from "onnxruntime-node";
import { linearLayers, type DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import { adapterInputs, buildInferenceGraph } from "../../../engine/architectures/inference-graph.ts";
import { buildTrainingGraph, parameterSlots, type Trained } from "../../../engine/architectures/training-graph.ts";
import { createKvCache, rewindTo } from "../../../engine/generate/kv-cache.ts";
import { sizeOf } from "../../../engine/graph/graph.ts";
import { compileGraph, floats, int32s, int64s, type GraphSession } from "../../../engine/graph/session.ts";
import { attentionMask } from "../../../engine/optim/batch.ts";
import { referenceLogits, type ReferenceAdapter } from "../../../engine/reference/reference-decoder.ts";
import { normal, randomWeights, TINY } from "../../support/tiny-decoder.ts";

const IDS = [3, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7];
const LORA: Trained = { kind: "lora", rank: 3, alpha: 6 };

function randomAdapters(config: DecoderConfig, rank: number, scale: number): Map<string, ReferenceAdapter> {
  const random = normal(5);
  const matrix = (size: number) => Float32Array.from({ length: size }, () => 0.3 * random());
  return new Map(
    linearLayers(config).map(({ name, nIn, nOut }) => [
      name,
      { a: matrix(rank * nIn), b: matrix(nOut * rank), rank, scale },
    ]),
  );
}

function feedsOf(config: DecoderConfig, adapters: ReadonlyMap<string, ReferenceAdapter>): Record<string, Tensor> {
  return Object.fromEntries(
    linearLayers(config).flatMap(({ name, nIn, nOut }) => {
      const { a, b, rank, scale } = adapters.get(name) ?? {
        a: new Float32Array(nIn),
        b: new Float32Array(nOut),
        rank: 1,
        scale: 0,
      };
      const inputs = adapterInputs(name);
      return [
        [inputs.a, floats(a, [rank, nIn])],
        [
          inputs.b,
          floats(
            b.map((value) => value * scale),
            [nOut, rank],
          ),
        ],
      ];
    }),
  );
}

/** Runs the inference graph over chunks of tokens and returns the logits of every token. */
async function inferenceLogits(
  config: DecoderConfig,
  session: GraphSession,
  chunks: readonly (readonly number[])[],
  adapters: ReadonlyMap<string, ReferenceAdapter>,
  cache = createKvCache(config),
): Promise<number[][]> {
  const rows: number[][] = [];
  for (const chunk of chunks) {
    const total = cache.ids.length + chunk.length;
    const outputs = await session.run(
      {
        ids: int64s(chunk, [chunk.length]),
        rows: int64s(
          chunk.map((_, i) => i),
          [chunk.length],
        ),
        last_position: int32s([total - 1], [1]),
        total_tokens: int32s([total], []),
        ...cache.feeds,
        ...feedsOf(config, adapters),
      },
      { logits: null, ...cache.fetches },
    );
    cache.ids.push(...chunk);
    const logits = outputs["logits"]!.data as Float32Array;
    chunk.forEach((_, i) => rows.push(Array.from(logits.subarray(i * config.vocabSize, (i + 1) * config.vocabSize))));
  }
  return rows;
}

function assertClose(
  actual: readonly (readonly number[])[],
  expected: readonly (readonly number[])[],
  tolerance: number,
) {
  assert.equal(actual.length, expected.length);
  actual.forEach((row, t) =>
    row.forEach((value, i) =>
      assert.ok(
        Math.abs(value - expected[t]![i]!) <= tolerance,
        `token ${t}, logit ${i}: ${value} is not ${expected[t]![i]}`,
      ),
    ),
  );
}

describe("the decoder", () => {
  const VARIANTS: readonly [string, DecoderConfig][] = [
    ["Qwen2-style, with biases and a tied head", { ...TINY, headDim: 16 }],
    ["Llama-style, without biases", { ...TINY, headDim: 16, attentionBias: false }],
    ["with an untied head", { ...TINY, headDim: 16, tiedHead: false }],
    ["with one head a group", { ...TINY, headDim: 16, nKvHeads: 4 }],
  ];
  for (const [name, config] of VARIANTS) {
    it(`computes the reference's logits in the inference graph, ${name}`, async () => {
      const weights = randomWeights(config);
      const session = await compileGraph(buildInferenceGraph(config, weights), { threads: 1, prepack: true });
      const adapters = randomAdapters(config, 3, 2);
      assertClose(
        await inferenceLogits(config, session, [IDS], new Map()),
        referenceLogits(config, weights, IDS),
        2e-4,
      );
      assertClose(
        await inferenceLogits(config, session, [IDS], adapters),
        referenceLogits(config, weights, IDS, adapters),
        2e-3,
      );
      await session.release();
    });
  }

  it("computes the same in chunks, and again after going back to an earlier token", async () => {
    const config = { ...TINY, headDim: 16 };
    const weights = randomWeights(config);
    const session = await compileGraph(buildInferenceGraph(config, weights), { threads: 1, prepack: true });
    const cache = createKvCache(config);
    const chunked = await inferenceLogits(
      config,
      session,
      [IDS.slice(0, 5), IDS.slice(5, 6), IDS.slice(6)],
      new Map(),
      cache,
    );
    assertClose(chunked, referenceLogits(config, weights, IDS), 2e-4);
    const other = [...IDS.slice(0, 4), 1, 1, 2];
    assert.equal(rewindTo(cache, other), 4);
    const tail = await inferenceLogits(config, session, [other.slice(4)], new Map(), cache);
    assertClose(tail, referenceLogits(config, weights, other).slice(4), 2e-4);
    await session.release();
  });
});

describe("the training graph", () => {
  /** Two rows of eight tokens; the first holds two documents, the second is padded. */
  const SHAPE = { nRows: 2, rowTokens: 8, nTargets: 6 };
  const ROWS = [
    [3, 14, 15, 9, 2, 6, 5, 3],
    [5, 8, 9, 7, 9, 3, 0, 0],
  ];
  const DOCUMENTS = [
    [1, 1, 1, 1, 1, 2, 2, 2],
    [1, 1, 1, 1, 1, 1, 0, 0],
  ];
  const POSITIONS = [1, 3, 6, 9, 12, 0];
  const TARGETS = [15, 2, 3, 9, 3, 0];
  const WEIGHTS = [1, 0.5, 1, 2, 1, 0];

  const feeds = (theta: ArrayLike<number>, real: "float32" | "float64") => {
    const reals = (data: ArrayLike<number>, shape: number[]) =>
      real === "float32"
        ? new Tensor("float32", Float32Array.from(data), shape)
        : new Tensor("float64", Float64Array.from(data), shape);
    return {
      theta: reals(theta, [theta.length]),
      ids: int64s(ROWS.flat(), [16]),
      mask: reals(attentionMask(Int32Array.from(DOCUMENTS.flat()), 2, 8), [2, 1, 1, 8, 8]),
      positions: int64s(POSITIONS, [6]),
      targets: int64s(TARGETS, [6, 1]),
      weights: reals(WEIGHTS, [6, 1]),
    };
  };

  function startingPoint(config: DecoderConfig, trained: Trained): Float64Array {
    const slots = parameterSlots(config, trained);
    const last = slots.at(-1)!;
    const theta = new Float64Array(last.offset + sizeOf(last.shape));
    const weights = randomWeights(config);
    const adapters = randomAdapters(config, 3, 2);
    for (const { name, offset } of slots) {
      const [layer, which] = name.split(".lora_") as [string, string | undefined];
      theta.set(which ? adapters.get(layer)![which.startsWith("A") ? "a" : "b"] : weights.get(name)!, offset);
    }
    return theta;
  }

  function referenceLoss(config: DecoderConfig, adapters: ReadonlyMap<string, ReferenceAdapter>): number {
    const weights = randomWeights(config);
    const logits = ROWS.flatMap((row, i) => referenceLogits(config, weights, row, adapters, DOCUMENTS[i]));
    let total = 0;
    POSITIONS.forEach((position, i) => {
      const row = logits[position]!;
      const sum = row.reduce((s, value) => s + Math.exp(value), 0);
      total += WEIGHTS[i]! * (Math.log(sum) - row[TARGETS[i]!]!);
    });
    return total / WEIGHTS.reduce((s, value) => s + value, 0);
  }

  it("computes the reference's loss, documents kept apart, with adapters", async () => {
    const graph = buildTrainingGraph(TINY, randomWeights(TINY), LORA, SHAPE, "float64", "loss");
    const session = await compileGraph(graph, { threads: 1, prepack: false });
    const outputs = await session.run(feeds(startingPoint(TINY, LORA), "float64"));
    const expected = referenceLoss(TINY, randomAdapters(TINY, 3, 2));
    assert.ok(
      Math.abs((outputs["loss"]!.data[0] as number) - expected) < 1e-6,
      `${outputs["loss"]!.data[0]} is not ${expected}`,
    );
    await session.release();
  });

  for (const trained of [LORA, { kind: "full" }] as const satisfies readonly Trained[]) {
    for (const config of [TINY, { ...TINY, attentionBias: false, tiedHead: false, nKvHeads: 4 }]) {
      it(`has the gradient that finite differences give: ${trained.kind}, ${config.tiedHead ? "tied, grouped, biased" : "untied, plain"}`, async () => {
        const graph = buildTrainingGraph(config, randomWeights(config), trained, SHAPE, "float64");
        const session = await compileGraph(graph, { threads: 1, prepack: false });
        const theta = startingPoint(config, trained);
        const gradient = (await session.run(feeds(theta, "float64")))["gradient"]!.data as Float64Array;
        assert.equal(gradient.length, theta.length);
        const random = normal(11);
        const h = 1e-5;
        let worst = 0;
        for (let n = 0; n < 150; n++) {
          const j = Math.floor(Math.abs(random() * 1e6)) % theta.length;
          const lossAt = async (value: number) => {
            const moved = theta.slice();
            moved[j] = value;
            return (await session.run(feeds(moved, "float64")))["loss"]!.data[0] as number;
          };
          const numeric = ((await lossAt(theta[j]! + h)) - (await lossAt(theta[j]! - h))) / (2 * h);
          const scale = Math.max(1e-4, Math.abs(gradient[j]!), Math.abs(numeric));
          worst = Math.max(worst, Math.abs(gradient[j]! - numeric) / scale);
        }
        assert.ok(worst < 1e-5, `worst relative error ${worst}`);
        await session.release();
      });
    }
  }

  it("computes in float32 what it computes in float64", async () => {
    const theta = startingPoint(TINY, LORA);
    const run = async (real: "float32" | "float64") => {
      const session = await compileGraph(buildTrainingGraph(TINY, randomWeights(TINY), LORA, SHAPE, real), {
        threads: 1,
        prepack: false,
      });
      const outputs = await session.run(feeds(theta, real));
      await session.release();
      return Array.from(outputs["gradient"]!.data as Float32Array, Number);
    };
    const [single, double] = [await run("float32"), await run("float64")];
    const difference = Math.hypot(...single.map((value, i) => value - double[i]!)) / Math.hypot(...double);
    assert.ok(difference < 1e-4, `relative difference ${difference}`);
  });
});
