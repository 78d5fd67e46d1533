import assert from "node:assert/strict";
import { deployment, trainingRun } from "../../protocol/api.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { ownFeedback } from "./own-feedback.ts";
import { runningApp } from "./running-app.ts";
import { canaryPage, canaryRow } from "../../protocol/canary.ts";
import { drawnSuggestion } from "./drawn-suggestions.ts";
import { preparedVersions } from "./prepared-versions.ts";
import { sampleSession } from "./sample-events.ts";
import { runCli, startServerProcess, until, type ServerProcess } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import path from "node:path";

/** The promise: evidence to rollback, milliseconds. */
const ROLLED_BACK_MS = 60_000;

async function call(server: ServerProcess, method: string, target: string, body?: unknown): Promise<unknown> {
  const response = await fetch(server.url + target, {
    method,
    headers: { Authorization: `Bearer ${server.runtime.token}`, "Content-Type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  return response.json();
}

const deployed = async (server: ServerProcess) => deployment.parse(await call(server, "GET", "/v1/deployment"));

describe("a canary in a server process", function () {
  this.timeout(120_000);

  it("is rolled back within a minute of the evidence, and stays so after a kill", async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    const [one, two] = preparedVersions(dataDir, ["one", "two"], ({ registry, versions }) => {
      registry.moveAlias("champion", null, versions[0]!, "first");
      return versions as [string, string];
    });
    const server = await startServerProcess(dataDir);
    const started = canaryRow.parse(await call(server, "POST", "/v1/canary", { version: two, share: 0.4 }));
    assert.deepEqual([started.version, started.champion, started.state], [two, one, "running"]);
    assert.equal((await deployed(server)).canary!.adapter.version, two);

    const session = sampleSession();
    let decidedAt = 0;
    // A developer who takes every second suggestion of the champion, and none of the candidate.
    for (let at = 0; at < 400 && decidedAt === 0; at += 20) {
      const events = Array.from({ length: 20 }, (_, i) =>
        drawnSuggestion(
          session,
          i % 5 < 2
            ? { adapter: two, drawn: 0.4, taken: false }
            : { adapter: one, drawn: 0.6, taken: i % 2 === 0, completion: "return left + right + carry;" },
        ),
      ).flat();
      const sentAt = performance.now();
      await call(server, "POST", "/v1/events", { events });
      const { canaries } = canaryPage.parse(await call(server, "GET", "/v1/canary"));
      if (canaries[0]!.harm >= 20) decidedAt = sentAt;
    }
    assert.notEqual(decidedAt, 0, "there is evidence");
    const gone = await until(async () => ((await deployed(server)).canary === undefined ? true : null), ROLLED_BACK_MS);
    assert.equal(gone, true);
    assert.ok(performance.now() - decidedAt < ROLLED_BACK_MS);

    server.child.kill("SIGKILL");
    await server.ended;
    const second = await startServerProcess(dataDir);
    const { adapter, canary } = await deployed(second);
    assert.deepEqual([adapter!.version, canary], [one, undefined]);
    const { stdout } = await runCli(["--data-dir", dataDir, "canary", "--json"]);
    const [ended] = canaryPage.parse(JSON.parse(stdout)).canaries;
    assert.deepEqual([ended!.version, ended!.state], [two, "rolled-back"]);
    second.child.kill("SIGTERM");
    await second.ended;
  });

  it("is what a training run that won begins with", async () => {
    const model = createTinyModel();
    await using server = await runningApp({ modelDir: model.dir });
    assert.equal((await server.call("PUT", "/v1/canary/settings", { first: true, share: 0.3 })).status, 200);
    const events = ownFeedback(260);
    for (let at = 0; at < events.length; at += 100)
      await server.call("POST", "/v1/events", { events: events.slice(at, at + 100) });
    const overrides = { rank: 4, steps: 40, learningRate: 0.02 };
    const { body } = await server.call("POST", "/v1/training/runs", { overrides });
    const run = await until(async () => {
      const run = trainingRun.parse((await server.call("GET", `/v1/training/runs/${body.id}`)).body);
      return run.finishedAt === null ? null : run;
    }, 100_000);
    assert.equal(run.evaluation!.verdict, "promote", run.evaluation!.reason);
    const { adapter, canary } = deployment.parse((await server.call("GET", "/v1/deployment")).body);
    assert.deepEqual([adapter, canary!.adapter.version, canary!.share], [null, run.versionId, 0.3]);
    const { filter, settings } = canaryPage.parse((await server.call("GET", "/v1/canary")).body);
    assert.deepEqual([settings.first, settings.limit], [true, 1_000]);
    assert.match(filter!, /^too-few-outcomes: 0 of 300/);
    model[Symbol.dispose]();
  });

  it("whose evidence was stored before a kill is rolled back at the next start", async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    const { storeEvents } = await import("./store-events.ts");
    const one = preparedVersions(dataDir, ["one", "two"], ({ store, registry, versions: [champion, candidate] }) => {
      registry.moveAlias("champion", null, champion!, "first");
      store.canaries.start({
        id: "canary",
        version: candidate!,
        champion: champion!,
        share: 0.5,
        afterSequence: store.events.watermark(),
        startedAt: 1,
      });
      const session = sampleSession();
      const completion = "return left.map((value, at) => value * right[at]);";
      const draw = (at: number) => ({ adapter: at % 2 ? candidate! : champion!, taken: at % 2 === 0, completion });
      storeEvents(store, Array.from({ length: 60 }, (_, at) => drawnSuggestion(session, draw(at))).flat());
      return champion!;
    });
    const server = await startServerProcess(dataDir);
    const { adapter, canary } = await deployed(server);
    assert.deepEqual([adapter!.version, canary], [one, undefined]);
    server.child.kill("SIGTERM");
    await server.ended;
  });
});
