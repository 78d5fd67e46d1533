import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathComment } from "../../../engine/generate/path-comment.ts";
import { openModel } from "../../../engine/generate/model.ts";
import { checkpointFixtures } from "../../support/checkpoint-fixture.ts";
import { sentencePieceTokenizer, writeTokenizer, type SmallTokenizer } from "../../support/small-tokenizer.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const REQUEST = {
  prefix: "let a = [1, 2];\nlet b",
  suffix: "return a;\n",
  path: "src/a.ts",
  repository: "",
  examples: [],
  maxTokens: 6,
  lines: "single",
} as const;

describe("a model without fill-in-the-middle tokens", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-left-to-right-"));
  after(() => rmSync(dir, { recursive: true, force: true }));
  const notices: (Error & { code?: string })[] = [];
  const listen = (warning: Error) => notices.push(warning);
  before(() => process.on("warning", listen));
  after(() => process.off("warning", listen));

  async function check(folder: string): Promise<void> {
    await using model = await openModel(folder, { threads: 1 });
    assert.equal(model.info.fillInTheMiddle, "none");
    const completion = await model.complete(REQUEST, AbortSignal.timeout(30_000));
    assert.notEqual(completion.finish, "cancelled");
    assert.ok(completion.nTokens > 0);
    const offered = await model.candidates(REQUEST, 3, AbortSignal.timeout(30_000));
    assert.ok(offered.every(({ text, nTokens }) => text !== "" && nTokens > 0));
    const other = await model.complete({ ...REQUEST, suffix: "x\n".repeat(50) }, AbortSignal.timeout(30_000));
    assert.equal(other.nPromptTokens, completion.nPromptTokens);
    const { nats, nTokens } = await model.scoreCompletion(REQUEST, " = a;");
    assert.ok(nats > 0 && nTokens > 0);
    // Warnings arrive on the next turn.
    await new Promise(setImmediate);
    const said = notices.filter(({ code }) => code === "no-fill-in-the-middle");
    assert.equal(said.length, 1);
    assert.match(said[0]!.message, /does not see what follows the cursor/);
  }
  beforeEach(() => notices.splice(0));

  for (const { name, dir: fixture } of checkpointFixtures().filter(({ name }) => !name.endsWith("-window")))
    it(`completes from left to right: ${name}`, async () => {
      const folder = path.join(dir, name);
      cpSync(fixture, folder, { recursive: true });
      const file = path.join(folder, "tokenizer.json");
      const definition = JSON.parse(readFileSync(file, "utf8")) as SmallTokenizer;
      definition.added_tokens = definition.added_tokens.slice(0, 1);
      // The model has these ids all the same: they are words now.
      const vocab = Object.entries(definition.model.vocab);
      definition.model.vocab = Object.fromEntries(
        vocab.map(([token, id]) => [token.replace(/^<\|(.+_.+)\|>$/, "$1"), id]),
      );
      writeFileSync(file, JSON.stringify(definition));
      await check(folder);
    });
  it("completes with a tokenizer from SentencePiece, after its start of text", async () => {
    using tiny = createTinyModel();
    const definition = sentencePieceTokenizer([]);
    // As many tokens as the model has.
    definition.model.vocab = Object.fromEntries(Object.entries(definition.model.vocab).slice(0, 263));
    definition.model.merges = [];
    writeTokenizer(tiny.dir, definition);
    await check(tiny.dir);
  });
  it("is not what the notice is about when it can fill in", async () => {
    using tiny = createTinyModel();
    await using model = await openModel(tiny.dir, { threads: 1 });
    assert.equal(model.info.fillInTheMiddle, "qwen2.5-coder");
    await new Promise(setImmediate);
    assert.deepEqual(notices, []);
  });
  it("is told of files in comments of their language", () => {
    const comments = ["a.ts", "src/a.py", "Makefile", "a.sql", "a.html", "a.CSS", "x/.gitignore", "b.ml"].map(
      pathComment,
    );
    assert.deepEqual(comments, [
      "// a.ts",
      "# src/a.py",
      "# Makefile",
      "-- a.sql",
      "<!-- a.html -->",
      "/* a.CSS */",
      "# x/.gitignore",
      "(* b.ml *)",
    ]);
  });
});
