import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { AppError } from "../../../server/errors.ts";
import { parseRunConfiguration, readRunConfiguration } from "../../../server/training/run-configuration.ts";
import { smokeConfiguration } from "../../../server/training/torch/smoke.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const SHIPPED = path.join(root, "models/base/config.yaml");
const text = readFileSync(SHIPPED, "utf8");
const lineOf = (needle: string): number => text.split("\n").findIndex((line) => line.includes(needle)) + 1;

/** Replaces a line of the shipped configuration; the message has to be the expected one. */
function refuses(what: string, line: string, replacement: string, message: (at: number) => string): void {
  it(`refuses ${what}`, () => {
    const at = lineOf(line);
    assert.ok(at > 0, line);
    assert.throws(
      () => parseRunConfiguration(text.replace(line, replacement), "c.yaml"),
      (error) => {
        assert.ok(error instanceof AppError && error.code === "config-invalid");
        assert.equal(error.message, message(at));
        return true;
      },
    );
  });
}

describe("run configuration", () => {
  for (const name of ["config.yaml", "config.gpu.yaml"]) {
    it(`accepts models/base/${name}, and its toy size`, () => {
      const configuration = readRunConfiguration(path.join(root, "models/base", name));
      const toy = smokeConfiguration(configuration);
      assert.equal(toy.training.cycles.length, configuration.training.cycles.length);
      assert.deepEqual(parseRunConfiguration(JSON.stringify(toy), "toy"), toy);
    });
  }

  it("describes the model that is shipped", () => {
    const { model } = readRunConfiguration(SHIPPED);
    const shipped = JSON.parse(readFileSync(path.join(root, "models/base/config.json"), "utf8")) as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      [model.vocabSize, model.hiddenSize, model.ffnSize, model.layers, model.heads, model.kvHeads, model.contextTokens],
      [
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "max_position_embeddings",
      ].map((key) => shipped[key]),
    );
  });

  it("resolves paths from the file's folder", () => {
    const { base, data } = readRunConfiguration(SHIPPED);
    assert.deepEqual([base, data.corpus], [null, null]);
  });

  refuses(
    "an unknown key",
    "  layers: 6",
    "  layers: 6\n  depth: 6",
    (at) => `c.yaml:${at + 1}:3: model.depth: there is no such key`,
  );
  refuses(
    "a wrong type",
    "  layers: 6",
    "  layers: six",
    (at) => `c.yaml:${at}:3: model.layers: Invalid input: expected number, received string`,
  );
  refuses("a missing key", "  layers: 6", "", () => {
    return `c.yaml:${lineOf("model:")}:1: model.layers: this key has to be there`;
  });
  refuses(
    "heads that the key-value heads do not divide",
    "  kvHeads: 2",
    "  kvHeads: 3",
    (at) => `c.yaml:${at}:3: model.kvHeads: heads is a multiple of kvHeads`,
  );
  refuses(
    "a batch that is no multiple of its parts",
    "  microRows: 8",
    "  microRows: 5",
    (at) => `c.yaml:${at}:3: training.microRows: batchRows is a multiple of microRows`,
  );
  refuses(
    "a cycle with two lengths",
    "    - minutes: 112",
    "    - minutes: 112\n      tokens: 5",
    (at) =>
      `c.yaml:${at}:7: training.cycles.1: a cycle is as long as \`minutes\` or \`tokens\` says: give one of them\n` +
      `c.yaml:${at + 2}:7: training.cycles.1.warmupSeconds: a cycle in tokens has \`warmupTokens\``,
  );
  refuses("another strategy", "strategy: full", "strategy: lora", (at) => `c.yaml:${at}:1: strategy: one of full`);
  it("names the line of broken YAML", () => {
    assert.throws(() => parseRunConfiguration("name: base\nseed: [1\n", "c.yaml"), /c\.yaml:[23]:1: the file: /);
  });
  it("refuses what is no mapping", () => {
    assert.throws(() => parseRunConfiguration("- a\n", "c.yaml"), /c\.yaml:1:1: the file: /);
  });
});
