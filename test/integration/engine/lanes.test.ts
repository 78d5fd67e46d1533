import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRandom } from "../../../core/statistics/random.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { packBatches } from "../../../engine/optim/packing.ts";
import { createTrainer, imitated } from "../../../engine/training/trainer.ts";
import { laneEntry } from "../../../server/places.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

describe("training in lanes", () => {
  const folder = createTinyModel();
  const checkpoint = loadCheckpoint(folder.dir);
  after(() => folder[Symbol.dispose]());
  const shape = { nRows: 1, rowTokens: 24, nTargets: 12 };
  const batches = [4, 6, 8].flatMap((nTargets, n) =>
    packBatches(
      [
        {
          ids: Array.from({ length: 12 }, (_, i) => 20 + 7 * i + n),
          targets: Array.from({ length: nTargets }, (_, i) => i + 1),
          weight: 1 + n,
        },
      ],
      shape,
    ).map(imitated),
  );
  const open = (threads: number, entry?: string) =>
    createTrainer(checkpoint, {
      trained: { kind: "lora", rank: 4, alpha: 8 },
      objective: { kind: "sft" },
      shape,
      adamW: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 },
      random: createRandom(1),
      threads,
      ...(entry === undefined ? {} : { laneEntry: entry }),
    });

  const run = async (threads: number, entry?: string) => {
    await using trainer = await open(threads, entry);
    const losses = [await trainer.evaluate(batches)];
    const steps = [];
    for (let step = 0; step < 5; step++) steps.push(await trainer.step(batches, 0.01));
    losses.push(await trainer.evaluate(batches));
    const under = async (which: "theta" | "base") => [...(await trainer.logProbabilities(batches[0]!.batch, which))];
    return { steps, losses, theta: [...trainer.theta], now: await under("theta"), base: await under("base") };
  };

  it("gives, byte for byte, what one pipeline gives after the other", async () => {
    const alone = await run(1);
    assert.deepEqual(await run(2, laneEntry()), alone);
    assert.deepEqual(await run(3, laneEntry()), alone);
    assert.notDeepEqual(alone.now, alone.base);
  });

  it("fails with what a thread failed with, and leaves none behind", async () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), "kept-lane-"));
    const entry = path.join(dir, "lane.mjs");
    try {
      writeFileSync(entry, 'throw new Error("no such lane");');
      await assert.rejects(open(2, entry), /no such lane/);
      writeFileSync(
        entry,
        'import { parentPort } from "node:worker_threads"; parentPort.postMessage({ kind: "ready" }); parentPort.on("message", () => process.exit(3));',
      );
      const trainer = await open(2, entry);
      await assert.rejects(trainer.step(batches, 0.01), /thread has ended/);
      await assert.rejects(trainer.step(batches, 0.01), /thread has ended/);
      await trainer[Symbol.asyncDispose]();
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
