import assert from "node:assert/strict";
import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildPrompt, type PromptBudget } from "../../../engine/generate/prompt.ts";
import { DIALECTS, dialectOf } from "../../../engine/tokenizer/dialect.ts";
import { loadTokenizer, type Tokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import {
  byteLevelTokenizer,
  sentencePieceTokenizer,
  writeTokenizer,
  type SmallTokenizer,
} from "../../support/small-tokenizer.ts";

const tokensOf = (name: string): string[] =>
  Object.values(DIALECTS.find((dialect) => dialect.name === name)!.tokens).filter((token) => token !== "</s>");
const NAMES = DIALECTS.map(({ name }) => name);
const REQUEST = { prefix: "p", suffix: "s", path: "f.py", repository: "r", examples: [{ path: "e.ts", text: "x" }] };
const BUDGET: PromptBudget = { total: 200, examples: 0.4, suffix: 0.2 };

describe("fill-in-the-middle", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-dialects-"));
  after(() => rmSync(dir, { recursive: true, force: true }));
  function load(definition: SmallTokenizer, settings?: object): Tokenizer {
    writeTokenizer(dir, definition, settings);
    return loadTokenizer(dir);
  }
  /** Ids as text; special tokens in the words of their `tokenizer.json`. */
  function show(definition: SmallTokenizer, tokenizer: Tokenizer, ids: readonly number[]): string {
    const contents = new Map(definition.added_tokens.map(({ id, content }) => [id, content]));
    return ids.map((id) => contents.get(id) ?? tokenizer.textOf(id)).join("");
  }

  describe("prompts follow the dialect:", () => {
    const check = (title: string, definition: SmallTokenizer, settings: object, expected: string) =>
      it(title, () => {
        const tokenizer = load(definition, settings);
        assert.equal(show(definition, tokenizer, buildPrompt(tokenizer, REQUEST, BUDGET).ids), expected);
      });
    const named = (name: string) => byteLevelTokenizer(tokensOf(name));
    const pieces = (name: string) => sentencePieceTokenizer(tokensOf(name));
    check(
      "Qwen2.5-Coder",
      named("qwen2.5-coder"),
      {},
      "<|repo_name|>r\n<|file_sep|>e.ts\nx\n<|file_sep|>f.py\n<|fim_prefix|>p<|fim_suffix|>s<|fim_middle|>",
    );
    check(
      "Qwen2.5-Coder without context tokens",
      byteLevelTokenizer(["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]),
      {},
      "<|fim_prefix|>// e.ts\nx\n# f.py\np<|fim_suffix|>s<|fim_middle|>",
    );
    check(
      "StarCoder2",
      named("starcoder2"),
      {},
      "<repo_name>r\n<file_sep>e.ts\nx\n<file_sep><fim_prefix>f.py\np<fim_suffix>s<fim_middle>",
    );
    check(
      "StarCoder2, suffix first",
      named("starcoder2"),
      { fim_order: "spm" },
      "<repo_name>r\n<file_sep>e.ts\nx\n<file_sep><fim_prefix><fim_suffix>s<fim_middle>f.py\np",
    );
    check(
      "StarCoder2's markers alone",
      byteLevelTokenizer(["<fim_prefix>", "<fim_suffix>", "<fim_middle>"]),
      {},
      "<fim_prefix>// e.ts\nx\n# f.py\np<fim_suffix>s<fim_middle>",
    );
    check("Code Llama", pieces("code-llama"), {}, "<s>▁<PRE>// e.ts\nx\n# f.py\np▁<SUF>s▁<MID>");
    check(
      "Code Llama, suffix first",
      pieces("code-llama"),
      { fim_order: "spm" },
      "<s>▁<PRE>▁<SUF>s▁<MID>// e.ts\nx\n# f.py\np",
    );
    check(
      "DeepSeek-Coder",
      byteLevelTokenizer(["<｜begin▁of▁sentence｜>", ...tokensOf("deepseek-coder")]),
      { add_bos_token: true, bos_token: { content: "<｜begin▁of▁sentence｜>" } },
      "<｜begin▁of▁sentence｜><｜fim▁begin｜>// e.ts\nx\n# f.py\np<｜fim▁hole｜>s<｜fim▁end｜>",
    );
    check("Codestral", pieces("mistral"), {}, "<s>[SUFFIX]s[PREFIX]// e.ts\nx\n# f.py\np");
    check("none", byteLevelTokenizer(["<|endoftext|>"]), {}, "// e.ts\nx\n# f.py\np");
    check("none, with a start of text", sentencePieceTokenizer([]), {}, "<s>// e.ts\nx\n# f.py\np");
  });

  it("takes the budget for what is shown, and keeps to it", () => {
    const definitions = [
      ...NAMES.flatMap((name) => [byteLevelTokenizer(tokensOf(name)), sentencePieceTokenizer(tokensOf(name))]),
      sentencePieceTokenizer([]),
    ];
    const long = { ...REQUEST, prefix: "line\n".repeat(200), suffix: "y".repeat(300) };
    for (const definition of definitions) {
      const tokenizer = load(definition);
      for (const total of [48, 100, 333]) {
        const { ids } = buildPrompt(tokenizer, long, { ...BUDGET, total });
        assert.ok(ids.length <= total && ids.length > 0.7 * total, `${tokenizer.dialect.name}: ${ids.length}`);
      }
    }
  });
  it("shows no suffix to a model that knows left to right alone", () => {
    const tokenizer = load(byteLevelTokenizer(["<|endoftext|>"]));
    const ids = (suffix: string) => buildPrompt(tokenizer, { ...REQUEST, suffix }, BUDGET).ids;
    assert.deepEqual(ids("return 1;\n".repeat(20)), ids(""));
    // What follows the cursor can be copied from all the same.
    assert.ok(buildPrompt(tokenizer, REQUEST, BUDGET).visible.elsewhere.some((some) => tokenizer.decode(some) === "s"));
  });
  it("needs all markers of a dialect", () => {
    for (const { name, tokens } of DIALECTS) {
      assert.equal(dialectOf((token) => Object.values(tokens).includes(token)).name, name);
      const { fimPrefix, ...others } = tokens;
      assert.equal(dialectOf((token) => Object.values(others).includes(token)).name, "none", fimPrefix);
    }
  });
  it("knows markers that are in the vocabulary alone", () => {
    const definition = sentencePieceTokenizer(tokensOf("code-llama"));
    definition.added_tokens = definition.added_tokens.slice(0, 3);
    const tokenizer = load(definition);
    assert.equal(tokenizer.dialect.name, "code-llama");
    assert.ok(tokenizer.encode("▁<PRE>x").every((id) => !tokenizer.reserved.has(id)));
    // Those that are declared count first.
    const both = byteLevelTokenizer([...tokensOf("qwen2.5-coder"), ...tokensOf("starcoder2").slice(1)]);
    both.added_tokens = both.added_tokens.filter(({ content }) => !content.startsWith("<|fim"));
    assert.equal(load(both).dialect.name, "starcoder2");
  });

  describe("special tokens written in code stay code:", () => {
    const hostile = fc
      .array(
        fc.oneof(
          fc.constantFrom(...NAMES.flatMap(tokensOf), "<s>", "</s>", "<unk>", "<0x0A>", "▁", "<|", "▁<"),
          fc.string({ unit: "binary", maxLength: 5 }),
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join(""));
    for (const name of NAMES) {
      const kinds = {
        "byte level": byteLevelTokenizer(tokensOf(name)),
        "sentence pieces": sentencePieceTokenizer(tokensOf(name)),
      };
      for (const [kind, definition] of Object.entries(kinds))
        it(`${name}, ${kind}`, () => {
          const tokenizer = load(definition);
          assert.equal(tokenizer.dialect.name, name);
          const isReserved = (id: number) => tokenizer.reserved.has(id);
          const markers = (request: typeof REQUEST) => buildPrompt(tokenizer, request, BUDGET).ids.filter(isReserved);
          const expected = markers(REQUEST);
          fc.assert(
            fc.property(hostile, hostile, (text, other) => {
              const ids = tokenizer.encode(text);
              assert.ok(!ids.some(isReserved));
              assert.equal(tokenizer.decode(ids), text.toWellFormed());
              const examples = [{ path: other.slice(0, 9), text: "x" }];
              const request = { ...REQUEST, prefix: text, suffix: other, repository: "<|repo_name|>", examples };
              assert.deepEqual(markers(request), expected);
            }),
            { numRuns: 60 },
          );
        });
    }
  });

  describe("where a text begins and ends:", () => {
    const plain = () => byteLevelTokenizer(["<|endoftext|>", "<|begin|>", "<|end|>"]);
    const write = (name: string, content: object | string) =>
      writeFileSync(path.join(dir, name), typeof content === "string" ? content : JSON.stringify(content));
    afterEach(() =>
      ["config.json", "generation_config.json"].forEach((name) => rmSync(path.join(dir, name), { force: true })),
    );

    it("a template says what a text begins with, alone or in a sequence, unless the settings say no", () => {
      const template = sentencePieceTokenizer([]);
      assert.deepEqual(load(template).startOfText, [1]);
      template.post_processor = { type: "Sequence", processors: [{ type: "ByteLevel" }, template.post_processor] };
      assert.deepEqual(load(template).startOfText, [1]);
      assert.deepEqual(load(template, { add_bos_token: false }).startOfText, []);
    });
    it("the settings do where there is no template", () => {
      const bos = { bos_token: "<|begin|>" };
      assert.deepEqual(load(plain(), bos).startOfText, []);
      assert.deepEqual(load(plain(), { ...bos, add_bos_token: true }).startOfText, [1]);
      assert.deepEqual(load(plain(), { ...bos, tokenizer_class: "LlamaTokenizerFast" }).startOfText, [1]);
      assert.deepEqual(load(plain(), { bos_token: "e", add_bos_token: true }).startOfText, []);
    });
    it("any of the end tokens ends, in a number or a list, and the first is what the model writes", () => {
      write("config.json", { eos_token_id: 2 });
      write("generation_config.json", { eos_token_id: [0, 2] });
      const tokenizer = load(plain());
      assert.deepEqual([...tokenizer.ends], [0, 1, 2]);
      assert.equal(tokenizer.special.endOfText, 0);
      assert.equal(load(plain(), { eos_token: "<|end|>" }).special.endOfText, 2);
      write("generation_config.json", "{");
      assert.equal(load(plain()).special.endOfText, 2);
    });
    it("end tokens that are not called special end too, and have no text", () => {
      const definition = plain();
      definition.added_tokens[2]!.special = false;
      assert.equal(load(definition).textOf(2), "<|end|>");
      const tokenizer = load(definition, { eos_token: { content: "<|end|>" } });
      assert.ok(tokenizer.ends.has(2));
      assert.equal(tokenizer.textOf(2), "");
    });
    it("an end that is a word of the vocabulary is none", () => {
      const definition = plain();
      const letter = definition.model.vocab["e"]!;
      write("config.json", { eos_token_id: [letter, -1, 1e9, "2", null] });
      const tokenizer = load(definition, { eos_token: "e" });
      assert.equal(tokenizer.decode(tokenizer.encode("e")), "e");
      assert.ok(!tokenizer.ends.has(letter));
      assert.equal(tokenizer.special.endOfText, undefined);
    });
  });
});
