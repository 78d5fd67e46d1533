import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { readSafetensors, writeSafetensors, type StoredTensor } from "../../../engine/checkpoint/safetensors.ts";
import { floatToBfloat, floatToHalf } from "../../../engine/export/half.ts";
import { mergedWeights } from "../../../engine/export/merge.ts";
import { writeMergedModel } from "../../../engine/export/merged-model.ts";
import { readAdapter } from "../../../engine/lora/adapter.ts";

const FIXTURES = path.resolve(import.meta.dirname, "../../fixtures/peft");
const BASE = path.join(FIXTURES, "base");

describe("a merged model", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-merged-"));
  after(() => rmSync(dir, { recursive: true, force: true }));
  const base = loadCheckpoint(BASE);
  const adapter = readAdapter(path.join(FIXTURES, "read", "patterns"), base.config);
  const expected = mergedWeights(base.config, (name) => base.weights.get(name)!, adapter);

  it("is one that loads, with the sum of base and adapter in it", () => {
    const target = path.join(dir, "whole");
    writeMergedModel(target, BASE, base, adapter, "# Merged\n");
    const merged = loadCheckpoint(target);
    for (const name of base.weights.keys()) assert.deepEqual(merged.weights.get(name), expected(name), name);
    assert.deepEqual(readdirSync(target).toSorted(), ["README.md", "config.json", "model.safetensors"]);
    assert.notDeepEqual(
      merged.weights.get("model.layers.0.mlp.up_proj.weight"),
      base.weights.get("model.layers.0.mlp.up_proj.weight"),
    );
  });
  it("is split where its files would be too large, and loads the same", () => {
    const target = path.join(dir, "split");
    writeMergedModel(target, BASE, base, adapter, "# Merged\n", 6_000);
    const files = readdirSync(target).filter((name) => name.endsWith(".safetensors"));
    assert.ok(files.length > 2 && files.includes(`model-00001-of-0000${files.length}.safetensors`), files.join());
    const index = JSON.parse(readFileSync(path.join(target, "model.safetensors.index.json"), "utf8")) as {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    };
    assert.deepEqual(Object.keys(index.weight_map).toSorted(), [...base.weights.keys()].toSorted());
    assert.equal(index.metadata.total_size, 4 * base.nParameters);
    const merged = loadCheckpoint(target);
    for (const name of base.weights.keys()) assert.deepEqual(merged.weights.get(name), expected(name), name);
  });
  for (const [dtype, narrow] of [
    ["F16", floatToHalf],
    ["BF16", floatToBfloat],
  ] as const) {
    it(`keeps the base's type: ${dtype}`, () => {
      const source = path.join(dir, `base-${dtype}`);
      cpSync(BASE, source, { recursive: true });
      const file = path.join(source, "model.safetensors");
      const tensors = new Map(
        [...readSafetensors(readFileSync(file))].map(([name, { shape }]): [string, StoredTensor] => {
          const halves = Uint16Array.from(base.weights.get(name)!, narrow);
          return [name, { dtype, shape, bytes: new Uint8Array(halves.buffer) }];
        }),
      );
      writeFileSync(file, writeSafetensors(tensors));
      const narrowBase = loadCheckpoint(source);
      const target = path.join(dir, `merged-${dtype}`);
      writeMergedModel(target, source, narrowBase, adapter, "");
      const written = readSafetensors(readFileSync(path.join(target, "model.safetensors")));
      const sum = mergedWeights(base.config, (name) => narrowBase.weights.get(name)!, adapter);
      for (const [name, { dtype: type, bytes }] of written) {
        assert.equal(type, dtype);
        const halves = new Uint16Array(new Uint8Array(bytes).buffer);
        assert.deepEqual(halves, Uint16Array.from(sum(name), narrow), name);
      }
    });
  }
});
