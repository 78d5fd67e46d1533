import type { HistoryPoint } from "../../../core/history-point.ts";
import type { Completion, CompletionRequest } from "../../../engine/generate/completion.ts";
import { createServedExamples } from "../../../engine/process/served-examples.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { newSession } from "../../../server/replay/replay.ts";
import { walkHistory } from "../../../server/replay/walk.ts";
import { aPoint } from "./a-point.ts";
import assert from "node:assert/strict";

const completion = (text: string, nExamplesUsed = 0): Completion => ({
  text,
  finish: "stop",
  meanLogProbability: -0.1,
  nPromptTokens: 10,
  nTokens: 3,
  prefillMs: 2,
  decodeMs: 1,
  adapter: null,
  nExamplesUsed,
});

/** Walks with a model that always answers the same, and collects what it was asked and what was sent. */
async function walk(points: readonly HistoryPoint[], answer: string, signal = new AbortController().signal) {
  const requests: CompletionRequest[] = [];
  const sent: KeptEvent[] = [];
  const served = createServedExamples((text) => Array.from(text, (character) => character.codePointAt(0)!));
  const cases = await walkHistory({
    points,
    root: "/repo",
    repository: "repo",
    complete: async (request, _signal, retrieve) => {
      const found = served.query({ ...request, ...retrieve! }, retrieve!.limit);
      requests.push({ ...request, examples: found });
      return { ...completion(answer, found.length), exampleIds: found.map(({ id }) => id), neighbours: [] };
    },
    addExamples: (examples) => served.take(examples, "add"),
    base: "b",
    send: async (_, events) => void sent.push(...events),
    session: newSession(),
    onPoint: () => {},
    signal,
  });
  return { cases, requests, sent, outcomes: cases.map(({ outcome }) => outcome).join(" ") };
}

describe("history walk", () => {
  it("accepts what was written and rejects the rest", async () => {
    const { outcomes } = await walk([aPoint(), aPoint({ id: "p2", target: "return 0;" })], "return sum(items);");
    assert.equal(outcomes, "accepted rejected");
  });

  it("is silent when the model suggests nothing, and sends nothing", async () => {
    const { outcomes, sent } = await walk([aPoint()], "  \n");
    assert.equal(outcomes, "silent");
    assert.deepEqual(sent, []);
  });

  it("leaves out points where nothing was written", async () => {
    assert.deepEqual((await walk([aPoint({ target: "  \n" })], "x")).cases, []);
  });

  it("shows code as an example only to later commits", async () => {
    const { requests } = await walk(
      [
        aPoint({ id: "p1" }),
        aPoint({ id: "p2", path: "src/other.ts" }),
        aPoint({ id: "p3", commit: "c2", path: "src/late.ts" }),
      ],
      "x",
    );
    assert.deepEqual(
      requests.map(({ examples }) => examples.length > 0),
      [false, false, true],
    );
    assert.ok(requests[2]!.examples.every(({ text }) => text.includes("return sum(items);")));
  });

  it("says with the suggestion which examples and commits it was made with", async () => {
    const { sent } = await walk([aPoint(), aPoint({ id: "p2", commit: "c2", path: "src/late.ts" })], "x");
    const shown = sent.filter((event) => event.kind === "shown").at(-1);
    assert.ok(shown?.kind === "shown");
    assert.deepEqual(
      shown.context.examples.map(({ id, commit }) => [id, commit]),
      [["p1", "c1"]],
    );
  });

  it("keeps secrets of the history from the model, the events and the examples", async () => {
    const secret = `ghp_${"a1B2".repeat(9)}`;
    const leaky = aPoint({ prefix: `const token = "${secret}";\n`, target: `use("${secret}");` });
    const { requests, sent } = await walk([leaky, aPoint({ id: "p2", commit: "c2" })], `use("${secret}");`);
    assert.ok(!JSON.stringify([requests, sent]).includes(secret));
    assert.match(JSON.stringify(sent), /<github-token>/);
  });

  it("asks for a line or a block", async () => {
    const { requests } = await walk([aPoint(), aPoint({ id: "p2", kind: "block", target: "a();\nb();" })], "x");
    assert.deepEqual(
      requests.map(({ lines }) => lines),
      ["single", "block"],
    );
    assert.ok(requests[1]!.maxTokens > requests[0]!.maxTokens);
  });

  it("stops when asked to", async () => {
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    await assert.rejects(walk([aPoint()], "x", stop.signal), /enough/);
  });
});
