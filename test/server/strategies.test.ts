import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";
import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { modelVersionRow, trainingRun, type TrainingRun } from "../../protocol/api.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { runningApp, type RunningApp } from "./running-app.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { runCli, until } from "./server-process.ts";

/** A worker that starts, trains five steps of a tiny model and tests it, on a busy machine. */
const RUN_MS = 200_000;

/** Suggestions that were kept, over as many hours. */
const feedback = (n: number) =>
  Array.from({ length: n }, (_, i) => {
    const session = sampleSession(1_750_000_000_000 + i * 3_600_000);
    const id = uuidv7();
    const prefix = `// place ${i * 7919}\nconst v${i} = `;
    const shown = shownWith(session, id, { path: `src/f${i % 30}.ts`, prefix, completion: `keep(${i});` });
    return [shown, session.of("accepted", id), session.of("retained", id)];
  }).flat();

describe("strategies of a training run", function () {
  this.timeout(RUN_MS);
  const model = createTinyModel();
  let server: RunningApp;
  before(async () => {
    server = await runningApp({ modelDir: model.dir });
    const { status } = await server.call("POST", "/v1/events", { events: feedback(120) });
    assert.equal(status, 200);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    model[Symbol.dispose]();
  });

  const ended = (id: string): Promise<TrainingRun> =>
    until(async () => {
      const run = trainingRun.parse((await server.call("GET", `/v1/training/runs/${id}`)).body);
      return run.finishedAt === null ? null : run;
    }, RUN_MS);
  const trained = async (request: object): Promise<TrainingRun> => {
    const overrides = { steps: 5, learningRate: 0.01 };
    const { status, body } = await server.call("POST", "/v1/training/runs", { ...request, overrides });
    assert.equal(status, 202, JSON.stringify(body));
    return ended(body.id);
  };

  it("in-context trains nothing, and has ended at once", async () => {
    const { body } = await server.call("POST", "/v1/training/runs", { strategy: "in-context" });
    const run = trainingRun.parse(body);
    assert.deepEqual([run.strategy, run.state, run.versionId], ["in-context", "succeeded", null]);
  });

  for (const strategy of ["top-layers", "full"] as const) {
    it(`${strategy} ends with a tested model, which is exported and not pushed to editors`, async () => {
      const run = await trained({ strategy });
      assert.deepEqual([run.strategy, run.state], [strategy, "succeeded"], JSON.stringify(run.error));
      assert.equal(run.evaluation!.challenger, run.versionId);
      assert.ok(run.evaluation!.cases > 0 && run.trainLoss!.last < run.trainLoss!.first);
      const losses = run.evaluation!.heldOutLoss;
      assert.notEqual(losses.challenger, losses.champion, "it was the trained model that was tested");
      const version = modelVersionRow.parse((await server.call("GET", `/v1/models/${run.versionId}`)).body);
      assert.deepEqual(version.aliases, []);
      const move = { to: version.id, expected: null };
      const refused = await server.call("PUT", "/v1/aliases/champion", move);
      assert.deepEqual([refused.status, refused.body.code], [409, "not-an-adapter"]);

      const out = path.join(mkdtempSync(path.join(os.tmpdir(), "kept-strategies-")), "model");
      try {
        const args = ["--data-dir", path.join(server.dir, "data"), "models", "export", version.id, "--out", out];
        const exported = await runCli(args);
        assert.equal(exported.code, 0, exported.stderr);
        assert.ok(existsSync(path.join(out, "tokenizer.json")));
        assert.equal(loadCheckpoint(out).config.tiedHead, strategy === "full");
      } finally {
        rmSync(path.dirname(out), { recursive: true });
      }
    });
  }

  it("torch without its Python ends with what to do", async () => {
    const before = { python: process.env["KEPT_PYTHON"], cache: process.env["XDG_CACHE_HOME"] };
    process.env["KEPT_PYTHON"] = "";
    process.env["XDG_CACHE_HOME"] = server.dir;
    try {
      const run = await trained({ strategy: "lora", backend: "torch" });
      assert.equal(run.state, "failed");
      assert.equal(run.error!.code, "python-missing");
      assert.match(run.error!.message, /`kept train start --backend torch` in a terminal installs it/);
    } finally {
      for (const [name, value] of Object.entries({ KEPT_PYTHON: before.python, XDG_CACHE_HOME: before.cache }))
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
    }
  });

  it("are what the schedule starts, where it is told so", async () => {
    const kept = (...args: string[]) => runCli(["--data-dir", path.join(server.dir, "data"), "schedule", ...args]);
    const set = await kept("set", "--strategy", "in-context", "--backend", "torch", "--json");
    assert.equal(set.code, 0, set.stderr);
    const { settings, decision } = (await server.call("GET", "/v1/schedule")).body;
    assert.deepEqual([settings.strategy, settings.backend], ["in-context", "torch"]);
    assert.deepEqual(decision, { kind: "rest", reason: "off" });
    assert.equal((await kept("set", "--strategy", "everything")).code, 2);
  });
});
