import assert from "node:assert/strict";
import fc from "fast-check";
import type { CompletionRequest } from "../../../engine/generate/completion.ts";
import { createDraft } from "../../../engine/generate/draft.ts";
import { openModel, type Model } from "../../../engine/generate/model.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const never = new AbortController().signal;
const REQUEST: CompletionRequest = {
  prefix: "let a = b;\nlet c = b;\nlet ",
  suffix: "",
  path: "a.ts",
  repository: "demo",
  examples: [],
  maxTokens: 24,
  lines: "block",
};

/** Code in which the same few words come again and again, so that guesses are right and wrong. */
const repetitive = fc
  .array(fc.constantFrom("let ", "a", "b", " = ", "(", ")", ";\n", "  ", "foo", "{\n", "}\n", "0"), { maxLength: 24 })
  .map((words) => words.join(""));
const requests = fc.record({
  prefix: repetitive,
  suffix: fc.oneof(fc.constant(""), repetitive),
  maxTokens: fc.integer({ min: 1, max: 40 }),
  lines: fc.constantFrom("single" as const, "block" as const),
});

describe("a draft", () => {
  const check = (prompt: readonly number[], generated: readonly number[], expected: readonly number[], limit = 9) =>
    assert.deepEqual(createDraft(prompt).propose(generated, limit), expected);
  it("is what followed the same tokens before", () => check([1, 2, 3, 4, 5, 6, 9, 1, 2], [3], [4, 5, 6]));
  it("is taken from the latest place", () => check([1, 2, 3, 4, 1, 2, 3, 5, 9, 9, 1, 2], [3], [5, 9, 9]));
  it("may come from what was generated", () => check([7], [1, 2, 3, 8, 1, 2, 3], [8, 1, 2]));
  it("keeps to its limit", () => check([1, 2, 3, 4, 5, 6, 1, 2], [3], [4], 1));
  it("is empty without a match of three tokens", () => check([2, 3, 4, 5, 9], [2, 3], []));
  it("is empty before anything stands", () => check([], [1], []));
  it("grows while it is right, and shrinks when it is wrong", () => {
    const draft = createDraft(Array.from({ length: 60 }, (_, i) => i % 20));
    const lengths = [3, 0, 0, 0].map((nRight) => {
      const { length } = draft.propose([], 99);
      draft.learn(nRight);
      return length;
    });
    assert.deepEqual(lengths, [3, 6, 3, 1]);
  });
});

describe("decoding", () => {
  const folder = createTinyModel();
  let plain: Model;
  let model: Model;
  before(async () => {
    plain = await openModel(folder.dir, { threads: 1, speculation: "none" });
    model = await openModel(folder.dir, { threads: 1 });
  });
  after(async () => {
    await plain[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  it("writes with guesses what it writes without them", () =>
    fc.assert(
      fc.asyncProperty(requests, async (drawn) => {
        const request = { ...REQUEST, ...drawn };
        const expected = await plain.complete(request, never);
        const actual = await model.complete(request, never);
        assert.deepEqual(
          [actual.text, actual.finish, actual.nTokens],
          [expected.text, expected.finish, expected.nTokens],
        );
        assert.ok(Math.abs(actual.meanLogProbability - expected.meanLogProbability) < 1e-4);
      }),
      { numRuns: 60 },
    ));

  it("writes the same whatever was read before: typing on, deleting, accepting", async () => {
    const steps = ["let a = ", "let a = b", "let a = b;\n", "let a = b;\nle", "let a = ", "", "let a = b;\nlet c"];
    for (const prefix of steps) {
      const fresh = await openModel(folder.dir, { threads: 1 });
      const expected = await fresh.complete({ ...REQUEST, prefix }, never);
      assert.equal((await model.complete({ ...REQUEST, prefix }, never)).text, expected.text, prefix);
      await fresh[Symbol.asyncDispose]();
    }
  });

  it("tells the text after each token, and the whole of it last", async () => {
    const told: string[] = [];
    const { text } = await model.complete(REQUEST, never, { onText: (part) => told.push(part) });
    assert.ok(told.length > 1);
    assert.ok(told.at(-1)!.startsWith(text) || text.startsWith(told.at(-1)!.trimEnd()), `${told.at(-1)} and ${text}`);
    for (const [i, part] of told.entries())
      if (i > 0) assert.ok(part.startsWith(told[i - 1]!) || part.length <= told[i - 1]!.length);
  });

  it("offers different candidates, the most probable first, with the greedy one among them", async () => {
    const request = { ...REQUEST, prefix: "foo\nbar\n", suffix: "\n}", maxTokens: 6 };
    const greedy = await model.complete(request, never);
    const candidates = await model.candidates(request, 4, never);
    assert.ok(candidates.length > 1 && candidates.length <= 4);
    assert.equal(new Set(candidates.map(({ text }) => text)).size, candidates.length);
    assert.ok(candidates.some(({ text }) => text === greedy.text));
    const scores = candidates.map(({ meanLogProbability }) => meanLogProbability);
    assert.deepEqual(
      scores,
      scores.toSorted((a, b) => b - a),
    );
    assert.deepEqual(
      (await model.candidates(request, 4, never)).map(({ text }) => text),
      candidates.map(({ text }) => text),
    );
  });

  it("offers nothing when it is cancelled, and goes on as before", async () => {
    const expected = await model.complete(REQUEST, never);
    assert.deepEqual(await model.candidates(REQUEST, 3, AbortSignal.abort()), []);
    const controller = new AbortController();
    const ended = await model.complete(REQUEST, controller.signal, { onText: () => controller.abort() });
    assert.deepEqual([ended.finish, ended.text, ended.nTokens], ["cancelled", "", 1]);
    assert.equal((await model.complete(REQUEST, never)).text, expected.text);
  });

  it("serves only the newest of the waiting requests that say so", async () => {
    const ask = (prefix: string) => model.complete({ ...REQUEST, prefix }, never, { turn: "latest" });
    const asked = [model.complete(REQUEST, never), ask("a\n"), ask("b\n"), model.complete(REQUEST, never), ask("c\n")];
    const ended = (await Promise.all(asked)).map(({ finish }) => finish === "cancelled");
    assert.deepEqual(ended, [false, true, true, false, false]);
  });
});
