import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { trainingRun, type TrainingRun } from "../../../protocol/api.ts";
import { describeRunInMarkdown, outcomeOf, tellJob } from "../../../server/models/run-report.ts";
import { tempFolder } from "../../server/temp-folder.ts";

const run = (over: Partial<TrainingRun> = {}): TrainingRun =>
  trainingRun.parse({
    id: "run-1",
    strategy: "lora",
    state: "succeeded",
    stage: "done",
    createdAt: "2026-11-01T00:00:00Z",
    finishedAt: "2026-11-01T00:10:00Z",
    datasetId: "d1",
    versionId: "v1",
    error: null,
    trainLoss: { first: 2, last: 1.5 },
    evaluation: {
      id: "e",
      challenger: "v1",
      champion: "base",
      cases: 40,
      acceptedAtLine: { challenger: 0.2, champion: 0.1 },
      editSimilarity: { challenger: 0.5, champion: 0.4 },
      heldOutLoss: { challenger: 1.2, champion: 1.5 },
      primary: { metric: "held-out-loss", difference: 0.3, low: 0.1, high: 0.5, confidence: 0.9, resamples: 4000 },
      guards: [{ name: "latency", holds: false, detail: "<b>slow</b> | twice\nas slow" }],
      verdict: "refuse",
      reason: "Guard failed: latency",
    },
    ...over,
  });

describe("the report of a run", () => {
  it("has the interval, the measures and the guards", () => {
    const text = describeRunInMarkdown("team", run());
    assert.match(text, /^## team: refused by the gate\n/);
    assert.match(text, /better by \*\*\+0\.3000\*\*, 90 % interval \+0\.1000 to \+0\.5000/);
    assert.match(text, /\| accepted@line \| 0\.200 \| 0\.100 \|/);
  });

  it("lets no text be taken for Markdown or HTML", () => {
    const text = describeRunInMarkdown("te|am\n# more", run());
    assert.match(text, /\| latency \| \*\*no\*\* \| &lt;b>slow&lt;\/b> \\\| twice as slow \|/);
    assert.match(text, /^## te\\\|am \\# more: /);
  });

  for (const [outcome, over] of [
    ["won", { evaluation: { ...run().evaluation!, verdict: "promote" as const } }],
    ["refused", {}],
    ["nothing", { state: "failed", error: { code: "nothing-to-learn", message: "Nothing." } }],
    ["failed", { state: "failed", error: { code: "worker-failed", message: "It ended." } }],
    ["cancelled", { state: "cancelled" }],
  ] as const) {
    it(`knows what ${outcome} is`, () => assert.equal(outcomeOf(run(over)), outcome));
  }

  it("goes to the job where there is one, and a value has one line", async () => {
    await using folder = await tempFolder();
    const env = { GITHUB_STEP_SUMMARY: path.join(folder.dir, "s"), GITHUB_OUTPUT: path.join(folder.dir, "o") };
    tellJob(env, "## A", { outcome: "won", version: "v1\nevil=1" });
    assert.equal(readFileSync(env.GITHUB_STEP_SUMMARY, "utf8"), "## A\n");
    assert.equal(readFileSync(env.GITHUB_OUTPUT, "utf8"), "outcome=won\nversion=v1 evil=1\n");
    tellJob({}, "## A", {});
  });
});
