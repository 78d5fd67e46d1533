import assert from "node:assert/strict";
import path from "node:path";
import { healPrefix } from "../../../engine/generate/healing.ts";
import { createStopCheck, dropUnfinishedWord, loopStart, trimCompletion } from "../../../engine/generate/stop.ts";
import { buildPrompt } from "../../../engine/generate/prompt.ts";
import { openModel, type Model } from "../../../engine/generate/model.ts";
import { loadTokenizer, type Tokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const never = new AbortController().signal;
const REQUEST = {
  prefix: "const a = ",
  suffix: ";\n",
  path: "a.ts",
  repository: "demo",
  examples: [],
  maxTokens: 8,
  lines: "single",
} as const;

/** Ends where a token ends, so that nothing is owed. */
const SCORED = { ...REQUEST, prefix: "const a =\n", suffix: "" } as const;

describe("stops", () => {
  /** The text that a suggestion ends with when the model would write `text` and more. */
  function check(lines: "single" | "block", prefix: string, text: string, expected: string | null) {
    const result = createStopCheck({ prefix, suffix: "", lines })(text);
    assert.equal(result.stop ? result.text : null, expected);
  }
  it("goes on while a line is unfinished", () => check("single", "", "return a", null));
  it("ends a single line at its line end", () => check("single", "", "return a;\nnext", "return a;"));
  it("passes over leading blank lines of a single line", () => check("single", "", "\n  x;\ny", "\n  x;"));
  it("goes on in a block that is still indented", () => check("block", "  if (x) ", "{\n    a();\n    b();", null));
  it("ends a block with its closing bracket", () =>
    check("block", "  if (x) ", "{\n    a();\n  }\n  next", "{\n    a();\n  }"));
  it("ends a block before the line that leaves it", () => check("block", "  a(", "b);\n}\nmore", "b);"));
  it("ends a block before another statement of the same depth", () =>
    check("block", "  a(", "b);\n  c();\n  d", "b);"));
  it("ends a block at a blank line", () => check("block", "", "{\n  a,\n\n  b", "{\n  a,"));
});

describe("trimming", () => {
  const check = (text: string, suffix: string, expected: string) =>
    assert.equal(trimCompletion(text, suffix), expected);
  it("keeps a plain completion", () => check("foo()", "\n}", "foo()"));
  it("drops trailing white space", () => check("foo()  \n", "", "foo()"));
  it("is empty when only white space is left", () => check("  \n ", "", ""));
  it("does not repeat the rest of the line", () => check("foo);", ");\n}", "foo"));
  it("keeps an end that only partly repeats the rest of the line", () => check("foo)", ");\n}", "foo)"));
  it("does not repeat the next line of the file", () => check("foo();\n}", "\n}\n", "foo();"));
  it("keeps a single line that equals the next one", () => check("}", "\n}\n", "}"));
});

describe("loops", () => {
  const check = (ids: readonly number[], expected: number | null) => assert.equal(loopStart(ids), expected);
  it("sees a run of tokens three times over, and keeps the first", () => check([9, 1, 2, 1, 2, 1, 2], 3));
  it("lets a run stand twice", () => check([9, 1, 2, 1, 2], null));
  it("lets one token stand five times, as in a row of closing brackets", () => check([9, 1, 1, 1, 1, 1], null));
  it("sees one token six times over", () => check([9, 1, 1, 1, 1, 1, 1], 2));
  it("drops a word that the limit cut off", () => assert.equal(dropUnfinishedWord("foo(barBa"), "foo("));
});

describe("token healing", () => {
  const shipped = loadTokenizer(path.resolve(import.meta.dirname, "../../../models/base"));
  const check = (prefix: string, kept: string, owed: string) =>
    assert.deepEqual(healPrefix(prefix, shipped), { kept, owed });
  it("owes the indentation of a new line", () => check("{\n    ", "{\n", "    "));
  it("owes the word under the cursor with its space", () => check("const fo", "const", " fo"));
  it("owes the punctuation under the cursor", () => check("foo(", "foo", "("));
  it("owes nothing at the start of a line", () => check("foo\n", "foo\n", ""));
  it("owes nothing at the start of a file", () => check("", "", ""));
  it("owes nothing of a word too long to be unfinished", () => check("x".repeat(40), "x".repeat(40), ""));
  it("owes nothing of a character whose bytes are spread over tokens, for none of them writes it", () => {
    check("// 日本", "// 日本", "");
    check("const 本fo", "const 本", "fo");
  });
  it("owes deep indentation whole", () => check(`\n${" ".repeat(32)}`, "\n", " ".repeat(32)));
});

describe("prompts", () => {
  const model = createTinyModel();
  let tokenizer: Tokenizer;
  before(() => (tokenizer = loadTokenizer(model.dir)));
  after(() => model[Symbol.dispose]());
  const show = (ids: readonly number[]) => {
    const names = Object.entries(tokenizer.special);
    return ids.map((id) => names.find(([, special]) => special === id)?.[0] ?? tokenizer.decode([id])).join("|");
  };

  it("puts what changes least first", () => {
    const { ids } = buildPrompt(
      tokenizer,
      { prefix: "p", suffix: "s", path: "f", repository: "r", examples: [{ path: "e", text: "x" }] },
      { total: 60, examples: 0.4, suffix: 0.2 },
    );
    assert.equal(
      show(ids),
      "repositoryName|r|\n|fileSeparator|e|\n|x|\n|fileSeparator|f|\n|fimPrefix|p|fimSuffix|s|fimMiddle",
    );
  });
  it("puts the prefix last for a model trained so", () => {
    const { ids } = buildPrompt(
      { ...tokenizer, fimOrder: "spm" },
      { prefix: "p", suffix: "s", path: "f", repository: "", examples: [] },
      { total: 60, examples: 0.4, suffix: 0.2 },
    );
    assert.equal(show(ids), "fileSeparator|f|\n|fimPrefix|fimSuffix|s|fimMiddle|p");
  });
  it("never exceeds its budget", () => {
    for (const total of [30, 64, 200]) {
      const { ids } = buildPrompt(
        tokenizer,
        {
          prefix: "line\n".repeat(100),
          suffix: "x".repeat(500),
          path: "f",
          repository: "r",
          examples: [{ path: "e", text: "y".repeat(30) }],
        },
        { total, examples: 0.4, suffix: 0.2 },
      );
      assert.ok(ids.length <= total, `${ids.length} tokens in a budget of ${total}`);
    }
  });
  it("keeps the end of a long prefix, from a line's start", () => {
    const { ids } = buildPrompt(
      tokenizer,
      { prefix: "first line\nsecond line\nlast", suffix: "", path: "f", repository: "", examples: [] },
      { total: 24, examples: 0, suffix: 0 },
    );
    assert.match(
      show(ids).replaceAll("|", ""),
      /fimPrefixsecond linelast|fimPrefixsecond line\nlastfimSuffix|fimPrefixlastfimSuffix/,
    );
  });
  it("cuts a long prefix at the same line for many keystrokes, wherever the text begins", () => {
    const code = Array.from({ length: 300 }, (_, i) => `const name${i} = ${i * 7};`).join("\n");
    const cuts = new Set<string>();
    for (let end = 3_000; end < 3_300; end++) {
      const prefix = code.slice(end - 2_900, end);
      const { ids } = buildPrompt(
        { ...tokenizer, fimOrder: "spm" },
        { prefix, suffix: "", path: "f", repository: "", examples: [] },
        { total: 1_600, examples: 0, suffix: 0 },
      );
      assert.ok(ids.length > 1_300 && ids.length <= 1_600);
      const kept = tokenizer.decode(ids.slice(ids.indexOf(tokenizer.special.fimMiddle!) + 1));
      assert.ok(prefix.endsWith(kept));
      cuts.add(kept.slice(0, kept.indexOf("=")));
    }
    // Trimming to the limit line by line would cut at each of the 14 lines typed.
    assert.ok(cuts.size <= 7, [...cuts].join(" "));
  });
  it("leaves out the first examples when not all fit, and says how many it used", () => {
    const examples = ["a", "b", "c"].map((path) => ({ path, text: "z".repeat(20) }));
    const prompt = buildPrompt(
      tokenizer,
      { prefix: "p", suffix: "", path: "f", repository: "", examples },
      { total: 120, examples: 0.5, suffix: 0 },
    );
    assert.equal(prompt.nExamplesUsed, 2);
    assert.ok(!show(prompt.ids).includes("fileSeparator|a"));
  });
  it("takes special tokens in code as text", () => {
    const ids = tokenizer.encode("<|endoftext|>");
    assert.ok(!ids.includes(tokenizer.special.endOfText!));
  });
  it("round-trips text of any script", () => {
    for (const text of ["a  b\n\tc", "déjà vu", "日本語 // 注释", "🙂"])
      assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
  });
});

describe("the model", () => {
  const folder = createTinyModel();
  let model: Model;
  before(async () => (model = await openModel(folder.dir, { threads: 1 })));
  after(async () => {
    await model[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  it("gives the same completion with a cold and a warm cache", async () => {
    const cold = await model.complete(REQUEST, never);
    const warm = await model.complete(REQUEST, never);
    await model.complete({ ...REQUEST, prefix: "let other = " }, never);
    const again = await model.complete(REQUEST, never);
    assert.equal(warm.text, cold.text);
    assert.equal(again.text, cold.text);
    assert.equal(cold.adapter, null);
  });
  it("scores no completion better than its own greedy choice", async () => {
    const greedy = await model.complete({ ...SCORED, maxTokens: 1 }, never);
    assert.equal(greedy.nTokens, 1);
    for (const completion of "abcxyz0({;") {
      const { nats, nTokens } = await model.scoreCompletion(SCORED, completion);
      assert.equal(nTokens, 1);
      assert.ok(nats >= -greedy.meanLogProbability - 1e-5, `${completion} scores ${nats}`);
    }
  });
  it("scores a text as the sum of its tokens, each after the ones before it", async () => {
    const both = await model.scoreCompletion(SCORED, "ab");
    assert.equal(both.nTokens, 2);
    assert.ok(both.nats > (await model.scoreCompletion(SCORED, "a")).nats);
  });
  it("completes the word under the cursor: what it writes begins with what is owed", async () => {
    const half = await model.complete({ ...REQUEST, prefix: "const val", maxTokens: 4 }, never);
    assert.ok(half.nTokens > 0);
    assert.ok(!half.text.startsWith(" val"), half.text);
  });
  it("ends as cancelled when the signal is already aborted", async () => {
    const result = await model.complete(REQUEST, AbortSignal.abort());
    assert.deepEqual([result.finish, result.text, result.nTokens], ["cancelled", "", 0]);
  });
  it("serves requests that arrive together, each with its own answer", async () => {
    const alone = await model.complete({ ...REQUEST, prefix: "b" }, never);
    const [first, second] = await Promise.all([
      model.complete(REQUEST, never),
      model.complete({ ...REQUEST, prefix: "b" }, never),
    ]);
    assert.equal(second.text, alone.text);
    assert.equal(first.text, (await model.complete(REQUEST, never)).text);
  });
  it("refuses a folder without a model", async () => {
    await assert.rejects(openModel("/nonexistent/model", { threads: 1 }), { code: "model-not-found" });
  });
});
