import { LINE_FEATURES } from "../../../engine/generate/line-choice.ts";
import { openModel, type Model } from "../../../engine/generate/model.ts";
import { createCodeMemory } from "../../../engine/generate/code-memory.ts";
import type { RepositoryMemory } from "../../../engine/generate/generator.ts";
import { createLineIndex } from "../../../engine/retrieve/line-index.ts";
import { createTinyModel } from "../../support/tiny-model.ts";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";

const never = new AbortController().signal;
const REQUEST = {
  prefix: 'app.get("/users", list);\n  const por',
  suffix: "\n",
  path: "b.ts",
  repository: "demo",
  examples: [],
  maxTokens: 24,
  lines: "single",
} as const;

/** A model that takes what is remembered, or what it wrote, whatever the lines are. */
const withWeights = (taken: "remembered" | "written") => {
  const folder = createTinyModel();
  const weights = Array.from({ length: LINE_FEATURES }, (_, i) => (i === (taken === "written" ? 2 : 8) ? 1_000 : 0));
  writeFileSync(path.join(folder.dir, "generation_config.json"), JSON.stringify({ line_choice_weights: weights }));
  return folder;
};

function memoryOf(...texts: readonly string[]): RepositoryMemory {
  const memory = { tokens: createCodeMemory(), lines: createLineIndex() };
  for (const [i, text] of texts.entries()) memory.lines.add(`example ${i}`, text, "a.ts");
  return memory;
}

describe("remembered lines", () => {
  const folders = { remembered: withWeights("remembered"), written: withWeights("written") };
  let remembering: Model;
  let writing: Model;
  before(async () => {
    remembering = await openModel(folders.remembered.dir, { threads: 1 });
    writing = await openModel(folders.written.dir, { threads: 1 });
  });
  after(async () => {
    await remembering[Symbol.asyncDispose]();
    await writing[Symbol.asyncDispose]();
    for (const folder of Object.values(folders)) folder[Symbol.dispose]();
  });
  const memory = memoryOf("other();\nconst x = 1;", 'app.get("/users", show);\nconst port = 80;');

  it("take the place of what the model wrote, and say where they are from", async () => {
    const { text, copiedFrom, finish } = await remembering.complete(REQUEST, never, { memory });
    assert.deepEqual([text, copiedFrom, finish], ["t = 80;", "example 1", "stop"]);
  });

  it("are left where what the model wrote is better, or nothing is remembered", async () => {
    const alone = await writing.complete(REQUEST, never);
    const { text, copiedFrom } = await writing.complete(REQUEST, never, { memory });
    assert.deepEqual([text, copiedFrom], [alone.text, undefined]);
    assert.equal((await remembering.complete(REQUEST, never, { memory: memoryOf() })).copiedFrom, undefined);
  });

  it("begin a block that goes on from them", async () => {
    const request = { ...REQUEST, prefix: 'app.get("/users", list);\n', lines: "block" } as const;
    const { text, copiedFrom } = await remembering.complete(request, never, { memory });
    assert.equal(copiedFrom, "example 1");
    assert.equal(text.split("\n")[0], "const port = 80;");
  });

  it("are not offered where they would only repeat the line above", async () => {
    const again = memoryOf("open();\nrun();");
    const request = { ...REQUEST, prefix: "open();\nrun();\nopen();\nrun();\n  ru" };
    assert.notEqual((await remembering.complete(request, never, { memory: again })).text, "n();");
  });

  it("change nothing of a request that was cancelled", async () => {
    const stop = new AbortController();
    const result = remembering.complete(REQUEST, stop.signal, { memory, onText: () => stop.abort() });
    assert.deepEqual([(await result).finish, (await result).text], ["cancelled", ""]);
  });
});
