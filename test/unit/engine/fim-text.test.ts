import assert from "node:assert/strict";
import { exampleTexts, fimText, plainText } from "../../../engine/generate/fim-text.ts";

const REQUEST = {
  prefix: "const a = ",
  suffix: ";\n",
  path: "src/a.py",
  repository: "demo",
  examples: [{ path: "src/b.py", text: "b = 1" }],
  maxTokens: 8,
  lines: "single",
} as const;

/** Layouts as the families' own papers and READMEs have them; see `engine/tokenizer/dialect.ts`. */
const TEXTS = {
  "qwen2.5-coder":
    "<|repo_name|>demo\n<|file_sep|>src/b.py\nb = 1\n<|file_sep|>src/a.py\n<|fim_prefix|>const a = <|fim_suffix|>;\n<|fim_middle|>",
  starcoder2:
    "<repo_name>demo\n<file_sep>src/b.py\nb = 1\n<file_sep><fim_prefix>src/a.py\nconst a = <fim_suffix>;\n<fim_middle>",
  "code-llama": "<PRE># src/b.py\nb = 1\n# src/a.py\nconst a =  <SUF>;\n <MID>",
  "deepseek-coder": "<｜fim▁begin｜># src/b.py\nb = 1\n# src/a.py\nconst a = <｜fim▁hole｜>;\n<｜fim▁end｜>",
  mistral: "[SUFFIX];\n[PREFIX]# src/b.py\nb = 1\n# src/a.py\nconst a = ",
} as const;

describe("a prompt with markers as text", () => {
  for (const [name, expected] of Object.entries(TEXTS)) {
    it(`${name}: stands as the family knows it`, () => {
      assert.equal(fimText(name as keyof typeof TEXTS, REQUEST), expected);
    });
  }

  it("is none for a model without markers, which is shown examples and path as comments", () => {
    assert.equal(fimText("none", REQUEST), null);
    assert.equal(plainText(REQUEST), "# src/b.py\nb = 1\n\n# src/a.py\nconst a = ");
  });

  it("keeps the end of a long file, from a line's start, and the most useful examples", () => {
    const prefix = Array.from({ length: 2_000 }, (_, i) => `line ${i}\n`).join("");
    const text = fimText("qwen2.5-coder", { ...REQUEST, prefix, examples: [] })!;
    assert.ok(text.length < 7_000);
    assert.match(text, /<\|fim_prefix\|>line \d+\n/);
    assert.ok(text.includes("line 1999\n<|fim_suffix|>"));
    const examples = ["a", "b", "c"].map((path) => ({ path, text: "x".repeat(1_000) }));
    assert.deepEqual(
      exampleTexts(examples).map(({ path }) => path),
      ["b", "c"],
    );
  });
});
