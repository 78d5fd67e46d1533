import assert from "node:assert/strict";
import fc from "fast-check";
import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { SPECIAL_TOKENS } from "../../../engine/tokenizer/dialect.ts";
import { loadTokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const BASE = path.resolve(import.meta.dirname, "../../../models/base");

interface Definition {
  added_tokens: { id: number; content: string; special: boolean }[];
  normalizer: object | null;
  pre_tokenizer: object | null;
  model: { type: string; vocab: Record<string, number>; merges: unknown[]; ignore_merges?: boolean };
}

describe("a tokenizer", () => {
  const tiny = createTinyModel();
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-tokenizer-"));
  after(() => {
    tiny[Symbol.dispose]();
    rmSync(dir, { recursive: true, force: true });
  });
  const file = path.join(dir, "tokenizer.json");
  const tinyDefinition = (): Definition =>
    JSON.parse(readFileSync(path.join(tiny.dir, "tokenizer.json"), "utf8")) as Definition;
  function changed(change: (definition: Definition) => void) {
    const definition = tinyDefinition();
    change(definition);
    writeFileSync(file, JSON.stringify(definition));
    return loadTokenizer(dir);
  }

  /** The tokenizers that every property has to hold for. */
  const kinds = {
    base: loadTokenizer(BASE),
    bytes: loadTokenizer(tiny.dir),
    // Like Qwen's: text is composed first, and some added tokens are not called special.
    composing: changed((definition) => {
      definition.normalizer = { type: "NFC" };
      definition.pre_tokenizer = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
      definition.added_tokens.push({ id: 263, content: "<tool_call>", special: false });
      definition.added_tokens.push({ id: 264, content: "    ", special: false });
    }),
    // Like Llama 3's: a word that is in the vocabulary is a token, whatever the merges say.
    "whole words": changed((definition) => {
      definition.pre_tokenizer = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
      definition.model.ignore_merges = true;
    }),
  };
  const control = fc.constantFrom(...Object.values(SPECIAL_TOKENS), "<|im_start|>", "<tool_call>", "<|", "|>");
  const piece = fc.oneof(
    control,
    fc.string({ unit: "binary", maxLength: 6 }),
    fc.constantFrom(
      "e\u0301",
      "한",
      "\u1112\u1161\u11ab",
      "👩‍👩‍👧",
      "\ud83d",
      "\ude00",
      "    ",
      "\n",
      "const x = 1;",
      "\u0344",
      "a\u0323\u0307",
    ),
    fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
  );
  const texts = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));

  for (const [name, tokenizer] of Object.entries(kinds)) {
    it(`${name}: never gives an id that steers the model, whatever the code says`, () => {
      fc.assert(
        fc.property(texts, (text) => {
          assert.deepEqual(
            tokenizer.encode(text).filter((id) => tokenizer.reserved.has(id)),
            [],
          );
        }),
      );
      for (const content of Object.values(SPECIAL_TOKENS)) {
        assert.ok(tokenizer.encode(content).length > 1);
        assert.equal(tokenizer.decode(tokenizer.encode(`a ${content} b`)), `a ${content} b`);
      }
      assert.ok(Object.values(tokenizer.special).every((id) => tokenizer.reserved.has(id)));
    });
    it(`${name}: says where each token lies, without gap or overlap`, () => {
      fc.assert(
        fc.property(texts, (text) => {
          const { ids, ranges } = tokenizer.encodeWithRanges(text);
          assert.deepEqual(ids, tokenizer.encode(text));
          assert.equal(ranges.length, ids.length);
          assert.equal(ranges.map(([start, end]) => text.slice(start, end)).join(""), text);
          ranges.forEach(([start, end], i) => {
            assert.equal(start, i === 0 ? 0 : ranges[i - 1]![1]);
            assert.ok(end >= start);
          });
        }),
      );
    });
    it(`${name}: gives a token that is whole characters the range of its own text`, () => {
      fc.assert(
        fc.property(texts, (text) => {
          const { ids, ranges } = tokenizer.encodeWithRanges(text);
          ids.forEach((id, i) => {
            const written = tokenizer.textOf(id);
            if (written.includes("\ufffd")) return;
            const source = text
              .slice(...ranges[i]!)
              .toWellFormed()
              .normalize("NFC");
            // The bytes before it may have ended a character that began in an earlier token.
            assert.ok(source.endsWith(written) || !/^[\0-\x7f]*$/.test(written), `${written} of ${source}`);
          });
        }),
      );
    });
  }

  it("keeps runs of white space that the vocabulary has as tokens", () => {
    assert.deepEqual(kinds.composing.encode("    x").length, 2);
    assert.deepEqual(kinds.composing.encodeWithRanges("    x").ranges, [
      [0, 4],
      [4, 5],
    ]);
  });
  it("gives a character to the last of the tokens that share its bytes, and composed ones their source", () => {
    const { ranges } = kinds.composing.encodeWithRanges("a😀e\u0301!");
    assert.deepEqual(ranges, [
      [0, 1],
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 3],
      [3, 3],
      [3, 5],
      [5, 6],
    ]);
    assert.deepEqual(kinds.bytes.encodeWithRanges("\ud83dx").ranges, [
      [0, 0],
      [0, 0],
      [0, 1],
      [1, 2],
    ]);
    assert.deepEqual(kinds.base.encodeWithRanges(""), { ids: [], ranges: [] });
  });
  it("decodes what it encodes", () => {
    for (const text of ["const café = '😀';\n\treturn <T,>(x: T) => x;", "  <|endoftext|>\r\n", "// ½ ± 日本語"])
      for (const tokenizer of Object.values(kinds)) assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  });
  it("writes special tokens as nothing, in the middle of a character too, and other added tokens as they are", () => {
    const { composing } = kinds;
    const [first, ...rest] = composing.encode("é");
    assert.equal(composing.decode([first!, composing.special.fimMiddle!, ...rest]), "é");
    assert.equal(composing.decode([...composing.encode("a"), 263, ...composing.encode("    b")]), "a<tool_call>    b");
    assert.equal(composing.textOf(composing.special.endOfText!), "");
    assert.equal(composing.decode([]), "");
    assert.equal(composing.decode([100_000]), "");
  });
  it("says so when it cannot place tokens", () => {
    const rewriting = changed((definition) => (definition.normalizer = { type: "Lowercase" }));
    assert.doesNotThrow(() => rewriting.encodeWithRanges("abc"));
    const doubling = changed(
      (definition) => (definition.normalizer = { type: "Replace", pattern: { String: "b" }, content: "bb" }),
    );
    assert.throws(() => doubling.encodeWithRanges("abc"), { code: "tokenizer-invalid" });
  });

  describe("refuses, with a code,", () => {
    const refused = (title: string, write: () => void) =>
      it(title, () => {
        write();
        assert.throws(
          () => loadTokenizer(dir),
          (error: Error & { code?: string }) => error.code === "tokenizer-invalid" && error.message.length < 500,
        );
      });
    const text = (content: string | Buffer) => () => writeFileSync(file, content);
    const edited = (change: (definition: Definition) => void) => () => {
      const definition = tinyDefinition();
      change(definition);
      writeFileSync(file, JSON.stringify(definition));
    };
    refused("no file", () => rmSync(file));
    refused("a file of 8 GB", () => {
      writeFileSync(file, "{");
      truncateSync(file, 2 ** 33);
    });
    refused("bytes that are no UTF-8", text(Buffer.from([0x7b, 0xff, 0x7d])));
    refused("no JSON", text("{"));
    refused("a list", text("[]"));
    refused("brackets without end", text("[".repeat(1_000_000)));
    refused("nothing in it", text("{}"));
    refused(
      "another kind of model",
      edited((d) => (d.model.type = "Unigram")),
    );
    refused(
      "a vocabulary that is a list",
      edited((d) => (d.model.vocab = [] as never)),
    );
    refused(
      "an id below zero",
      edited((d) => (d.model.vocab["x"] = -1)),
    );
    refused(
      "an id that would fill the memory",
      edited((d) => (d.model.vocab["x"] = 2 ** 40)),
    );
    refused(
      "an id that is no number",
      edited((d) => (d.model.vocab["x"] = "1" as never)),
    );
    refused(
      "an added token without text",
      edited((d) => d.added_tokens.push({ id: 3, content: "", special: true })),
    );
    refused(
      "an added token with a far id",
      edited((d) => d.added_tokens.push({ id: 1e9, content: "x", special: true })),
    );
    refused(
      "a part that the library does not know",
      edited((d) => (d.pre_tokenizer = { type: "Evil" })),
    );
    for (const part of ["pre_tokenizer", "normalizer"])
      refused(`a ${part} nested without end`, () => {
        const nested = `{"type":"Sequence","${part}s":[`.replace("pre_tokenizers", "pretokenizers");
        const value = nested.repeat(20_000) + "]}".repeat(20_000);
        const json = JSON.stringify({ ...tinyDefinition(), [part]: 0 });
        writeFileSync(file, json.replace(`"${part}":0`, `"${part}":${value}`));
      });
    refused("settings that are no object", () => {
      cpSync(path.join(tiny.dir, "tokenizer.json"), file);
      writeFileSync(path.join(dir, "tokenizer_config.json"), "7");
    });
  });
});
