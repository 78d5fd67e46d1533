import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { linearLayers } from "../../../engine/architectures/decoder-config.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { writeGgufLora } from "../../../engine/export/gguf-lora.ts";
import { readAdapter } from "../../../engine/lora/adapter.ts";
import { readGguf } from "../../support/gguf-reader.ts";

const FIXTURES = path.resolve(import.meta.dirname, "../../fixtures/peft");

describe("a GGUF adapter", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-gguf-lora-"));
  after(() => rmSync(dir, { recursive: true, force: true }));
  const { config } = loadCheckpoint(path.join(FIXTURES, "base"));
  const names = readdirSync(path.join(FIXTURES, "read"));

  for (const name of names) {
    it(`${name}: holds every layer's change, as llama.cpp computes it`, () => {
      const adapter = readAdapter(path.join(FIXTURES, "read", name), config);
      const file = path.join(dir, `${name}.gguf`);
      writeGgufLora(file, name, config, adapter);
      const { metadata, tensors } = readGguf(file);
      assert.deepEqual(
        ["general.type", "adapter.type", "general.architecture"].map((key) => metadata.get(key)),
        ["adapter", "lora", "llama"],
      );
      const alpha = metadata.get("adapter.lora.alpha") as number;
      assert.equal(tensors.size, 2 * adapter.layers.size);
      for (const { name: layer, nIn, nOut } of linearLayers(config)) {
        const expected = adapter.layers.get(layer);
        const [, block, part] = /layers\.(\d+)\.\w+\.(\w+)_proj$/.exec(layer)!;
        const stem = {
          q: "attn_q",
          k: "attn_k",
          v: "attn_v",
          o: "attn_output",
          gate: "ffn_gate",
          up: "ffn_up",
          down: "ffn_down",
        }[part!]!;
        const a = tensors.get(`blk.${block}.${stem}.weight.lora_a`);
        const b = tensors.get(`blk.${block}.${stem}.weight.lora_b`);
        assert.equal(a !== undefined && b !== undefined, expected !== undefined);
        if (!expected || !a || !b) continue;
        const { rank } = expected;
        assert.deepEqual(
          [a.dimensions, b.dimensions],
          [
            [nIn, rank],
            [rank, nOut],
          ],
        );
        for (let out = 0; out < nOut; out++) {
          // Heads of 16 channels: channel i and i + 8 of a checkpoint are neighbours in llama.cpp.
          const inHead = out % 16;
          const row = part === "q" || part === "k" ? out - inHead + 2 * (inHead % 8) + Math.floor(inHead / 8) : out;
          for (let column = 0; column < nIn; column += 5) {
            let ours = 0;
            let theirs = 0;
            for (let r = 0; r < rank; r++) {
              ours += expected.scale * expected.b[out * rank + r]! * expected.a[r * nIn + column]!;
              theirs += (alpha / rank) * b.values[row * rank + r]! * a.values[r * nIn + column]!;
            }
            assert.ok(Math.abs(ours - theirs) < 1e-6, `${layer} ${out} ${column}: ${ours} ${theirs}`);
          }
        }
      }
    });
  }

  it("needs no alpha: with 0 llama.cpp would use the matrices unscaled", () => {
    const adapter = { ...readAdapter(path.join(FIXTURES, "read", "plain"), config), alpha: 0 };
    const file = path.join(dir, "no-alpha.gguf");
    writeGgufLora(file, "x", config, adapter);
    assert.equal(readGguf(file).metadata.get("adapter.lora.alpha"), 1);
  });
  it("is not written for a model that llama.cpp has no architecture for", () => {
    const adapter = readAdapter(path.join(FIXTURES, "read", "plain"), config);
    const biased = { ...config, qkNorm: true, attentionBias: true };
    assert.throws(() => writeGgufLora(path.join(dir, "y.gguf"), "y", biased, adapter), { code: "export-unsupported" });
  });
});
