import assert from "node:assert/strict";
import { startEngineProcess, type EngineProcess } from "../../../engine/process/host.ts";
import { ENGINE_ENTRY as entry, STATEMENT_REQUEST } from "../../support/engine-request.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const never = new AbortController().signal;
const REQUEST = { ...STATEMENT_REQUEST, prefix: "foo\nbar\n", suffix: "\n}", maxTokens: 12 };

describe("requests to the engine process", function () {
  this.timeout(60_000);

  const folder = createTinyModel();
  let engine: EngineProcess;
  before(async () => (engine = await startEngineProcess({ entry, modelDir: folder.dir, threads: 1 })));
  after(async () => {
    engine[Symbol.dispose]();
    await engine.exited;
    folder[Symbol.dispose]();
  });

  it("are streamed on demand, token by token, before they are answered", async () => {
    const told: string[] = [];
    const completion = await engine.complete(REQUEST, never, undefined, { onText: (text) => told.push(text) });
    assert.ok(told.length > 1 && told.length <= completion.nTokens);
    assert.ok(told.at(-1)!.startsWith(completion.text));
    assert.equal((await engine.complete(REQUEST, never)).text, completion.text);
  });

  it("offer several candidates, the greedy one among them", async () => {
    const greedy = await engine.complete(REQUEST, never);
    const candidates = await engine.candidates(REQUEST, 3, never);
    assert.ok(candidates.length > 1 && candidates.length <= 3);
    assert.ok(candidates.some(({ text }) => text === greedy.text));
    assert.ok(candidates.every(({ exampleIds }) => exampleIds.length === 0));
  });

  it("offer no candidates when they are cancelled", async () => {
    const controller = new AbortController();
    const pending = engine.candidates({ ...REQUEST, maxTokens: 100 }, 8, controller.signal);
    controller.abort();
    assert.deepEqual(await pending, []);
  });

  it("may give way to the newest, which is always answered", async () => {
    const ask = (prefix: string) => engine.complete({ ...REQUEST, prefix }, never, undefined, { turn: "latest" });
    const answers = await Promise.all(["a\n", "b\n", "c\n", REQUEST.prefix].map(ask));
    assert.equal(answers.at(-1)!.text, (await engine.complete(REQUEST, never)).text);
  });

  it("leave a cache that the next one can use when they are cancelled", async () => {
    const long = { ...REQUEST, prefix: "const value = other;\n".repeat(8) };
    const expected = await engine.complete(long, never);
    for (let round = 0; round < 5; round++) {
      await engine.complete({ ...REQUEST, prefix: `let x${round} = 1;\n` }, never);
      const controller = new AbortController();
      const pending = engine.complete(long, controller.signal);
      controller.abort();
      await pending;
      assert.equal((await engine.complete(long, never)).text, expected.text);
    }
  });
});
