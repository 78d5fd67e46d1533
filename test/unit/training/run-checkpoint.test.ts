import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import {
  loadRunCheckpoint,
  removeRunCheckpoint,
  saveRunCheckpoint,
  type RunCheckpoint,
} from "../../../server/training/onnx/run-checkpoint.ts";

const JOB = "a".repeat(64);
const vector = (seed: number) => Float32Array.from({ length: 10_001 }, (_, i) => Math.sin(i * seed));
const CHECKPOINT: RunCheckpoint = {
  step: 7,
  curve: [3, 2.5],
  firstLoss: { train: 3, validation: null },
  best: { loss: 2.5, step: 6 },
  theta: vector(1),
  bestTheta: vector(2),
  // A view into something larger, as a trainer may have it.
  firstMoment: vector(3).subarray(1),
  secondMoment: vector(4).subarray(1),
};

describe("a run's checkpoint", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-run-checkpoint-"));
  const file = path.join(dir, "checkpoint.safetensors");
  after(() => rmSync(dir, { recursive: true, force: true }));
  beforeEach(() => removeRunCheckpoint(dir));

  it("comes back as it was saved, to the same job alone", () => {
    saveRunCheckpoint(dir, JOB, CHECKPOINT);
    assert.deepEqual(loadRunCheckpoint(dir, JOB), CHECKPOINT);
    assert.equal(loadRunCheckpoint(dir, "b".repeat(64)), null);
    assert.ok(!existsSync(`${file}.partial`));
  });
  it("takes the place of the one before, whatever an interrupted save left", () => {
    saveRunCheckpoint(dir, JOB, CHECKPOINT);
    writeFileSync(`${file}.partial`, "cut off");
    saveRunCheckpoint(dir, JOB, { ...CHECKPOINT, step: 8 });
    assert.equal(loadRunCheckpoint(dir, JOB)?.step, 8);
  });
  it("is none when it is damaged, cut short, or not there", () => {
    assert.equal(loadRunCheckpoint(dir, JOB), null);
    saveRunCheckpoint(dir, JOB, CHECKPOINT);
    const whole = readFileSync(file);
    const damaged = Buffer.from(whole);
    damaged[damaged.length - 9]! ^= 1;
    for (const bytes of [damaged, whole.subarray(0, -4), whole.subarray(0, 100), Buffer.alloc(0)]) {
      writeFileSync(file, bytes);
      assert.equal(loadRunCheckpoint(dir, JOB), null);
    }
  });
  it("is saved without a copy of its vectors in memory", () => {
    const size = 4_000_000;
    const large = new Float32Array(size).fill(0.5);
    const before = process.memoryUsage().arrayBuffers;
    saveRunCheckpoint(dir, JOB, {
      ...CHECKPOINT,
      theta: large,
      bestTheta: large,
      firstMoment: large,
      secondMoment: large,
    });
    // Four vectors of 16 MB each; collected or not, a copy of one would show.
    assert.ok(process.memoryUsage().arrayBuffers - before < size);
    assert.deepEqual(loadRunCheckpoint(dir, JOB)?.secondMoment, large);
  });
});
