import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { basicHeader, changeLabelStudio, sha256Of } from "../../../server/integrations/label-studio/settings.ts";
import { withStore } from "../../../server/settings.ts";
import { runningApp } from "../../server/running-app.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import {
  openLabelStudioScenario,
  playLabelStudioScenario,
  scrubLabelStudio,
} from "../../support/integrations/label-studio-scenario.ts";
import { startReplay, type Recording } from "../../support/integrations/recorder.ts";

/** Recorded from the real server by `npm run test:integrations -- --record`. */
const RECORDING = path.resolve(import.meta.dirname, "../../fixtures/recorded/label-studio-1.23.2/scenario.json");

describe("Label Studio, as it was recorded", () => {
  it("is asked, answers, changes its mind and forgets: request by request", async () => {
    const recording = JSON.parse(readFileSync(RECORDING, "utf8")) as Recording;
    assert.equal(recording.server, "label-studio 1.23.2");
    await using folder = await tempFolder();
    await using replay = await startReplay(recording, scrubLabelStudio);
    await using scenario = await openLabelStudioScenario(path.join(folder.dir, "data"), replay.url, "a.b.c");
    await playLabelStudioScenario(scenario).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${replay.problems.join("\n")}`, { cause: error });
    });
    assert.deepEqual(replay.problems, []);
    assert.equal(replay.left(), 0);
  });

  it("is not told where the folder is", () => {
    const { exchanges } = JSON.parse(readFileSync(RECORDING, "utf8")) as Recording;
    const said = JSON.stringify(exchanges.map(({ target, body }) => [target, body]));
    assert.ok(said.includes("src/sum-"));
    assert.equal(said.includes("someone"), false);
  });
});

describe("Kept as Label Studio's ML backend", () => {
  const SECRET = "a password of Label Studio's own";
  const ask = (url: string, method: string, target: string, authorization: string | null, body?: unknown) =>
    fetch(`${url}/v1/label-studio${target}`, {
      method,
      headers: {
        "Content-Type": "application/json",
        ...(authorization === null ? {} : { Authorization: authorization }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });

  it("answers whoever has the password, and nobody else", async () => {
    await using server = await runningApp();
    const { url } = server;
    assert.equal((await ask(url, "GET", "/health", basicHeader(SECRET))).status, 401, "no password was given yet");
    withStore(server.app.places.dataDir, ({ settings }) =>
      changeLabelStudio(settings, { projectId: 1, secretSha256: sha256Of(SECRET) }, 1),
    );
    const mine = basicHeader(SECRET);
    const others = [null, basicHeader("another"), `Bearer ${server.app.token}`, `Bearer ${SECRET}`, mine.slice(0, -3)];
    for (const [method, target] of [
      ["GET", ""],
      ["GET", "/health"],
      ["GET", "/metrics"],
      ["GET", "/versions"],
      ["POST", "/setup"],
      ["POST", "/predict"],
      ["POST", "/webhook"],
    ] as const) {
      for (const other of others)
        assert.equal((await ask(url, method, target, other, method === "POST" ? {} : undefined)).status, 401, target);
    }
    // And with it nothing else opens.
    const elsewhere = await fetch(`${url}/v1/suggestions`, { headers: { Authorization: mine } });
    assert.equal(elsewhere.status, 401);

    const health = await ask(url, "GET", "/health", mine);
    assert.deepEqual(await health.json(), { status: "UP", model_class: "Kept" });
    const setup = await ask(url, "POST", "/setup", mine, { project: "1.1", schema: "<View/>", access_token: "x" });
    assert.deepEqual(await setup.json(), { model_version: "none" });
    assert.deepEqual(await (await ask(url, "GET", "/metrics", mine)).json(), {});
    const tasks = [{ id: 1, data: { kept_id: "unknown", prefix: "let a = ", suffix: "", completion: "1;" } }];
    const predicted = await ask(url, "POST", "/predict", mine, { tasks, project: "1.1", label_config: "<View/>" });
    assert.deepEqual(await predicted.json(), { results: [{ model_version: "none", score: 0, result: [] }] });
  });

  it("takes a webhook of annotations with 201, and says of others that it does not know them", async () => {
    await using server = await runningApp();
    withStore(server.app.places.dataDir, ({ settings }) =>
      changeLabelStudio(settings, { projectId: 1, secretSha256: sha256Of(SECRET) }, 1),
    );
    const hook = (body: unknown) => ask(server.url, "POST", "/webhook", basicHeader(SECRET), body);
    const created = await hook({
      action: "ANNOTATION_CREATED",
      project: { id: 1 },
      annotation: { id: 1 },
      task: { id: 1 },
    });
    assert.equal(created.status, 201);
    assert.equal(((await created.json()) as { status: string }).status, "ok");
    const unknown = await hook({ action: "PROJECT_UPDATED" });
    assert.equal(unknown.status, 200);
    assert.deepEqual(await unknown.json(), { result: "", status: "Unknown event" });
    assert.equal((await hook({ action: 1 })).status, 422);
    assert.equal((await hook([])).status, 422);
  });
});
