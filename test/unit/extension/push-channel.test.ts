import { readPushChannel } from "../../../extension/sync/push-channel.ts";
import { createBackoff } from "../../../extension/sync/backoff.ts";
import { patchProposedApi } from "../../support/vscode/stock-api-patch.ts";
import { startProvingServer } from "../../support/server/proving-server.ts";
import assert from "node:assert/strict";
import { runInNewContext } from "node:vm";

describe("push channel", () => {
  /** The values that arrive when the server sends exactly these chunks and ends. */
  async function heard(chunks: readonly (string | Buffer)[], status = 200): Promise<string[]> {
    await using server = await startProvingServer((_request, response) => {
      response.writeHead(status, { "content-type": "text/event-stream" });
      for (const chunk of chunks) response.write(chunk);
      response.end();
    });
    const found: string[] = [];
    await readPushChannel(
      server.connection,
      {
        examples: ({ revision }) => found.push(`examples ${revision}`),
        suggestion: ({ id }) => found.push(`suggestion ${id}`),
      },
      () => found.push("open"),
      AbortSignal.timeout(10_000),
    );
    return found;
  }

  it("hears events", async () => {
    assert.deepEqual(await heard(['id: 1\nevent: examples\ndata: {"revision":4}\n\n']), ["open", "examples 4"]);
  });
  it("hears an event that arrives in pieces, even inside a character", async () => {
    const bytes = Buffer.from('event: suggestion\ndata: {"id":"é"}\n\n');
    assert.deepEqual(await heard([bytes.subarray(0, 32), bytes.subarray(32)]), ["open", "suggestion é"]);
  });
  it("passes over comments, unknown events and values that do not parse", async () => {
    const chunks = [
      ": kept\n\n",
      "event: weather\ndata: {}\n\n",
      "event: examples\ndata: {\n\n",
      'event: examples\ndata: {"revision":"x"}\n\n',
      'event: examples\ndata: {"revision":5}\n\n',
    ];
    assert.deepEqual(await heard(chunks), ["open", "examples 5"]);
  });
  it("fails when it is refused", async () => {
    await assert.rejects(heard([], 429), /429/);
  });
});

describe("back-off", () => {
  it("doubles up to its longest wait, with half of it random", () => {
    const waits = (random: number) => {
      const backoff = createBackoff(100, 1_000, () => random);
      return Array.from({ length: 6 }, () => backoff.next());
    };
    assert.deepEqual(waits(1), [100, 200, 400, 800, 1_000, 1_000]);
    assert.deepEqual(waits(0), [50, 100, 200, 400, 500, 500]);
  });
  it("begins again after a reset", () => {
    const backoff = createBackoff(100, 1_000, () => 1);
    backoff.next();
    backoff.next();
    backoff.reset();
    assert.equal(backoff.next(), 100);
  });
});

describe("stock answers for proposed interfaces", () => {
  it("patches the function that always says yes", () => {
    const bundle = 'function Oe(i,t){return!0}function other(a,b){return!0}x=Oe(e,"inlineCompletionsAdditions");';
    const patched = patchProposedApi(bundle);
    const questions = 'Oe({}, "p"), Oe({ enabledApiProposals: ["p"] }, "p"), Oe(null, "p"), other()';
    const answers: unknown = runInNewContext(`let x, e = {}; ${patched} JSON.stringify([${questions}])`);
    assert.equal(answers, "[false,true,false,true]");
  });
  it("refuses a bundle in which nothing is to be patched", () => {
    assert.throws(() => patchProposedApi("function a(b,c){return b}"), /not found/);
  });
});
