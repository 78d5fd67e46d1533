import assert from "node:assert/strict";
import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { DecoderConfig } from "../../../engine/architectures/decoder-config.ts";
import type { GgufType } from "../../../engine/export/gguf-file.ts";
import { writeGgufModel } from "../../../engine/export/gguf-model.ts";
import { ggufTokenizer, type TokenizerDefinition } from "../../../engine/export/gguf-tokenizer.ts";
import { floatToBfloat, floatToHalf } from "../../../engine/export/half.ts";
import { half, readGguf, type GgufFile } from "../../support/gguf-reader.ts";
import { randomWeights, TINY } from "../../support/tiny-decoder.ts";

const LLAMA: DecoderConfig = { ...TINY, hiddenSize: 32, ffnSize: 64, headDim: 8, attentionBias: false };
const QWEN2: DecoderConfig = { ...LLAMA, attentionBias: true, tiedHead: false };

const TOKENIZER: TokenizerDefinition = {
  added_tokens: [
    { id: 0, content: "<|endoftext|>", special: true },
    { id: 1, content: "<|fim_middle|>", special: true },
    { id: 5, content: "<tool>", special: false },
  ],
  pre_tokenizer: { type: "ByteLevel", use_regex: true },
  model: { type: "BPE", vocab: { a: 2, b: 3, ab: 4 }, merges: [["a", "b"]] },
};

describe("a GGUF model", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-gguf-"));
  after(() => rmSync(dir, { recursive: true, force: true }));

  function written(config: DecoderConfig, type: GgufType): { file: GgufFile; weights: Map<string, Float32Array> } {
    const weights = randomWeights(config);
    const file = path.join(dir, "model.gguf");
    rmSync(file, { force: true });
    writeGgufModel(file, { name: "tiny", config, weight: (name) => weights.get(name)!, tokenizer: TOKENIZER }, type);
    return { file: readGguf(file), weights };
  }

  it("says its shape in llama.cpp's keys", () => {
    const { metadata } = written(LLAMA, "F32").file;
    assert.equal(metadata.get("general.architecture"), "llama");
    assert.deepEqual(
      ["block_count", "attention.head_count", "attention.head_count_kv", "rope.dimension_count", "vocab_size"].map(
        (key) => metadata.get(`llama.${key}`),
      ),
      [2, 4, 2, 8, 23],
    );
    assert.equal(metadata.get("tokenizer.ggml.fim_mid_token_id"), 1);
  });
  it("says how a context is stretched: by a factor, by Llama 3's frequencies, and not by YaRN", () => {
    const linear = written({ ...LLAMA, ropeScaling: { kind: "linear", factor: 2 } }, "F32").file;
    assert.equal(linear.metadata.get("llama.rope.scaling.type"), "linear");
    assert.equal(linear.metadata.get("llama.rope.scaling.factor"), 2);
    const bounds = { lowFrequencyFactor: 1, highFrequencyFactor: 4, originalTokens: 64 };
    const llama3 = written({ ...LLAMA, ropeScaling: { kind: "llama3", factor: 8, ...bounds } }, "F32").file;
    const factors = llama3.tensors.get("rope_freqs.weight")!;
    // Wavelengths 6, 63, 628 and 6,283: kept up to 16 tokens, stretched in full from 64 on.
    assert.deepEqual([factors.dimensions, factors.values[0], ...factors.values.slice(2)], [[4], 1, 8, 8]);
    assert.ok(factors.values[1]! > 1 && factors.values[1]! < 8);
    const yarn = { factor: 4, fastRotations: 32, slowRotations: 1, truncate: true, attentionFactor: 1.1 };
    const refused: DecoderConfig = { ...LLAMA, ropeScaling: { kind: "yarn", originalTokens: 8, ...yarn } };
    assert.throws(() => written(refused, "F32"), { code: "export-unsupported" });
  });

  it("keeps a qwen2's matrices as they are, and its head", () => {
    const { file, weights } = written(QWEN2, "F32");
    assert.equal(file.metadata.get("general.architecture"), "qwen2");
    const query = file.tensors.get("blk.1.attn_q.weight")!;
    assert.deepEqual(query.dimensions, [32, 32]);
    assert.deepEqual(query.values, [...weights.get("model.layers.1.self_attn.q_proj.weight")!]);
    assert.deepEqual(file.tensors.get("output.weight")!.values, [...weights.get("lm_head.weight")!]);
    assert.equal(file.tensors.get("blk.0.attn_k.bias")!.dimensions[0], 16);
  });
  it("interleaves the halves of a llama's query and key heads, and nothing else", () => {
    const { file, weights } = written(LLAMA, "F32");
    const rows = (values: Float32Array) =>
      Array.from({ length: values.length / 32 }, (_, i) => Array.from(values.subarray(32 * i, 32 * i + 32)));
    const stored = rows(Float32Array.from(file.tensors.get("blk.0.attn_k.weight")!.values));
    const original = rows(weights.get("model.layers.0.self_attn.k_proj.weight")!);
    assert.deepEqual(
      stored,
      [0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15].map((row) => original[row]),
    );
    assert.deepEqual(file.tensors.get("blk.0.attn_v.weight")!.values, [
      ...weights.get("model.layers.0.self_attn.v_proj.weight")!,
    ]);
  });
  for (const [type, number, tolerance] of [
    ["F16", 1, 2 ** -11],
    ["Q8_0", 8, 1 / 100],
  ] as const) {
    it(`holds matrices as ${type} and vectors in full`, () => {
      const { file, weights } = written(LLAMA, type);
      const matrix = file.tensors.get("blk.0.ffn_down.weight")!;
      assert.equal(matrix.type, number);
      const original = weights.get("model.layers.0.mlp.down_proj.weight")!;
      const largest = Math.max(...original.map(Math.abs));
      matrix.values.forEach((value, i) => assert.ok(Math.abs(value - original[i]!) <= tolerance * largest));
      assert.equal(file.tensors.get("output_norm.weight")!.type, 0);
    });
  }
  it("falls back to F16 where rows are no multiple of a block", () => {
    const { file } = written({ ...LLAMA, ffnSize: 40 }, "Q8_0");
    assert.equal(file.tensors.get("blk.0.ffn_down.weight")!.type, 1);
    assert.equal(file.tensors.get("blk.0.ffn_up.weight")!.type, 8);
  });
  it("has a token for every row of the embedding", () => {
    const { metadata } = written(LLAMA, "F32").file;
    const tokens = metadata.get("tokenizer.ggml.tokens") as string[];
    assert.equal(tokens.length, 23);
    assert.deepEqual(tokens.slice(0, 7), ["<|endoftext|>", "<|fim_middle|>", "a", "b", "ab", "<tool>", "[PAD6]"]);
    assert.deepEqual((metadata.get("tokenizer.ggml.token_type") as number[]).slice(0, 7), [3, 3, 1, 1, 1, 4, 5]);
    assert.deepEqual(metadata.get("tokenizer.ggml.merges"), ["a b"]);
  });
  it("names the split pattern, and refuses a tokenizer that llama.cpp cannot be told of", () => {
    const split = (regex: string): TokenizerDefinition => ({
      ...TOKENIZER,
      pre_tokenizer: { type: "Split", pattern: { Regex: regex } },
    });
    const pre = (definition: TokenizerDefinition) => new Map(ggufTokenizer(definition, 23)).get("tokenizer.ggml.pre");
    const words = "(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
    assert.deepEqual(pre(split(`${words}\\p{N}| ?[^\\s]+`)), { kind: "string", value: "qwen2" });
    assert.deepEqual(pre(split(`${words}\\p{N}{1,3}| ?[^\\s]+`)), { kind: "string", value: "llama-bpe" });
    assert.deepEqual(pre(TOKENIZER), { kind: "string", value: "gpt-2" });
    const refused = { code: "export-unsupported" };
    assert.throws(() => ggufTokenizer(split("."), 23), refused);
    assert.throws(() => ggufTokenizer({ ...TOKENIZER, model: { type: "Unigram" } }, 23), refused);
    assert.throws(() => ggufTokenizer(TOKENIZER, 5), refused);
  });
});

describe("narrow floats", () => {
  it("round to the nearest half, ties to even", () => {
    for (const [value, bits] of [
      [0, 0],
      [-0, 0x8000],
      [1, 0x3c00],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [65_519, 0x7bff],
      [65_520, 0x7c00],
      [2 ** -25, 0],
      [2 ** -24, 1],
      [-Infinity, 0xfc00],
    ] as const)
      assert.equal(floatToHalf(value), bits, `${value}`);
    assert.ok(Number.isNaN(half(floatToHalf(NaN))));
  });
  it("are never further than half a step away", () => {
    fc.assert(
      fc.property(fc.float({ min: -60_000, max: 60_000, noNaN: true }), (value) => {
        const step = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(value) || 1e-30)) - 10));
        assert.ok(Math.abs(half(floatToHalf(value)) - value) <= step / 2);
      }),
    );
  });
  it("every half survives", () => {
    for (let bits = 0; bits < 0x10000; bits++)
      if (!Number.isNaN(half(bits))) assert.equal(floatToHalf(half(bits)), bits);
  });
  it("round to the nearest bfloat16, ties to even", () => {
    const bits = (value: number) => floatToBfloat(value);
    assert.deepEqual([1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -2].map(bits), [0x3f80, 0x3f80, 0x3f82, 0xc000]);
    assert.ok((bits(NaN) & 0x7f) !== 0);
  });
});
