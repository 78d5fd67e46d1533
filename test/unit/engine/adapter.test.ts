import assert from "node:assert/strict";
import fc from "fast-check";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { linearLayers, type DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import type { Weights } from "../../../engine/architectures/weights.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { float32Tensor, readSafetensors, writeSafetensors } from "../../../engine/checkpoint/safetensors.ts";
import { mergedWeights } from "../../../engine/export/merge.ts";
import { openDecoderSessions } from "../../../engine/generate/decoder-sessions.ts";
import { createTokenReader } from "../../../engine/generate/token-reader.ts";
import { readAdapter, writeAdapter, type LoraAdapter, type LoraLayer } from "../../../engine/lora/adapter.ts";
import { referenceLogits } from "../../../engine/reference/reference-decoder.ts";
import { normal, randomWeights, TINY } from "../../support/tiny-decoder.ts";

const FIXTURES = path.resolve(import.meta.dirname, "../../fixtures/peft");
const EXPECTED = JSON.parse(readFileSync(path.join(FIXTURES, "expected.json"), "utf8")) as {
  ids: number[];
  logits: Record<string, number[][]>;
  fields: string[];
};
const base = loadCheckpoint(path.join(FIXTURES, "base"));
const card = { baseModel: "tiny", baseSha256: "", readme: "# Adapter\n" };

function largestDifference(one: readonly ArrayLike<number>[], other: readonly ArrayLike<number>[]): number {
  return Math.max(...one.flatMap((row, t) => Array.from(row, (value, i) => Math.abs(value - other[t]![i]!))));
}

/** Logits of the inference graph, the adapter as its inputs. */
async function graphLogits(
  config: DecoderConfig,
  weights: Weights,
  adapters: readonly (LoraAdapter | null)[],
  ids: readonly number[],
): Promise<(readonly Float32Array[])[]> {
  await using sessions = await openDecoderSessions(config, weights, {
    threads: 1,
    precision: "float32",
    nParameters: 1,
  });
  const results = [];
  for (const adapter of adapters) {
    const reader = createTokenReader(config, await sessions.decoderFor(adapter));
    results.push((await reader.readAll(ids, ids.length)).map((row) => row.slice()));
  }
  return results;
}

describe("a PEFT adapter", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-peft-"));
  after(() => rmSync(dir, { recursive: true, force: true }));
  const names = readdirSync(path.join(FIXTURES, "read"));

  it("computes what PEFT computes: patterns, rsLoRA, a regular expression, all layers, some layers", async () => {
    const adapters = names.map((name) => readAdapter(path.join(FIXTURES, "read", name), base.config));
    const results = await graphLogits(base.config, base.weights, [null, ...adapters], EXPECTED.ids);
    for (const [i, name] of ["", ...names].entries()) {
      const distance = largestDifference(results[i]!, EXPECTED.logits[name]!);
      assert.ok(distance < 1e-4, `${name || "base"}: ${distance}`);
    }
    assert.ok(names.every((name) => largestDifference(EXPECTED.logits[name]!, EXPECTED.logits[""]!) > 0.01));
  });
  for (const name of names) {
    it(`${name}: merged into the weights it is the same model`, () => {
      const adapter = readAdapter(path.join(FIXTURES, "read", name), base.config);
      const merged = mergedWeights(base.config, (key) => base.weights.get(key)!, adapter);
      const weights = new Map([...base.weights.keys()].map((key) => [key, merged(key)]));
      const distance = largestDifference(referenceLogits(base.config, weights, EXPECTED.ids), EXPECTED.logits[name]!);
      assert.ok(distance < 1e-4, `${distance}`);
    });
    it(`${name}: written anew it reads back the same, in PEFT's own fields and keys`, () => {
      const source = path.join(FIXTURES, "read", name);
      const adapter = readAdapter(source, base.config);
      const target = path.join(dir, name);
      writeAdapter(target, adapter, base.config, card);
      const again = readAdapter(target, base.config);
      assert.deepEqual([...again.layers.keys()], [...adapter.layers.keys()]);
      for (const [layer, { scale, ...matrices }] of adapter.layers) {
        const { scale: scaleAgain, ...matricesAgain } = again.layers.get(layer)!;
        assert.deepEqual(matricesAgain, matrices);
        assert.ok(Math.abs(scaleAgain - scale) < 1e-12);
      }
      const keys = (folder: string) =>
        [...readSafetensors(readFileSync(path.join(folder, "adapter_model.safetensors"))).keys()].toSorted();
      assert.deepEqual(keys(target), keys(source));
      const config = JSON.parse(readFileSync(path.join(target, "adapter_config.json"), "utf8")) as object;
      assert.deepEqual(
        Object.keys(config).filter((field) => !EXPECTED.fields.includes(field)),
        [],
      );
    });
  }

  for (const [name, field] of [
    ["dora", "use_dora"],
    ["head", "modules_to_save"],
    ["bias", "lora_bias"],
    ["embedding", "embed_tokens"],
    ["tokens", "trainable_token_indices"],
    ["pissa", "init_lora_weights"],
  ] as const) {
    it(`is refused when PEFT would do more than LoRA: ${name}`, () => {
      assert.throws(
        () => readAdapter(path.join(FIXTURES, "refused", name), base.config),
        (error: Error & { code?: string }) => error.code === "adapter-unsupported" && error.message.includes(field),
      );
    });
  }

  /** Changes one adapter's configuration or tensors, and expects a code and a word of the message. */
  function refuses(
    title: string,
    change: { config?: (config: Record<string, unknown>) => unknown; weights?: (file: string) => void },
    code: string,
    word: string,
  ): void {
    it(`refuses ${title}`, () => {
      const target = path.join(dir, "hostile");
      rmSync(target, { recursive: true, force: true });
      cpSync(path.join(FIXTURES, "read", "plain"), target, { recursive: true });
      const file = path.join(target, "adapter_config.json");
      if (change.config) {
        const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
        const replaced = change.config(config);
        writeFileSync(file, typeof replaced === "string" ? replaced : JSON.stringify(config));
      }
      change.weights?.(path.join(target, "adapter_model.safetensors"));
      assert.throws(
        () => readAdapter(target, base.config),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, code);
          assert.ok(error.message.includes(word) && error.message.length < 400, error.message);
          return true;
        },
      );
    });
  }
  const set = (field: string, value: unknown) => ({
    config: (config: Record<string, unknown>) => void (config[field] = value),
  });
  const tensors = (edit: (map: Map<string, ReturnType<typeof float32Tensor>>) => void) => ({
    weights: (file: string) => {
      const map = new Map(readSafetensors(readFileSync(file)));
      edit(map as never);
      writeFileSync(file, writeSafetensors(map));
    },
  });
  const KEY = "base_model.model.model.layers.1.mlp.up_proj";

  refuses(
    "a base model that climbs out of its folder",
    set("base_model_name_or_path", "../../x"),
    "adapter-invalid",
    "base_model",
  );
  refuses(
    "a base model at an address",
    set("base_model_name_or_path", "http://evil/x"),
    "adapter-invalid",
    "base_model",
  );
  refuses("a class to import", set("auto_mapping", { base_model_class: "x" }), "adapter-unsupported", "auto_mapping");
  refuses("a class map", set("auto_map", { AutoModel: "evil.py" }), "adapter-unsupported", "auto_map");
  refuses("code to trust", set("trust_remote_code", true), "adapter-unsupported", "trust_remote_code");
  refuses("a field of the future that is in use", set("use_more", { x: 1 }), "adapter-unsupported", "use_more");
  refuses("modules to save", set("modules_to_save", ["evil"]), "adapter-unsupported", "modules_to_save");
  refuses("trained biases", set("bias", "lora_only"), "adapter-unsupported", "bias");
  refuses("repeated layers", set("layer_replication", [[0, 1]]), "adapter-unsupported", "layer_replication");
  refuses("a string of 10 MB", set("revision", "x".repeat(10_000_000)), "adapter-invalid", "adapter_config.json");
  refuses("another kind of adapter", set("peft_type", "IA3"), "adapter-invalid", "peft_type");
  refuses("a rank beyond any", set("r", 1e9), "adapter-invalid", "r must be");
  refuses("a rank that the matrices do not have", set("r", 5), "adapter-mismatch", "lora_A");
  refuses("an alpha that is no number", set("lora_alpha", "8"), "adapter-invalid", "lora_alpha");
  refuses("matrices that no target names", set("target_modules", ["q_proj"]), "adapter-mismatch", "target_modules");
  refuses(
    "a target without matrices",
    tensors((map) => void (map.delete(`${KEY}.lora_A.weight`), map.delete(`${KEY}.lora_B.weight`))),
    "adapter-invalid",
    KEY,
  );
  refuses(
    "A without B",
    tensors((map) => void map.delete(`${KEY}.lora_B.weight`)),
    "adapter-invalid",
    `${KEY}.lora_B`,
  );
  refuses(
    "a layer that the base lacks",
    tensors((map) => void map.set(KEY.replace("1", "7") + ".lora_A.weight", float32Tensor(new Float32Array(1), [1]))),
    "adapter-mismatch",
    "layers.7",
  );
  refuses(
    "a wrong shape",
    tensors((map) => void map.set(`${KEY}.lora_A.weight`, float32Tensor(new Float32Array(4), [4, 1]))),
    "adapter-mismatch",
    `${KEY}.lora_A`,
  );
  refuses(
    "an unknown tensor",
    tensors((map) => void map.set("__proto__", float32Tensor(new Float32Array(1), [1]))),
    "adapter-invalid",
    "__proto__",
  );
  refuses(
    "weights cut off by a byte",
    { weights: (file) => truncateSync(file, readFileSync(file).length - 1) },
    "adapter-invalid",
    "adapter_model.safetensors",
  );
  refuses(
    "weights larger than any adapter",
    { weights: (file) => truncateSync(file, 2 ** 33) },
    "adapter-invalid",
    "larger",
  );
  refuses("brackets without end", { config: () => "[".repeat(500_000) }, "adapter-invalid", "JSON");
  refuses(
    "a pattern made to hang a matcher",
    set("target_modules", `${"(.*.*)*".repeat(100)}x{500}`),
    "adapter-mismatch",
    "target_modules",
  );
  refuses(
    "a pattern that grows without bound",
    set("rank_pattern", { "(((a{999}){999}){999})": 2 }),
    "adapter-unsupported",
    "rank_pattern",
  );
  refuses(
    "a pattern that looks around",
    set("alpha_pattern", { "(?!x)q_proj": 2 }),
    "adapter-unsupported",
    "alpha_pattern",
  );
});

describe("base and adapter as inputs", () => {
  const config: DecoderConfig = { ...TINY, headDim: 16 };
  const weights = randomWeights(config);
  const ids = [3, 14, 15, 9, 2, 6, 5];
  const layers = linearLayers(config);
  const random = normal(7);
  const layer = fc.record({
    at: fc.nat(layers.length - 1),
    rank: fc.integer({ min: 1, max: 9 }),
    scale: fc.double({ min: -4, max: 4, noNaN: true }),
  });
  const adapters = fc
    .uniqueArray(layer, { selector: ({ at }) => at, minLength: 1, maxLength: 14 })
    .map((chosen): LoraAdapter => ({
      rank: 1,
      alpha: 1,
      layers: new Map(
        chosen.map(({ at, rank, scale }): [string, LoraLayer] => {
          const { name, nIn, nOut } = layers[at]!;
          const matrix = (size: number) => Float32Array.from({ length: size }, () => 0.1 * random());
          return [name, { rank, scale, a: matrix(rank * nIn), b: matrix(nOut * rank) }];
        }),
      ),
    }));

  it("equal merged weights, whatever ranks and scales the layers have", async () => {
    const samples = fc.sample(adapters, 12);
    const results = await graphLogits(config, weights, samples, ids);
    samples.forEach((adapter, i) => {
      const merged = mergedWeights(config, (name) => weights.get(name)!, adapter);
      const all = new Map([...weights.keys()].map((name) => [name, merged(name)]));
      const distance = largestDifference(results[i]!, referenceLogits(config, all, ids));
      assert.ok(distance < 1e-4, `adapter ${i}: ${distance}`);
    });
  });
});
