import assert from "node:assert/strict";
import type { Tensor } from "onnxruntime-node";
import { linearLayers, type DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import { adapterInputs, buildInferenceGraph } from "../../../engine/architectures/inference-graph.ts";
import { createKvCache, rewindTo } from "../../../engine/generate/kv-cache.ts";
import { compileGraph, floats, int32s, int64s, type GraphSession } from "../../../engine/graph/session.ts";
import { referenceLogits, type ReferenceAdapter } from "../../../engine/reference/reference-decoder.ts";
import { normal, randomWeights, TINY } from "../../support/tiny-decoder.ts";

const IDS = [3, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7];

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
