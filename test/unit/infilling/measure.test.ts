import { readTasks } from "../../bench/infilling/infilling-task.ts";
import { measureInfilling, requestFor } from "../../bench/infilling/measure.ts";
import type { Completion, CompletionRequest } from "../../../engine/generate/completion.ts";
import assert from "node:assert/strict";

const LIMIT = 9;
const tasks = readTasks();
const answers = new Map(tasks.map((task) => [JSON.stringify(requestFor(task)), task.reference]));

const completion = (text: string): Completion => ({
  text,
  finish: "stop",
  meanLogProbability: 0,
  nPromptTokens: 0,
  nTokens: 0,
  prefillMs: 0,
  decodeMs: 0,
  adapter: null,
  nExamplesUsed: 0,
});

/** A model that knows every reference answer, and one that knows none. */
const allKnowing = (request: CompletionRequest) => completion(answers.get(JSON.stringify(request))!);
const silent = () => completion("");

function check(name: string, answer: (request: CompletionRequest) => Completion, passRate: number): void {
  it(`${name} solves ${passRate * 100} %`, async function () {
    this.timeout(60_000);
    const signal = AbortSignal.timeout(55_000);
    let nRunning = 0;
    let nRunningAtMost = 0;
    const said: string[] = [];
    const measures = await measureInfilling(
      async (request) => {
        nRunningAtMost = Math.max(nRunningAtMost, ++nRunning);
        await Promise.resolve();
        nRunning--;
        return answer(request);
      },
      { limit: LIMIT, signal, say: (line) => said.push(line) },
    );
    assert.equal(measures.nTasks, LIMIT);
    assert.equal(measures.passed, LIMIT * passRate);
    const kinds = Object.values(measures.byKind);
    assert.equal(
      kinds.reduce((sum, kind) => sum + kind.n, 0),
      LIMIT,
    );
    assert.equal(
      kinds.reduce((sum, kind) => sum + kind.passed, 0),
      measures.passed,
    );
    assert.ok(nRunningAtMost <= 2);
    assert.deepEqual(said, [`executable infilling: ${measures.passed} of ${LIMIT} tasks pass`]);
  });
}

describe("measuring the infilling set", () => {
  check("a model that knows the answers", allKnowing, 1);
  check("a model that says nothing", silent, 0);

  it("asks without the answer and for one line where one is missing", () => {
    for (const task of tasks) {
      const request = requestFor(task);
      assert.equal(request.lines, task.kind === "block" ? "block" : "single");
      assert.ok(!request.prefix.endsWith(task.reference) && !request.suffix.includes("runAssertions"));
    }
  });

  it("ends with its signal", async () => {
    const measuring = measureInfilling(async () => silent(), { signal: AbortSignal.abort(), say: () => {} });
    await assert.rejects(measuring, { name: "AbortError" });
  });
});
