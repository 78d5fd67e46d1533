import assert from "node:assert/strict";
import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { healPrefix, writes } from "../../../engine/generate/healing.ts";
import { loadTokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import { sentencePieceTokenizer, writeTokenizer, type SmallTokenizer } from "../../support/small-tokenizer.ts";

describe("a tokenizer from SentencePiece", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-pieces-"));
  after(() => rmSync(dir, { recursive: true, force: true }));
  function load(definition: SmallTokenizer) {
    writeTokenizer(dir, definition);
    return loadTokenizer(dir);
  }
  const llama = load(sentencePieceTokenizer([]));
  const kinds = { "with a normalizer": llama, "with Metaspace": load(sentencePieceTokenizer([], "pre-tokenizer")) };
  const texts = fc
    .array(
      fc.oneof(
        fc.string({ unit: "binary", maxLength: 6 }),
        fc.constantFrom(
          " ",
          "  ",
          "\n",
          "\n    ",
          "\t",
          "\r\n",
          "const ",
          " re",
          "▁",
          "<0x0A>",
          "\ufeff",
          "é",
          "日本",
          "😀",
        ),
        fc.constantFrom("\ud83d", "\ude00", "<s>", "</s>"),
      ),
      { maxLength: 10 },
    )
    .map((parts) => parts.join(""));

  for (const [name, tokenizer] of Object.entries(kinds)) {
    it(`${name}: decodes what it encodes, to the last blank`, () => {
      fc.assert(
        fc.property(texts, (text) => assert.equal(tokenizer.decode(tokenizer.encode(text)), text.toWellFormed())),
      );
    });
    it(`${name}: says where each token lies, without gap or overlap`, () => {
      fc.assert(
        fc.property(texts, (text) => {
          const { ids, ranges } = tokenizer.encodeWithRanges(text);
          assert.deepEqual(ids, tokenizer.encode(text));
          assert.equal(ranges.map(([start, end]) => text.slice(start, end)).join(""), text);
          ids.forEach((id, i) => {
            const written = tokenizer.textOf(id);
            if (!written.includes("\ufffd")) assert.equal(text.slice(...ranges[i]!).toWellFormed(), written);
          });
        }),
      );
    });
  }

  it("encodes by words what it would encode at once", () => {
    // A token with a blank inside, which nothing here merges into, makes it take texts whole.
    const definition = sentencePieceTokenizer([]);
    definition.model.vocab["x▁x"] = Object.keys(definition.model.vocab).length;
    const whole = load(definition);
    fc.assert(fc.property(texts, (text) => assert.deepEqual(llama.encode(text), whole.encode(text))));
    definition.model.merges.push(["x", "▁"], ["x▁", "x"]);
    definition.model.vocab["x▁"] = Object.keys(definition.model.vocab).length;
    assert.deepEqual(load(definition).encode("x x").length, 1);
  });
  it("gives each token the text that it stands for wherever it stands", () => {
    const shown = (text: string) => llama.encode(text).map((id) => llama.textOf(id));
    assert.deepEqual(shown("    const re"), ["    ", "const", " re"]);
    assert.deepEqual(shown("\n re\n"), ["\n", " re", "\n"]);
    assert.deepEqual(shown("▁"), ["\ufffd", "\ufffd", "\ufffd"]);
    assert.deepEqual(shown("<s>"), ["<", "s", ">"]);
  });
  it("puts no blank before a text", () => {
    for (const tokenizer of Object.values(kinds)) {
      assert.deepEqual([...tokenizer.encode("re"), ...tokenizer.encode(" re")], tokenizer.encode("re re"));
      assert.equal(tokenizer.decode(tokenizer.encode(" re").slice(0, 1)), " re");
    }
  });
  it("lets a prefix be healed: some token writes what is owed", () => {
    for (const prefix of ["{\n    ", "x = con", "const re", "foo(", "{\n\t", "// 日本x", "s = 'é", "Z"]) {
      const { kept, owed } = healPrefix(prefix, llama);
      const ids = llama.encode(owed);
      assert.equal(llama.decode([...llama.encode(kept), ...ids]), prefix);
      assert.ok(writes(llama, ids[0]!, owed), prefix);
    }
  });
  it("leaves characters out that it has neither token nor bytes for, and then has no places for the others", () => {
    const definition = sentencePieceTokenizer([]);
    definition.model["byte_fallback"] = false;
    const tokenizer = load(definition);
    assert.equal(tokenizer.decode(tokenizer.encode("con日st")), "const");
    assert.throws(() => tokenizer.encodeWithRanges("con日st"), { code: "tokenizer-invalid" });
  });
});
