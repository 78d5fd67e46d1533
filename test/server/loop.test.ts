import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { KeptEvent } from "../../protocol/events.ts";
import { deployment, modelPage, runCurve, trainingRun, why, type TrainingRun } from "../../protocol/api.ts";
import { runSamples } from "../../protocol/samples.ts";
import { feedback } from "./idiom-feedback.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { runningApp, type RunningApp } from "./running-app.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { runCli, startServerProcess, until } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import { v7 as uuidv7 } from "uuid";

/** A history of a few commits, older than all feedback. */
function smallRepository(dir: string): void {
  const env = { ...process.env, GIT_AUTHOR_DATE: "2020-01-01T00:00:00Z", GIT_COMMITTER_DATE: "2020-01-01T00:00:00Z" };
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", "-C", dir, ...args], { env });
  git("init", "-q");
  for (let i = 0; i < 3; i++) {
    appendFileSync(path.join(dir, "sum.ts"), `export function add${i}(left: number) {\n  return left + ${i};\n}\n`);
    git("add", ".");
    git("commit", "-qm", `Add ${i}`);
  }
}

async function finishedRun(server: RunningApp, id: string): Promise<TrainingRun> {
  return until(async () => {
    const run = trainingRun.parse((await server.call("GET", `/v1/training/runs/${id}`)).body);
    return run.finishedAt === null ? null : run;
  }, 240_000);
}

async function send(server: RunningApp, events: readonly KeptEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += 100) {
    const { status } = await server.call("POST", "/v1/events", { events: events.slice(at, at + 100) });
    assert.equal(status, 200);
  }
}

describe("the loop with an untrained model", function () {
  this.timeout(280_000);
  const model = createTinyModel();
  let server: RunningApp;
  let run: TrainingRun;
  before(async () => {
    server = await runningApp({ modelDir: model.dir });
    await send(server, feedback(260));
    const { status, body } = await server.call("POST", "/v1/training/runs", {
      overrides: { rank: 4, steps: 40, learningRate: 0.02 },
    });
    assert.equal(status, 202);
    assert.equal(trainingRun.parse(body).state, "queued");
    run = await finishedRun(server, body.id);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    model[Symbol.dispose]();
  });

  it("ends with a dataset, a version, an evaluation and a verdict", () => {
    assert.equal(run.state, "succeeded", JSON.stringify(run.error));
    assert.equal(run.stage, "done");
    assert.notEqual(run.datasetId, null);
    assert.equal(run.evaluation!.challenger, run.versionId);
    assert.equal(run.evaluation!.champion, "base");
    assert.equal(run.evaluation!.cases >= 20, true);
    assert.equal(run.trainLoss!.last < run.trainLoss!.first, true);
  });

  it("promotes an adapter that has learned the idiom, and serves its files", async () => {
    assert.equal(run.evaluation!.verdict, "promote", run.evaluation!.reason);
    const { base, adapter } = deployment.parse((await server.call("GET", "/v1/deployment")).body);
    assert.match(base, /^[0-9a-f]{64}$/);
    assert.equal(adapter!.version, run.versionId);
    for (const { sha256, bytes } of adapter!.files) {
      const answer = await fetch(`${server.url}/v1/files/${sha256}`, {
        headers: { Authorization: `Bearer ${server.app.token}` },
      });
      const content = Buffer.from(await answer.arrayBuffer());
      assert.equal(content.length, bytes);
      assert.equal(createHash("sha256").update(content).digest("hex"), sha256);
    }
  });

  it("lets the adapter count as much as does good, and says so in its verdict, its files and its manifest", async () => {
    const guard = run.evaluation!.guards.find(({ name }) => name === "forgetting")!;
    const { hyperParameters } = (await server.call("GET", `/v1/models/${run.versionId}/config`)).body;
    const { rank, alpha, scale } = hyperParameters as Record<string, number>;
    assert.equal(guard.holds, true);
    assert.match(guard.detail, new RegExp(`the adapter counts ${scale} times what was trained$`));
    const shown = await runCli(["--data-dir", server.app.places.dataDir, "train", "show", run.id]);
    assert.ok(shown.stdout.includes(`holds: ${guard.detail}`), shown.stdout + shown.stderr);
    const { adapter } = deployment.parse((await server.call("GET", "/v1/deployment")).body);
    const { sha256 } = adapter!.files.find(({ name }) => name === "adapter_config.json")!;
    const headers = { Authorization: `Bearer ${server.app.token}` };
    const config = await (await fetch(`${server.url}/v1/files/${sha256}`, { headers })).json();
    assert.equal(config.r, rank);
    assert.ok(Math.abs(config.lora_alpha - alpha! * scale!) < 1e-9);
  });

  it("keeps the curve of every step", async () => {
    const { points } = runCurve.parse((await server.call("GET", `/v1/training/runs/${run.id}/curve`)).body);
    assert.equal(points.length > 0, true);
    assert.equal(points.at(-1)!.step <= points.at(-1)!.totalSteps, true);
    points.forEach(({ step }, i) => assert.equal(i === 0 || step > points[i - 1]!.step, true));
  });

  it("keeps five places of its test, with what was written there before and after, for the page and the terminal", async () => {
    const { samples } = runSamples.parse((await server.call("GET", `/v1/training/runs/${run.id}/samples`)).body);
    assert.equal(samples.length, 5);
    assert.ok(samples.some(({ challenger, champion }) => challenger.text !== champion.text));
    for (const { kept, challenger } of samples)
      assert.equal(challenger.accepted, challenger.text.split("\n", 1)[0]!.trimEnd() === kept);
    const { code, stdout } = await runCli(["--data-dir", server.app.places.dataDir, "train", "show"]);
    assert.equal(code, 0);
    assert.equal(stdout.match(/^place +\S+\.\w+$/gm)?.length, 5, stdout);
    assert.match(stdout, /^after +\S/m);
  });

  it("lists the version with its aliases and its evaluation", async () => {
    const { models } = modelPage.parse((await server.call("GET", "/v1/models")).body);
    assert.deepEqual(models[0]!.aliases, ["candidate", "champion"]);
    assert.equal(models[0]!.evaluation!.id, run.evaluation!.id);
  });

  it("says why of a later suggestion: the adapter, its dataset and its run", async () => {
    const session = sampleSession();
    const id = uuidv7();
    await send(server, [shownWith(session, id, { adapter: run.versionId })]);
    const answer = why.parse((await server.call("GET", `/v1/suggestions/${id}/why`)).body);
    assert.deepEqual(
      [answer.adapter!.version, answer.adapter!.run, answer.adapter!.dataset],
      [run.versionId, run.id, run.datasetId],
    );
    assert.equal(answer.adapter!.trainedOn > 100, true);
  });

  it("says that another adapter is no better than the one just promoted, and keeps that one", async () => {
    const { body } = await server.call("POST", "/v1/training/runs", {
      overrides: { rank: 2, steps: 1, learningRate: 1e-6 },
    });
    const second = await finishedRun(server, body.id);
    assert.equal(second.evaluation!.champion, run.versionId);
    assert.equal(second.evaluation!.verdict, "refuse");
    const now = deployment.parse((await server.call("GET", "/v1/deployment")).body);
    assert.equal(now.adapter!.version, run.versionId);
  });

  it("rolls back to the base model", async () => {
    const { status } = await server.call("PUT", "/v1/aliases/champion", { to: null, expected: run.versionId });
    assert.equal(status, 200);
    assert.equal(deployment.parse((await server.call("GET", "/v1/deployment")).body).adapter, null);
  });
});

describe("the loop with the base model", function () {
  this.timeout(240_000);

  it("learns from feedback and from a repository's history, and comes to a verdict", async () => {
    await using server = await runningApp({ modelDir: path.resolve(import.meta.dirname, "../../models/base") });
    await using folder = await tempFolder();
    smallRepository(folder.dir);
    await send(server, feedback(230));
    const { body } = await server.call("POST", "/v1/training/runs", {
      workspaces: [folder.dir],
      overrides: { rank: 4, steps: 2 },
    });
    const run = await finishedRun(server, body.id);
    assert.equal(run.state, "succeeded", JSON.stringify(run.error));
    const dataset = (await server.call("GET", `/v1/datasets/${run.datasetId}`)).body;
    assert.equal(dataset.sources.feedback > 0 && dataset.sources.history > 0, true);
    const { heldOutLoss, cases, verdict } = run.evaluation!;
    assert.equal(cases > 0, true);
    // A trained model is far from guessing bytes or tokens at random.
    assert.equal(heldOutLoss.champion < 9 && heldOutLoss.champion > 0, true);
    const { adapter } = deployment.parse((await server.call("GET", "/v1/deployment")).body);
    assert.equal(adapter?.version ?? null, verdict === "promote" ? run.versionId : null);
  });
});

describe("runs that do not end well", function () {
  this.timeout(120_000);
  const model = createTinyModel();
  after(() => model[Symbol.dispose]());

  it("there is nothing to learn from: the run fails and says so", async () => {
    await using server = await runningApp({ modelDir: model.dir });
    const { body } = await server.call("POST", "/v1/training/runs", {});
    const run = await finishedRun(server, body.id);
    assert.equal(run.state, "failed");
    assert.equal(run.error!.code, "nothing-to-learn");
  });

  it("a workspace without a repository: the run fails and names the reason", async () => {
    await using server = await runningApp({ modelDir: model.dir });
    const { body } = await server.call("POST", "/v1/training/runs", { workspaces: [server.dir] });
    const run = await finishedRun(server, body.id);
    assert.equal(run.state, "failed");
    assert.equal(run.error!.code, "git-failed");
  });

  it("a cancelled run ends its worker, and the next one runs", async () => {
    await using server = await runningApp({ modelDir: model.dir });
    await send(server, feedback(60));
    const { body } = await server.call("POST", "/v1/training/runs", { overrides: { rank: 2, steps: 100_000 } });
    await until(async () => {
      const { points } = runCurve.parse((await server.call("GET", `/v1/training/runs/${body.id}/curve`)).body);
      return points.length > 0 ? points : null;
    }, 60_000);
    const cancelled = await server.call("POST", `/v1/training/runs/${body.id}/cancel`);
    assert.equal(cancelled.body.state, "cancelled");
    assert.equal((await server.call("POST", `/v1/training/runs/${body.id}/cancel`)).status, 409);
    const next = await server.call("POST", "/v1/training/runs", { overrides: { rank: 2, steps: 2 } });
    assert.equal((await finishedRun(server, next.body.id)).state, "succeeded");
  });

  it("a paused run stays so until it is resumed, and goes on where its last checkpoint was", async () => {
    await using server = await runningApp({ modelDir: model.dir });
    const move = (id: string, name: string) => server.call("POST", `/v1/training/runs/${id}/${name}`, {});
    const pointsOf = async (id: string) =>
      runCurve.parse((await server.call("GET", `/v1/training/runs/${id}/curve`)).body).points;
    await send(server, feedback(60));
    const { body } = await server.call("POST", "/v1/training/runs", { overrides: { rank: 2, steps: 160 } });
    await until(async () => ((await pointsOf(body.id)).length > 30 ? true : null), 60_000);
    const paused = await move(body.id, "pause");
    assert.deepEqual([paused.status, paused.body.state, paused.body.stage], [200, "paused", "train"]);
    assert.equal((await move(body.id, "pause")).status, 409);
    assert.equal((await server.call("GET", "/v1/status")).body.activeRun, null);

    // Meanwhile another has its turn.
    const next = await server.call("POST", "/v1/training/runs", { overrides: { rank: 2, steps: 2 } });
    assert.equal((await finishedRun(server, next.body.id)).state, "succeeded");
    assert.equal((await server.call("GET", `/v1/training/runs/${body.id}`)).body.state, "paused");
    const before = await pointsOf(body.id);

    assert.equal((await move(body.id, "resume")).body.state, "queued");
    assert.equal((await move(body.id, "resume")).status, 409);
    const run = await finishedRun(server, body.id);
    assert.equal(run.state, "succeeded", JSON.stringify(run.error));
    const after = await pointsOf(body.id);
    assert.equal(after.length, 160);
    // The steps before the checkpoint were not made again: their times are those of before.
    const kept = after.slice(0, 25);
    assert.deepEqual(kept, before.slice(0, 25));

    const { body: other } = await server.call("POST", "/v1/training/runs", { overrides: { rank: 2, steps: 50_000 } });
    await move(other.id, "pause");
    assert.equal((await move(other.id, "cancel")).body.state, "cancelled");
    assert.equal((await move(other.id, "resume")).status, 409);
  });

  it("builds a dataset on request, the same one again from the same events", async () => {
    await using server = await runningApp({ modelDir: model.dir });
    await send(server, feedback(60));
    const first = await server.call("POST", "/v1/datasets", {});
    const second = await server.call("POST", "/v1/datasets", {});
    assert.equal(first.status, 201);
    assert.equal(second.body.sha256, first.body.sha256);
    assert.equal(first.body.rows.train > 0, true);
    assert.equal(existsSync(path.join(server.app.places.datasets, first.body.sha256, "rows.jsonl")), true);
    assert.equal(readdirSync(server.app.places.datasets).length, 1);
  });

  it("a run goes on after the server was killed", async () => {
    await using folder = await tempFolder();
    const first = await startServerProcess(folder.dir, ["--model-dir", model.dir]);
    const call = async (server: typeof first, method: string, target: string, body?: unknown): Promise<unknown> => {
      const response = await fetch(server.url + target, {
        method,
        headers: { Authorization: `Bearer ${server.runtime.token}`, "Content-Type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
      });
      return response.json();
    };
    await call(first, "POST", "/v1/events", { events: feedback(60) });
    const queued = await call(first, "POST", "/v1/training/runs", { overrides: { rank: 2, steps: 80 } });
    const { id } = trainingRun.parse(queued);
    await until(async () => {
      const { points } = runCurve.parse(await call(first, "GET", `/v1/training/runs/${id}/curve`));
      return points.length > 2 ? points : null;
    }, 60_000);
    first.child.kill("SIGKILL");
    await first.ended;
    const second = await startServerProcess(folder.dir, ["--model-dir", model.dir]);
    const run = await until(async () => {
      const run = trainingRun.parse(await call(second, "GET", `/v1/training/runs/${id}`));
      return run.finishedAt === null ? null : run;
    }, 90_000);
    assert.equal(run.state, "succeeded", JSON.stringify(run.error));
    second.child.kill("SIGTERM");
    assert.equal(await second.ended, 0);
  });
});
