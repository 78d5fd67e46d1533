import assert from "node:assert/strict";
import path from "node:path";
import { createRandom } from "../../core/statistics/random.ts";
import { linearLayers, type DecoderConfig } from "../../engine/architectures/decoder-config.ts";
import { buildInferenceGraph } from "../../engine/architectures/inference-graph.ts";
import type { Precision } from "../../engine/architectures/inference-weights.ts";
import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { chooseProvider } from "../../engine/devices/choice.ts";
import type { Provider } from "../../engine/devices/device.ts";
import { probeProvider } from "../../engine/devices/probe.ts";
import { adapterFeeds } from "../../engine/generate/adapter-feeds.ts";
import { openModel } from "../../engine/generate/model.ts";
import { createTokenReader } from "../../engine/generate/token-reader.ts";
import { compileGraph } from "../../engine/graph/session.ts";
import type { LoraAdapter } from "../../engine/lora/adapter.ts";
import { packBatches } from "../../engine/optim/packing.ts";
import { startEngineProcess } from "../../engine/process/host.ts";
import type { Trained } from "../../engine/training/parameters.ts";
import { createTrainer, imitated, meanLoss } from "../../engine/training/trainer.ts";
import { normal, randomWeights, TINY } from "../support/tiny-decoder.ts";
import { createTinyModel } from "../support/tiny-model.ts";

/** WebGPU beside the CPU on a software Vulkan driver: what is computed, never how fast. See `npm run test:webgpu`. */

const never = new AbortController().signal;
const CONFIG: DecoderConfig = { ...TINY, headDim: 16, contextTokens: 64 };
const IDS = [3, 14, 15, 9, 2, 6, 5, 3, 5, 8, 9, 7, 1, 2, 3, 4, 5, 6, 7, 8];
const REQUEST = {
  prefix: "let x = ",
  suffix: "",
  path: "a.ts",
  repository: "demo",
  examples: [],
  maxTokens: 12,
  lines: "block",
} as const;

function relativeDistance(actual: readonly Float32Array[], expected: readonly Float32Array[]): number {
  let difference = 0;
  let size = 0;
  assert.equal(actual.length, expected.length);
  expected.forEach((row, i) =>
    row.forEach((value, j) => {
      difference += (value - actual[i]![j]!) ** 2;
      size += value ** 2;
    }),
  );
  return Math.sqrt(difference / size);
}

function randomAdapter(config: DecoderConfig): LoraAdapter {
  const random = normal(9);
  const matrix = (size: number) => Float32Array.from({ length: size }, () => 0.3 * random());
  const layers = linearLayers(config).map(({ name, nIn, nOut }, i) => {
    const rank = 1 + (i % 3);
    return [name, { a: matrix(rank * nIn), b: matrix(nOut * rank), rank, scale: 1 }] as const;
  });
  return { rank: 3, alpha: 3, layers: new Map(layers) };
}

/** Logits of a prompt read in chunks, of tokens after it, and of others after going back. */
async function logits(config: DecoderConfig, provider: Provider, precision: Precision, adapter: LoraAdapter | null) {
  const adapters = adapter ? "inputs" : "none";
  const graph = buildInferenceGraph(config, randomWeights(config), { precision, adapters });
  const session = await compileGraph(graph, { threads: 1, prepack: true, provider });
  const reader = createTokenReader(config, { session, adapterFeeds: adapter ? adapterFeeds(config, adapter) : {} });
  reader.chunkTokens = 8;
  const rows = [(await reader.prefill(IDS, never))!];
  for (let i = 0; i < 4; i++) rows.push(...(await reader.readAfter(IDS.length + i, [i])));
  rows.push(...(await reader.readAfter(10, [3, 3, 3])));
  await session.release();
  return rows;
}

describe("WebGPU", function () {
  // Shaders are compiled on the processor: minutes when another program needs it too.
  this.timeout(600_000);

  const notices: string[] = [];
  const listen = (warning: Error & { code?: string }) => notices.push(`${warning.code}: ${warning.message}`);
  before(() => void process.on("warning", listen));
  after(() => void process.off("warning", listen));
  afterEach(() => assert.deepEqual(notices.splice(0), [], "nothing fell back to the CPU"));

  it("is found on a software driver, which only a request takes", async () => {
    const finding = await probeProvider("webgpu", { deadlineMs: 300_000 });
    assert.ok(finding.state === "ready", JSON.stringify(finding));
    assert.equal(finding.isSoftware, true);
    assert.ok(finding.drivers.length > 0 && finding.error < 1e-4, JSON.stringify(finding));
    const find = (provider: Provider) =>
      Promise.resolve(provider === "webgpu" ? finding : ({ provider, state: "not-listed" } as const));
    const large = { kind: "inference", nParameters: 1e9 } as const;
    assert.equal((await chooseProvider("auto", large, find)).provider, "cpu");
    assert.deepEqual(await chooseProvider("webgpu", large, find).then(({ provider }) => provider), "webgpu");
  });

  const VARIANTS: readonly [string, DecoderConfig][] = [
    ["Qwen2-style, with biases and a tied head", CONFIG],
    ["Llama-style, without biases and with an untied head", { ...CONFIG, attentionBias: false, tiedHead: false }],
    ["Qwen3-style, with normed queries and keys", { ...CONFIG, attentionBias: false, qkNorm: true }],
    ["with one head a group", { ...CONFIG, nKvHeads: 4 }],
  ];
  for (const [name, config] of VARIANTS) {
    for (const adapter of [null, randomAdapter(config)]) {
      it(`computes the CPU's logits, ${name}, ${adapter ? "with an adapter" : "base model alone"}`, async () => {
        const onCpu = await logits(config, "cpu", "float32", adapter);
        assert.ok(relativeDistance(await logits(config, "webgpu", "float32", adapter), onCpu) < 1e-5);
      });
    }
  }

  it("is as exact in int8 as the CPU is", async () => {
    const exact = await logits(CONFIG, "cpu", "float32", null);
    const cpu = relativeDistance(await logits(CONFIG, "cpu", "int8", null), exact);
    const webgpu = relativeDistance(await logits(CONFIG, "webgpu", "int8", null), exact);
    assert.ok(webgpu < 2 * cpu, `${webgpu} beside ${cpu}`);
  });

  const folder = createTinyModel();
  after(() => folder[Symbol.dispose]());

  const TRAINED: readonly [string, Trained, boolean][] = [
    ["an adapter", { kind: "lora", rank: 4, alpha: 8 }, false],
    ["an adapter, with blocks computed again", { kind: "lora", rank: 4, alpha: 8 }, true],
    ["every weight", { kind: "full" }, false],
  ];
  for (const [name, trained, recompute] of TRAINED) {
    it(`takes the CPU's training steps, ${name}`, async () => {
      const train = async (provider: Provider) => {
        const shape = { nRows: 2, rowTokens: 24, nTargets: 16 };
        const adamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 };
        await using trainer = await createTrainer(loadCheckpoint(folder.dir), {
          trained,
          objective: { kind: "sft" },
          shape,
          adamW,
          random: createRandom(1),
          threads: 1,
          recompute,
          provider,
        });
        const ids = (seed: number) => Array.from({ length: 20 }, (_, i) => 40 + ((i * seed) % 7));
        const [batch] = packBatches(
          [1, 2, 3].map((seed) => ({ ids: ids(seed), targets: [8, 9, 10, 11], weight: seed })),
          shape,
        );
        const steps = [];
        for (let step = 0; step < 4; step++) steps.push(await trainer.step([imitated(batch!)], 0.001));
        steps.push({ loss: await meanLoss(trainer, [imitated(batch!)]), gradientNorm: 0 });
        return { steps, theta: trainer.theta.slice() };
      };
      const cpu = await train("cpu");
      const webgpu = await train("webgpu");
      for (const [i, { loss, gradientNorm }] of cpu.steps.entries()) {
        assert.ok(Math.abs(webgpu.steps[i]!.loss - loss) < 1e-5 * loss, `loss of step ${i}`);
        assert.ok(Math.abs(webgpu.steps[i]!.gradientNorm - gradientNorm) <= 1e-5 * gradientNorm, `norm of step ${i}`);
      }
      assert.ok(cpu.steps.at(-1)!.loss < cpu.steps[0]!.loss);
      const distance = relativeDistance([webgpu.theta], [cpu.theta]);
      assert.ok(distance < 1e-4, `theta: ${distance}`);
    });
  }

  it("completes what the CPU completes", async () => {
    await using cpu = await openModel(folder.dir, { threads: 1, device: "cpu" });
    await using webgpu = await openModel(folder.dir, { threads: 1, device: "webgpu" });
    assert.equal(webgpu.device.provider, "webgpu");
    const nats = await cpu.scoreCompletion(REQUEST, "compute(1)");
    assert.ok(Math.abs((await webgpu.scoreCompletion(REQUEST, "compute(1)")).nats - nats.nats) < 1e-4 * nats.nats);
    const expected = await cpu.complete(REQUEST, never);
    assert.ok(expected.text.length > 0);
    assert.equal((await webgpu.complete(REQUEST, never)).text, expected.text);
  });

  it("serves in the engine process where KEPT_DEVICE names it", async () => {
    const told: string[] = [];
    process.env["KEPT_DEVICE"] = "webgpu";
    try {
      using engine = await startEngineProcess({
        entry: path.resolve(import.meta.dirname, "../../engine/process/main.ts"),
        modelDir: folder.dir,
        threads: 1,
        loadTimeoutMs: 300_000,
        onNotice: (notice) => told.push(notice),
      });
      await using cpu = await openModel(folder.dir, { threads: 1, device: "cpu" });
      const expected = await cpu.complete(REQUEST, never);
      assert.equal((await engine.complete(REQUEST, never)).text, expected.text);
    } finally {
      delete process.env["KEPT_DEVICE"];
    }
    assert.deepEqual(told, []);
  });
});
