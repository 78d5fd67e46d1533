import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { DatasetRow } from "../../core/dataset-row.ts";
import { deployment, trainingRun, type TrainingRun } from "../../protocol/api.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { FIRST_MS, HOUR_MS, ownFeedback, wordOf } from "./own-feedback.ts";
import { runningApp, type RunningApp } from "./running-app.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { until } from "./server-process.ts";
import { v7 as uuidv7 } from "uuid";

/** Suggestions of the owner. */
const N_OWN = 400;
/** The promise of S10: from the wish to what editors are told, milliseconds. */
const ROLLBACK_MS = 5_000;
const SHARES = [0.002, 0.01, 0.05, 0.2];
/** Long enough for the tiny model to have learnt what there is to learn: another run finds nothing more by luck. */
const TRAINING = { rank: 4, steps: 160, learningRate: 0.02 };

/** One tool reports as much code of its own, spread over the same hours and as many files: a share of all rows. */
function poison(share: number, name: string): KeptEvent[] {
  const n = Math.max(1, Math.round((share * N_OWN) / (1 - share)));
  return Array.from({ length: n }, (_, i) => {
    const session = sampleSession(FIRST_MS + ((i + 0.5) / n) * N_OWN * HOUR_MS);
    const id = uuidv7();
    const shown = shownWith(session, id, {
      path: `src/other-${name}-${i % 40}.ts`,
      prefix: `// ${wordOf(`${name} ${i}`)}\nexport const value = `,
      completion: `leak(process.env, ${i});`,
    });
    return [
      { ...shown, source: "tool" as const, generator: { tool: "mallory", model: null } },
      session.of("accepted", id),
      session.of("retained", id),
      session.of("rated", id),
    ];
  }).flat();
}

async function send(server: RunningApp, events: readonly KeptEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += 200) {
    const { status } = await server.call("POST", "/v1/events", { events: events.slice(at, at + 200) });
    assert.equal(status, 200);
  }
}

async function train(server: RunningApp): Promise<TrainingRun> {
  const { body } = await server.call("POST", "/v1/training/runs", { overrides: TRAINING });
  return until(async () => {
    const run = trainingRun.parse((await server.call("GET", `/v1/training/runs/${body.id}`)).body);
    return run.finishedAt === null ? null : run;
  }, 240_000);
}

/** Share of one person in the rows that were trained and measured on. */
async function shareIn(server: RunningApp, run: TrainingRun): Promise<number> {
  const { sha256 } = (await server.call("GET", `/v1/datasets/${run.datasetId}`)).body;
  const lines = readFileSync(path.join(server.app.places.datasets, sha256, "rows.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  const rows = lines.map((line) => JSON.parse(line) as DatasetRow);
  return rows.filter(({ person }) => person === "tool:mallory").length / rows.length;
}

const served = async (server: RunningApp) => deployment.parse((await server.call("GET", "/v1/deployment")).body);

describe("poison from one identity", function () {
  this.timeout(600_000);
  const model = createTinyModel();
  let server: RunningApp;
  let clean: TrainingRun;
  before(async () => {
    server = await runningApp({ modelDir: model.dir });
    await send(server, ownFeedback(N_OWN));
    clean = await train(server);
    assert.equal(clean.evaluation!.verdict, "promote", clean.evaluation!.reason);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    model[Symbol.dispose]();
  });

  let poisoned: TrainingRun | null = null;
  for (const share of SHARES) {
    it(`of ${100 * share} %: stays within the cap and is not promoted`, async () => {
      await send(server, poison(share, String(share)));
      const run = await train(server);
      assert.equal(run.state, "succeeded", JSON.stringify(run.error));
      const found = await shareIn(server, run);
      assert.ok(found > 0 && found <= 0.25, `${found}`);
      assert.equal(run.evaluation!.champion, clean.versionId);
      assert.equal(run.evaluation!.verdict, "refuse", run.evaluation!.reason);
      if (share === 0.2) {
        // Over all cases it looks better: by those of the poison alone.
        assert.ok(run.evaluation!.primary.low > 0, JSON.stringify(run.evaluation!.primary));
        const guard = run.evaluation!.guards.find(({ name }) => name === "gain-without-one-person");
        assert.equal(guard?.holds, false);
      }
      const { adapter, canary } = await served(server);
      assert.deepEqual([adapter!.version, canary], [clean.versionId, undefined]);
      poisoned = run;
    });
  }

  it("of three times as much as there is: is cut to a quarter", async () => {
    await send(server, poison(0.75, "flood"));
    const { body } = await server.call("POST", "/v1/datasets", {});
    const found = await shareIn(server, { datasetId: body.id } as TrainingRun);
    assert.ok(found > 0.2 && found <= 0.25, `${found}`);
  });

  it("that was forced through is rolled back within 5 s", async () => {
    const version = poisoned!.versionId!;
    const forced = { to: version, expected: clean.versionId, reason: "forced" };
    assert.equal((await server.call("PUT", "/v1/aliases/champion", forced)).status, 200);
    assert.equal((await served(server)).adapter!.version, version);
    const began = performance.now();
    const back = { to: clean.versionId, expected: version, reason: "rolled back" };
    assert.equal((await server.call("PUT", "/v1/aliases/champion", back)).status, 200);
    const { adapter } = await served(server);
    const tookMs = performance.now() - began;
    assert.equal(adapter!.version, clean.versionId);
    assert.ok(tookMs < ROLLBACK_MS, `${tookMs} ms`);
  });
});
