import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRandom } from "../../../core/statistics/random.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { writeAdapter } from "../../../engine/lora/adapter.ts";
import { trainedAdapter } from "../../../engine/training/trained-model.ts";
import { createTrainer, imitated } from "../../../engine/training/trainer.ts";
import { packBatches } from "../../../engine/optim/packing.ts";
import { startEngineProcess, type EngineProcess } from "../../../engine/process/host.ts";
import { ENGINE_ENTRY as entry, STATEMENT_REQUEST } from "../../support/engine-request.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const never = new AbortController().signal;
const REQUEST = STATEMENT_REQUEST;

/** An adapter trained hard enough on nonsense that it changes what the model writes. */
async function writeTrainedAdapter(modelDir: string, dir: string): Promise<void> {
  const checkpoint = loadCheckpoint(modelDir);
  const shape = { nRows: 1, rowTokens: 32, nTargets: 16 };
  const adamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 };
  const trained = { kind: "lora", rank: 4, alpha: 8 } as const;
  await using trainer = await createTrainer(checkpoint, {
    trained,
    objective: { kind: "sft" },
    shape,
    adamW,
    random: createRandom(1),
    threads: 1,
  });
  const ids = Array.from({ length: 24 }, (_, i) => 40 + (i % 3));
  const [batch] = packBatches([{ ids, targets: [8, 9, 10, 11, 12, 13, 14, 15], weight: 1 }], shape);
  for (let step = 0; step < 60; step++) await trainer.step([imitated(batch!)], 0.02);
  writeAdapter(dir, trainedAdapter(checkpoint.config, trained, trainer.slots, trainer.theta), checkpoint.config, {
    baseModel: "tiny",
    baseSha256: "",
    readme: "",
  });
}

describe("the engine process", function () {
  this.timeout(120_000);

  const folder = createTinyModel();
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-engine-process-"));
  let engine: EngineProcess;
  before(async () => {
    await writeTrainedAdapter(folder.dir, dir);
    engine = await startEngineProcess({ entry, modelDir: folder.dir, threads: 1 });
  });
  after(async () => {
    engine[Symbol.dispose]();
    await engine.exited;
    folder[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  it("says what it has loaded", () => {
    assert.match(engine.model.sha256, /^[0-9a-f]{64}$/);
    assert.equal(engine.model.contextTokens, 256);
  });

  it("completes, and names no adapter when there is none", async () => {
    const completion = await engine.complete(REQUEST, never);
    assert.ok(completion.nTokens > 0);
    assert.equal(completion.adapter, null);
  });

  it("ends a request that is aborted as cancelled", async () => {
    const controller = new AbortController();
    const pending = engine.complete({ ...REQUEST, maxTokens: 200 }, controller.signal);
    controller.abort();
    assert.equal((await pending).finish, "cancelled");
  });

  it("serves with an adapter after a swap, and as before after swapping back", async () => {
    const base = await engine.complete(REQUEST, never);
    await engine.setAdapter({ version: "v1", dir });
    const adapted = await engine.complete(REQUEST, never);
    assert.equal(adapted.adapter, "v1");
    assert.notEqual(adapted.text, base.text);
    await engine.setAdapter(null);
    assert.equal((await engine.complete(REQUEST, never)).text, base.text);
  });

  it("makes every suggestion with one adapter only, through a hundred swaps under load", async () => {
    const expected = new Map<string | null, string>();
    for (const version of [null, "v1"]) {
      await engine.setAdapter(version === null ? null : { version, dir });
      expected.set(version, (await engine.complete(REQUEST, never)).text);
    }
    const requests = [];
    const swaps = [];
    for (let i = 0; i < 100; i++) {
      requests.push(engine.complete(REQUEST, never));
      swaps.push(engine.setAdapter(i % 2 === 0 ? null : { version: "v1", dir }));
      requests.push(engine.complete(REQUEST, never));
    }
    await Promise.all(swaps);
    const made = await Promise.all(requests);
    for (const { adapter, text } of made) assert.equal(text, expected.get(adapter));
    assert.deepEqual(new Set(made.map(({ adapter }) => adapter)), new Set([null, "v1"]));
  });

  it("serves single requests with another adapter, however the two are mixed", async () => {
    const adapter = { version: "v1", dir };
    await engine.setAdapter(null);
    const base = (await engine.complete(REQUEST, never)).text;
    const adapted = (await engine.complete(REQUEST, never, undefined, { adapter })).text;
    assert.notEqual(adapted, base);
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        engine.complete(REQUEST, never, undefined, i % 3 === 0 ? { adapter } : i % 3 === 1 ? { adapter: null } : {}),
      ),
    );
    made.forEach((one, i) => {
      assert.equal(one.adapter, i % 3 === 0 ? "v1" : null);
      assert.equal(one.text, i % 3 === 0 ? adapted : base);
    });
    const [first] = await engine.candidates(REQUEST, 2, never);
    assert.equal(first!.adapter, null);
  });

  it("fails a request whose adapter cannot be loaded, and serves the next one as ever", async () => {
    const missing = { version: "v9", dir: path.join(dir, "missing") };
    await assert.rejects(engine.complete(REQUEST, never, undefined, { adapter: missing }), { code: "adapter-invalid" });
    const next = await engine.complete(REQUEST, never);
    assert.equal(next.adapter, null);
  });

  it("finds examples in its own index, and names those that stood in the prompt", async () => {
    const example = (id: string, text: string) => ({ id, root: "/w", path: `${id}.ts`, language: "typescript", text });
    await engine.setExamples([example("near", "frobnicate(widget)"), example("far", "unrelated(thing)")]);
    const retrieve = { language: "typescript", root: "/w", limit: 2 };
    const request = { ...REQUEST, prefix: "let y = frobnicate(widget" };
    const found = await engine.complete(request, never, retrieve);
    assert.deepEqual(found.exampleIds, ["near"]);
    const without = await engine.complete(request, never);
    assert.deepEqual(without.exampleIds, []);
    assert.ok(found.nPromptTokens > without.nPromptTokens);
    await engine.setExamples([]);
    assert.deepEqual((await engine.complete(request, never, retrieve)).exampleIds, []);
  });

  it("takes excerpts from neighbouring files, only when asked, and says which", async () => {
    const text = "function frobnicate(widget) {\n  return widget.frobnicated;\n}\n";
    await engine.setNeighbours([
      { root: "/w", path: "widgets.ts", text },
      { root: "/w", path: "clouds.ts", text: "unrelated(thing);\n" },
      { root: "/elsewhere", path: "widgets.ts", text },
    ]);
    const request = { ...REQUEST, prefix: "frobnicate(widget);\nlet y = " };
    const retrieve = { language: "typescript", root: "/w", limit: 2, neighbours: 2 };
    const found = await engine.complete(request, never, retrieve);
    assert.deepEqual(
      found.neighbours.map(({ path: file }) => file),
      ["widgets.ts"],
    );
    assert.ok(text.includes(found.neighbours[0]!.text.trim()));
    const without = await engine.complete(request, never, { ...retrieve, neighbours: 0 });
    assert.deepEqual(without.neighbours, []);
    assert.ok(found.nPromptTokens > without.nPromptTokens);
    await engine.setNeighbours([]);
  });

  it("refuses a bad adapter under a code, and goes on with the one it has", async () => {
    await engine.setAdapter({ version: "v1", dir });
    await assert.rejects(engine.setAdapter({ version: "v2", dir: path.join(dir, "missing") }), {
      code: "adapter-invalid",
    });
    assert.equal((await engine.complete(REQUEST, never)).adapter, "v1");
  });

  it("reports a folder without a model under a code", async () => {
    await assert.rejects(startEngineProcess({ entry, modelDir: dir, threads: 1 }), { code: "model-not-found" });
  });

  it("rejects what is pending when the process dies", async () => {
    const doomed = await startEngineProcess({ entry, modelDir: folder.dir, threads: 1 });
    const pending = doomed.complete({ ...REQUEST, maxTokens: 200 }, never);
    doomed[Symbol.dispose]();
    await assert.rejects(pending, { code: "engine-exited" });
    await assert.rejects(doomed.complete(REQUEST, never), { code: "engine-exited" });
  });
});
