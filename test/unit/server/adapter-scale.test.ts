import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Model } from "../../../engine/generate/model.ts";
import { fitScale } from "../../../server/training/adapter-scale.ts";
import type { TrainingRow } from "../../../server/training/backend.ts";
import { heldBackPlaces } from "../../../server/training/general-rows.ts";

const never = new AbortController().signal;
const TRAINED_ALPHA = 32;

const rows = (n: number): TrainingRow[] =>
  Array.from({ length: n }, (_, i) => ({
    suggestionId: `s${i}`,
    repository: "demo",
    path: `f${i}.ts`,
    prefix: `const v${i} = `,
    suffix: "",
    examples: [],
    completion: "own();",
    weight: 1,
  }));

describe("fitting how much an adapter counts", () => {
  let dir: string;
  const alpha = (): number =>
    (JSON.parse(readFileSync(path.join(dir, "adapter_config.json"), "utf8")) as { lora_alpha: number }).lora_alpha;
  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), "kept-scale-"));
    writeFileSync(path.join(dir, "adapter_config.json"), JSON.stringify({ r: 16, lora_alpha: TRAINED_ALPHA }));
    writeFileSync(path.join(dir, "README.md"), "# Adapter\n");
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** A model that reads the scale from the folder, as the engine does, and has these losses. */
  function modelWith(loss: { own(scale: number): number; general(scale: number): number }) {
    const counts = { own: 0, general: 0, scales: [] as number[] };
    let scale = 0;
    const model: Pick<Model, "scoreCompletion" | "setAdapter"> = {
      async setAdapter(adapter) {
        scale = adapter === null ? 0 : alpha() / TRAINED_ALPHA;
        if (adapter !== null) counts.scales.push(scale);
      },
      async scoreCompletion(_, completion) {
        const kind = completion === "own();" ? "own" : "general";
        counts[kind] += 1;
        return { nats: 3 * loss[kind](scale), servedNats: Number.NaN, nTokens: 3 };
      },
    };
    return { model, counts };
  }

  it("writes the scale that held-back rows are best with into the folder, and why into its card", async () => {
    const { model, counts } = modelWith({ own: (scale) => 2 - scale + 0.8 * scale ** 2, general: () => 2 });
    const fit = await fitScale(model, { adapterDir: dir, heldBack: rows(10) }, never);
    assert.equal(fit.chosen.scale, 0.6);
    assert.ok(Math.abs(alpha() - 0.6 * TRAINED_ALPHA) < 1e-9);
    assert.deepEqual([fit.base.heldBack, fit.base.general, fit.forgetting], [2, 2, 0]);
    assert.deepEqual(
      counts.scales.map((scale) => Number(scale.toFixed(6))),
      [1, 0.8, 0.6, 0.4],
    );
    const card = readFileSync(path.join(dir, "README.md"), "utf8");
    assert.match(card, /^# Adapter\n/);
    assert.match(card, /\| 0\.6, chosen \| 1\.6880 \| 2\.0000 \|/);
  });

  it("goes below that for what may not be forgotten", async () => {
    const { model } = modelWith({ own: (scale) => 2 - scale / 2, general: (scale) => 2 * (1 + 0.04 * scale) });
    const { chosen, holds } = await fitScale(model, { adapterDir: dir, heldBack: rows(10) }, never);
    assert.deepEqual([chosen.scale, holds], [0.4, true]);
    const lenient = await fitScale(model, { adapterDir: dir, heldBack: rows(10), maxForgetting: 0.5 }, never);
    // What was chosen before is what the folder has now.
    assert.equal(lenient.chosen.scale, 1);
    assert.ok(Math.abs(alpha() - 0.4 * TRAINED_ALPHA) < 1e-9);
  });

  it("counts a fifth, and does not hold, where even two fifths forget too much", async () => {
    const { model, counts } = modelWith({ own: (scale) => 2 - scale / 2, general: (scale) => 2 * (1 + scale) });
    const { chosen, holds } = await fitScale(model, { adapterDir: dir, heldBack: rows(10) }, never);
    assert.deepEqual([chosen.scale, holds], [0.2, false]);
    assert.deepEqual(
      counts.scales.map((scale) => Number(scale.toFixed(6))),
      [1, 0.8, 0.6, 0.4, 0.2],
    );
  });

  it("reads at most 64 rows at a scale, whatever a run held back, and all places", async () => {
    const { model, counts } = modelWith({ own: (scale) => 2 - scale, general: () => 2 });
    await fitScale(model, { adapterDir: dir, heldBack: rows(400) }, never);
    // The base model and four scales.
    assert.deepEqual([counts.own, counts.general], [5 * 64, 5 * heldBackPlaces().length]);
  });

  it("leaves the adapter as it was trained when it is stopped", async () => {
    const stop = new AbortController();
    const { model } = modelWith({
      own: () => 2,
      general(scale) {
        if (scale === 0.8) stop.abort();
        return 2;
      },
    });
    await assert.rejects(fitScale(model, { adapterDir: dir, heldBack: rows(3) }, stop.signal));
    assert.equal(alpha(), TRAINED_ALPHA);
  });
});
