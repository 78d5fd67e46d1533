import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRandom } from "../../../core/statistics/random.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { writeAdapter } from "../../../engine/lora/adapter.ts";
import { trainedAdapter } from "../../../engine/training/trained-model.ts";
import { createTrainer } from "../../../engine/training/trainer.ts";
import { superviseEngine, type EngineSupervisor } from "../../../extension/suggest/engine-supervisor.ts";
import { ENGINE_ENTRY as entry, STATEMENT_REQUEST } from "../../support/engine-request.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

/** An adapter as it is before the first step: it changes nothing, and has a version all the same. */
async function writeFreshAdapter(modelDir: string, dir: string): Promise<void> {
  const checkpoint = loadCheckpoint(modelDir);
  const trained = { kind: "lora", rank: 2, alpha: 4 } as const;
  await using trainer = await createTrainer(checkpoint, {
    trained,
    objective: { kind: "sft" },
    shape: { nRows: 1, rowTokens: 16, nTargets: 4 },
    adamW: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
    random: createRandom(1),
    threads: 1,
  });
  const adapter = trainedAdapter(checkpoint.config, trained, trainer.slots, trainer.theta);
  writeAdapter(dir, adapter, checkpoint.config, { baseModel: "tiny", baseSha256: "", readme: "" });
}

describe("a candidate on trial in the editor", function () {
  this.timeout(120_000);
  const folder = createTinyModel();
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-trial-"));
  const [champion, candidate] = ["champion", "candidate"].map((version) => ({ version, dir: path.join(dir, version) }));
  let engine: EngineSupervisor;
  let next = 0;

  before(async () => {
    await writeFreshAdapter(folder.dir, champion!.dir);
    cpSync(champion!.dir, candidate!.dir, { recursive: true });
    const ready = Promise.withResolvers<void>();
    engine = superviseEngine({
      process: { entry, modelDir: folder.dir, threads: 1 },
      onState: (state) => state === "ready" && ready.resolve(),
      log: () => {},
      random: () => next,
    });
    await ready.promise;
  });
  after(() => {
    engine[Symbol.dispose]();
    folder[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const ask = async (draw: number) => {
    next = draw;
    const made = await engine.complete(STATEMENT_REQUEST, AbortSignal.timeout(30_000));
    return [made!.adapter, made!.drawn];
  };

  it("makes its share of the suggestions, and each says with which odds it was drawn", async () => {
    await engine.serveWith(champion!, { adapter: candidate!, share: 0.25 });
    assert.deepEqual(await ask(0.2), ["candidate", 0.25]);
    assert.deepEqual(await ask(0.3), ["champion", 0.75]);
    assert.deepEqual(await ask(0.24), ["candidate", 0.25]);
    assert.equal(engine.adapter, "champion");
  });

  it("stands beside the base model too", async () => {
    await engine.serveWith(null, { adapter: candidate!, share: 0.5 });
    assert.deepEqual(await ask(0.7), [null, 0.5]);
    assert.deepEqual(await ask(0.2), ["candidate", 0.5]);
  });

  it("ends between two suggestions", async () => {
    await engine.serveWith(champion!, { adapter: candidate!, share: 0.5 });
    assert.deepEqual(await ask(0.1), ["candidate", 0.5]);
    await engine.serveWith(champion!);
    assert.deepEqual(await ask(0.1), ["champion", undefined]);
  });

  it("that cannot be loaded costs its own suggestions only", async () => {
    const broken = { version: "broken", dir: path.join(dir, "missing") };
    await engine.serveWith(champion!, { adapter: broken, share: 0.5 });
    next = 0.1;
    assert.equal(await engine.complete(STATEMENT_REQUEST, AbortSignal.timeout(30_000)), null);
    assert.deepEqual(await ask(0.9), ["champion", 0.5]);
  });
});
