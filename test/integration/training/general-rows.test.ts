import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { openModel } from "../../../engine/generate/model.ts";
import { loadTokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import { generalPlaces } from "../../../server/places.ts";
import { generalRows, heldBackPlaces } from "../../../server/training/general-rows.ts";
import { examplesOf } from "../../../server/training/onnx/material.ts";

const model = path.resolve(import.meta.dirname, "../../../models/base");
const never = new AbortController().signal;

describe("general rows", function () {
  this.timeout(120_000);
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-general-"));
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("are what the model writes at shipped places, as many as the share says, and the same when a run goes on", async () => {
    await using base = await openModel(model, { threads: 1 });
    const asked = { rows: Array.from({ length: 90 }, (_, i) => ({ weight: i % 2 })), share: 0.1, runDir: dir };
    const rows = await generalRows(base, asked, never);
    assert.ok(rows.length > 5 && rows.length <= 10, `${rows.length} rows for a tenth of 100`);
    for (const row of rows) {
      assert.equal(row.weight, 0.5);
      const { text } = await base.complete({ ...row, maxTokens: 32, lines: "single" }, never);
      assert.equal(row.completion, text);
    }
    const silent = { complete: () => assert.fail("it was asked again") };
    assert.deepEqual(await generalRows(silent, asked, never), rows);
  });

  it("come from places enough, in Kept's own source", () => {
    const places = readFileSync(generalPlaces(), "utf8").trimEnd().split("\n");
    assert.ok(places.length >= 100);
    for (const place of places)
      assert.match((JSON.parse(place) as { path: string }).path, /^(core|engine|server|tracker|extension)\//);
  });

  it("are never of a place, nor of a file, that says what is forgotten", async () => {
    const silent = { complete: async () => ({ text: "x" }) } as unknown as Parameters<typeof generalRows>[0];
    const runDir = mkdtempSync(path.join(dir, "all-"));
    const rows = await generalRows(
      silent,
      { rows: Array.from({ length: 9_000 }, () => ({ weight: 1 })), share: 0.5, runDir },
      never,
    );
    const heldBack = heldBackPlaces();
    assert.ok(rows.length >= 100 && heldBack.length >= 100);
    const learnt = new Set(rows.map((row) => row.path));
    for (const { path: file, written } of heldBack) assert.ok(!learnt.has(file) && written.trim() !== "", file);
  });

  it("teach their completion alone, not the lines around it", () => {
    const tokenizer = loadTokenizer(model);
    const place = { path: "a.ts", prefix: "const one = 1;\nconst two = ", suffix: ";\n" };
    const row = { ...place, suggestionId: "g", repository: "kept", examples: [], completion: "2", weight: 1 };
    const shape = { nRows: 1, rowTokens: 128, nTargets: 64, nSequences: 1 };
    const targets = (isGeneral: boolean) =>
      examplesOf([{ ...row, isGeneral }], "sft", tokenizer, shape, new Set())[0]!.documents[0]!.targets.length;
    assert.ok(targets(true) < targets(false));
  });
});
