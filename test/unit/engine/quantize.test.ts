import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import type { Tensor } from "onnxruntime-node";
import { linearLayers, type DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import {
  adapterInputs,
  buildInferenceGraph,
  type InferenceOptions,
} from "../../../engine/architectures/inference-graph.ts";
import type { StoredWeights, Weights } from "../../../engine/architectures/weights.ts";
import { openDecoderSessions } from "../../../engine/generate/decoder-sessions.ts";
import { createTokenReader } from "../../../engine/generate/token-reader.ts";
import { compileGraph, floats } from "../../../engine/graph/session.ts";
import type { LoraAdapter } from "../../../engine/lora/adapter.ts";
import { blocksOfRows, dequantizeBlocks, quantizeBlocks } from "../../../engine/quantize/int8-blocks.ts";
import { fileStore, memoryStore } from "../../../engine/quantize/int8-store.ts";
import { quantizedSlabs } from "../../../engine/quantize/quantized-slabs.ts";
import { referenceLogits, type ReferenceAdapter } from "../../../engine/reference/reference-decoder.ts";
import { normal, randomWeights, TINY } from "../../support/tiny-decoder.ts";

const matrices = fc
  .record({ rows: fc.integer({ min: 1, max: 5 }), columns: fc.integer({ min: 1, max: 70 }) })
  .chain(({ rows, columns }) => {
    const size = rows * columns;
    return fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      data: fc.float32Array({ minLength: size, maxLength: size, noNaN: true, min: -1000, max: 1000 }),
    });
  });

describe("int8 blocks", () => {
  it("are off by at most half a step of their block", () => {
    fc.assert(
      fc.property(matrices, ({ rows, columns, data }) => {
        const blocks = quantizeBlocks(data, rows, columns);
        const back = dequantizeBlocks(blocks);
        data.forEach((value, i) => {
          const [row, column] = [Math.floor(i / columns), i % columns];
          const start = row * columns + column - (column % 32);
          const block = data.subarray(start, Math.min(start + 32, (row + 1) * columns));
          const step = Math.max(...block.map(Math.abs)) / 127;
          assert.ok(Math.abs(back[i]! - value) <= step * 0.501 + 1e-30, `${back[i]} is not ${value}`);
        });
      }),
    );
  });
  it("keep zeros and the largest value of a block", () => {
    const data = Float32Array.from({ length: 64 }, (_, i) => (i === 5 ? -3 : i === 40 ? 0.5 : 0));
    assert.deepEqual(dequantizeBlocks(quantizeBlocks(data, 1, 64)), data);
  });
  it("hold what is stored as int8 with a scale a row without a change", () => {
    const values = Int8Array.from({ length: 2 * 40 }, (_, i) => ((i * 37) % 255) - 127);
    const scales = Float32Array.of(0.25, 0.5);
    const expected = Float32Array.from(values, (value, i) => value * scales[Math.floor(i / 40)]!);
    assert.deepEqual(dequantizeBlocks(blocksOfRows({ values, scales }, 2, 40)), expected);
  });
});

describe("inference in int8", () => {
  const IDS = [3, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7];
  const SHAPE = { ...TINY, headDim: 16 };

  function randomAdapter(config: DecoderConfig): Map<string, ReferenceAdapter> {
    const random = normal(5);
    const matrix = (size: number) => Float32Array.from({ length: size }, () => 0.3 * random());
    return new Map(
      linearLayers(config).map(({ name, nIn, nOut }) => [
        name,
        { a: matrix(2 * nIn), b: matrix(nOut * 2), rank: 2, scale: 1 },
      ]),
    );
  }
  const feedsOf = (config: DecoderConfig, adapter: ReadonlyMap<string, ReferenceAdapter>): Record<string, Tensor> =>
    Object.fromEntries(
      linearLayers(config).flatMap(({ name, nIn, nOut }) => [
        [adapterInputs(name).a, floats(adapter.get(name)!.a, [2, nIn])],
        [adapterInputs(name).b, floats(adapter.get(name)!.b, [nOut, 2])],
      ]),
    );

  /** Weights that int8 holds exactly, so that only the rounding of activations is left. */
  function exactWeights(config: DecoderConfig): Weights {
    const shapes = [...randomWeights(config)];
    return new Map(
      shapes.map(([name, data]) => {
        if (!/proj\.weight|embed|lm_head/.test(name)) return [name, data] as const;
        const columns = /down_proj/.test(name)
          ? config.ffnSize
          : /o_proj/.test(name)
            ? config.nHeads * config.headDim
            : config.hiddenSize;
        return [name, dequantizeBlocks(quantizeBlocks(data, data.length / columns, columns))] as const;
      }),
    );
  }

  async function check(config: DecoderConfig, options: InferenceOptions, tolerance: number): Promise<void> {
    const weights = exactWeights(config);
    const adapter = options.adapters === "inputs" ? randomAdapter(config) : new Map<string, ReferenceAdapter>();
    const session = await compileGraph(buildInferenceGraph(config, weights, options), { threads: 1, prepack: true });
    const feeds = options.adapters === "inputs" ? feedsOf(config, adapter) : {};
    const reader = createTokenReader(config, { session, adapterFeeds: feeds });
    const first = await reader.readAfter(0, IDS.slice(0, 5));
    const rest = await reader.readAfter(5, IDS.slice(5));
    const expected = referenceLogits(config, weights, IDS, adapter).flat();
    const actual = [...first, ...rest].flatMap((row) => [...row]);
    const error = Math.hypot(...actual.map((value, i) => value - expected[i]!)) / Math.hypot(...expected);
    assert.ok(error < tolerance, `relative error ${error}`);
    await session.release();
  }

  it("computes the same from a file as from memory", async () => {
    const config = { ...SHAPE, hiddenSize: 32, ffnSize: 64, attentionBias: false };
    const options = { precision: "int8", adapters: "none" } as const;
    const logits = [];
    for (const open of [memoryStore, fileStore]) {
      const store = open();
      const graph = buildInferenceGraph(config, randomWeights(config), options, store);
      const session = await compileGraph(graph, { threads: 1, prepack: true });
      store[Symbol.dispose]();
      logits.push(await createTokenReader(config, { session, adapterFeeds: {} }).readAfter(0, IDS));
      await session.release();
    }
    assert.deepEqual(logits[1], logits[0]);
  });

  it("quantises a checkpoint's matrix slab by slab, and keeps one that is stored in int8", () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), "kept-quantize-"));
    const file = path.join(dir, "data");
    const data = Float32Array.from({ length: 3000 * 400 }, (_, i) => Math.sin(i) * 0.1);
    writeFileSync(file, new Uint8Array(data.buffer));
    const stored = {
      external: () => ({ file, offset: 0, length: data.byteLength, type: "float32" }),
      int8: () => undefined,
    };
    const slabs = () => quantizedSlabs(stored as unknown as StoredWeights, "x", 3000, 400);
    assert.ok([...slabs()].length > 1);
    const { values, scales } = quantizeBlocks(data, 3000, 400);
    const kept = memoryStore().keep(slabs());
    assert.deepEqual([kept.rows, kept.values, kept.scales], [3000, values, scales]);
    rmSync(dir, { recursive: true });
    const int8 = { values: Int8Array.of(1, -2, 3, 4), scales: Float32Array.of(0.5, 2) };
    const exact = [
      ...quantizedSlabs({ external: () => undefined, int8: () => int8 } as unknown as StoredWeights, "x", 2, 2),
    ];
    assert.deepEqual([...dequantizeBlocks(exact[0]!)], [0.5, -1, 6, 8]);
  });

  const VARIANTS: readonly [string, DecoderConfig][] = [
    ["Qwen2-style, with biases and a tied head", SHAPE],
    ["Llama-style, without biases", { ...SHAPE, attentionBias: false }],
    ["Qwen3-style, with normed heads", { ...SHAPE, attentionBias: false, qkNorm: true }],
    ["with an untied head", { ...SHAPE, tiedHead: false }],
  ];
  for (const [name, config] of VARIANTS) {
    it(`is close to the reference: ${name}`, () => check(config, { precision: "int8", adapters: "none" }, 0.02));
    it(`is close to the reference with an adapter: ${name}`, () =>
      check(config, { precision: "int8", adapters: "inputs" }, 0.02));
    it(`computes the base model alone in float32: ${name}`, () =>
      check(config, { precision: "float32", adapters: "none" }, 1e-5));
  }

  it("swaps adapters alike whether one graph is kept or two", async () => {
    const config = { ...SHAPE, attentionBias: false };
    const adapter: LoraAdapter = {
      rank: 2,
      alpha: 2,
      layers: new Map([...randomAdapter(config)].map(([name, { a, b }]) => [name, { rank: 2, scale: 1, a, b }])),
    };
    const logits: Float32Array[] = [];
    for (const nParameters of [1_000, 1_000_000_000]) {
      const options = { threads: 1, precision: "int8", nParameters } as const;
      await using sessions = await openDecoderSessions(config, randomWeights(config), options);
      const reader = createTokenReader(config, await sessions.decoderFor(null));
      const read = async (next: LoraAdapter | null) => {
        reader.use(await sessions.decoderFor(next));
        return (await reader.readAll(IDS, 1))[0]!;
      };
      const [base, adapted, again] = [await read(null), await read(adapter), await read(null)];
      assert.notDeepEqual(adapted, base);
      logits.push(base, adapted, again);
    }
    for (const i of [0, 1, 2])
      logits[i]!.forEach((value, j) => assert.ok(Math.abs(value - logits[i + 3]![j]!) < 1e-4, `${i}: ${value}`));
    logits[0]!.forEach((value, j) => assert.ok(Math.abs(value - logits[2]![j]!) < 1e-6));
  });
});
