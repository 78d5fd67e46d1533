import assert from "node:assert/strict";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { linearLayers } from "../../../engine/architectures/decoder-config.ts";
import { parseDecoderConfig } from "../../../engine/architectures/families.ts";
import { buildInferenceGraph } from "../../../engine/architectures/inference-graph.ts";
import { inverseFrequencies } from "../../../engine/architectures/rope-scaling.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { compileGraph } from "../../../engine/graph/session.ts";
import { referenceLogits } from "../../../engine/reference/reference-decoder.ts";
import { referenceFrequency } from "../../../engine/reference/reference-rope.ts";
import { checkpointFixtures, worstDifference } from "../../support/checkpoint-fixture.ts";
import { inferenceLogits } from "../../support/inference-run.ts";

describe("a checkpoint of a family", () => {
  for (const { name, dir, ids, logits } of checkpointFixtures()) {
    it(`has the logits of transformers in the reference: ${name}`, () => {
      const { config, weights } = loadCheckpoint(dir);
      const worst = worstDifference(referenceLogits(config, weights, ids), logits);
      assert.ok(worst < 1e-4, `off by ${worst}`);
    });

    it(`has the logits of transformers in the inference graph, at once and in chunks: ${name}`, async () => {
      const { config, weights } = loadCheckpoint(dir);
      const session = await compileGraph(buildInferenceGraph(config, weights), { threads: 1, prepack: true });
      // Within a sliding window, which bounds the context.
      const within = ids.slice(0, config.contextTokens);
      const expected = logits.slice(0, within.length);
      for (const chunks of [[within.length], [5, 1, 1, within.length - 7]]) {
        const worst = worstDifference(await inferenceLogits(config, session, within, chunks), expected);
        assert.ok(worst < 1e-3, `chunks of ${chunks.join(", ")} tokens: off by ${worst}`);
      }
      await session.release();
    });
  }
});

describe("RoPE scaling", () => {
  const rows = JSON.parse(readFileSync(new URL("../../fixtures/rope.json", import.meta.url), "utf8")) as Record<
    string,
    { config: Record<string, unknown>; frequencies: number[]; attention_factor: number }
  >;
  for (const [name, { config: fields, frequencies, attention_factor: factor }] of Object.entries(rows)) {
    it(`gives the frequencies of transformers: ${name}`, () => {
      const config = parseDecoderConfig({ ...LLAMA, ...fields });
      const close = (actual: readonly number[]) =>
        actual.forEach((value, i) => assert.ok(Math.abs(value / frequencies[i]! - 1) < 2e-6, `${i}: ${value}`));
      assert.equal(frequencies.length, config.headDim / 2);
      close(inverseFrequencies(config.headDim, config));
      close(frequencies.map((_, pair) => referenceFrequency(config, pair)));
      const own = config.ropeScaling?.kind === "yarn" ? config.ropeScaling.attentionFactor : 1;
      assert.ok(Math.abs(own - factor) < 1e-9, `${own} is not ${factor}`);
    });
  }
});

const LLAMA = {
  architectures: ["LlamaForCausalLM"],
  vocab_size: 100,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 2048,
};

describe("config.json", () => {
  const parse = (fields: object) => parseDecoderConfig({ ...LLAMA, ...fields });
  const refuses = (what: string, fields: object, message: RegExp) =>
    it(`refuses ${what}`, () =>
      assert.throws(
        () => parse(fields),
        (error: Error & { code?: string }) => error.code === "model-unsupported" && message.test(error.message),
      ));

  it("takes absent fields from the others", () => {
    const { headDim, nKvHeads, ropeTheta, tiedHead, attentionBias, slidingWindow } = parse({});
    assert.deepEqual([headDim, nKvHeads, ropeTheta, tiedHead, attentionBias], [16, 4, 10_000, false, false]);
    assert.equal(slidingWindow, undefined);
  });

  it("reads the rotary embedding's base from its old and its new place", () => {
    assert.equal(parse({ rope_theta: 5e5 }).ropeTheta, 5e5);
    assert.equal(parse({ rope_parameters: { rope_type: "default", rope_theta: 1e6 } }).ropeTheta, 1e6);
    assert.equal(parse({ rope_theta: 5e5, rope_scaling: { type: "linear", factor: 2 } }).ropeTheta, 5e5);
  });

  it("lets rope_scaling win over rope_parameters, as transformers does", () => {
    const both = { rope_scaling: { type: "linear", factor: 2 }, rope_parameters: { rope_type: "default" } };
    assert.deepEqual(parse(both).ropeScaling, { kind: "linear", factor: 2 });
  });

  it("cuts the context to a sliding window", () => {
    const mistral = { architectures: ["MistralForCausalLM"] };
    assert.equal(parse({ ...mistral, sliding_window: 512 }).contextTokens, 512);
    assert.equal(parse({ ...mistral, sliding_window: 4096 }).contextTokens, 2048);
    assert.equal(parse({ ...mistral, sliding_window: null }).contextTokens, 2048);
  });

  it("heeds Qwen's window only where a layer has one", () => {
    const qwen = { architectures: ["Qwen2ForCausalLM"], sliding_window: 64 };
    const contextOf = (fields: object) => parse({ ...qwen, ...fields }).contextTokens;
    assert.equal(contextOf({ use_sliding_window: false }), 2048);
    assert.equal(contextOf({ use_sliding_window: true, max_window_layers: 2 }), 2048);
    assert.equal(contextOf({ use_sliding_window: true, max_window_layers: 1 }), 64);
    const layer_types = ["full_attention", "full_attention"];
    assert.equal(contextOf({ use_sliding_window: true, max_window_layers: 0, layer_types }), 2048);
  });

  refuses("another architecture", { architectures: ["GPT2LMHeadModel"] }, /GPT2LMHeadModel is not supported/);
  refuses("a bare decoder without its head", { architectures: ["LlamaModel"] }, /LlamaModel/);
  refuses("no architecture", { architectures: 7 }, /none is not supported/);
  refuses("another activation", { hidden_act: "gelu" }, /gelu/);
  refuses("weights that another tool quantised", { quantization_config: { bits: 4 } }, /quantised/);
  refuses("heads that do not share evenly", { num_key_value_heads: 3 }, /cannot share/);
  refuses("heads of a dimension that the attention operator lacks", { head_dim: 24 }, /multiple of 16/);
  refuses("heads wider than the hidden size", { num_attention_heads: 100 }, /0 dimensions/);
  for (const kind of ["dynamic", "longrope", "proportional", "mrope", 7])
    refuses(`RoPE of the kind ${kind}`, { rope_scaling: { rope_type: kind, factor: 2 } }, /RoPE scaling of the kind/);
  refuses("RoPE on a part of a head", { rope_parameters: { partial_rotary_factor: 0.5 } }, /a part \(0.5\)/);
  refuses("RoPE that differs between layers", { rope_parameters: { full_attention: {} } }, /differ between layers/);
  refuses("RoPE parameters that are no object", { rope_scaling: [2] }, /not an object/);
  refuses("a scaling without its factor", { rope_scaling: { type: "linear" } }, /factor must be a positive number/);
  for (const factor of [5e-324, 1e308, -2, 0])
    refuses(`a factor of ${factor}`, { rope_scaling: { type: "linear", factor } }, /factor must be a positive number/);
  refuses(
    "windows on every other layer",
    {
      architectures: ["Qwen3ForCausalLM"],
      use_sliding_window: true,
      sliding_window: 64,
      layer_types: ["sliding_attention", "full_attention"],
    },
    /in turn/,
  );
  for (const value of [0, -1, 1.5, 1e12, "64", null, [64], Number.NaN])
    refuses(`a hidden size of ${JSON.stringify(value)}`, { hidden_size: value }, /hidden_size must be a whole number/);
  refuses("a billion layers", { num_hidden_layers: 1e9 }, /num_hidden_layers/);
  refuses("a flag that is no boolean", { tie_word_embeddings: "no" }, /tie_word_embeddings must be true or false/);

  it("is read or refused whatever its fields hold", () => {
    const FIELDS = Object.keys(LLAMA).concat(
      ["num_key_value_heads", "head_dim", "rope_theta", "rope_scaling", "rope_parameters", "sliding_window"],
      ["use_sliding_window", "layer_types", "max_window_layers", "tie_word_embeddings", "attention_bias", "mlp_bias"],
      ["hidden_act", "partial_rotary_factor", "quantization_config", "original_max_position_embeddings"],
    );
    const rope = fc.record(
      {
        rope_type: fc.constantFrom<unknown>("linear", "llama3", "yarn", "default", "dynamic", null, 3),
        factor: fc.oneof(fc.double(), fc.jsonValue()),
        low_freq_factor: fc.double(),
        high_freq_factor: fc.double(),
        original_max_position_embeddings: fc.oneof(fc.integer(), fc.jsonValue()),
        beta_fast: fc.double(),
        truncate: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.integer(), fc.boolean(), rope);
    const architecture = fc.constantFrom("Llama", "Mistral", "Qwen2", "Qwen3");
    let nRead = 0;
    fc.assert(
      fc.property(architecture, fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 3 }), (family, fields) => {
        try {
          const config = parse({ architectures: [`${family}ForCausalLM`], ...fields });
          nRead++;
          assert.ok(linearLayers(config).every(({ nIn, nOut }) => Number.isSafeInteger(nIn * nOut) && nIn * nOut > 0));
          assert.ok(inverseFrequencies(16, config).every((frequency) => Number.isFinite(frequency)));
        } catch (error) {
          if ((error as { code?: string }).code !== "model-unsupported") throw error;
        }
      }),
      { numRuns: 2_000 },
    );
    assert.ok(nRead > 0);
  });
});
