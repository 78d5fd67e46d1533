import { serverStatus, suggestionPage, why } from "../../../protocol/api.ts";
import { connectToServer, type ServerClient } from "../../../server/cli/client.ts";
import type { EngineProcess } from "../../../engine/process/host.ts";
import {
  newSession,
  readPoints,
  replay,
  type ReplayOptions,
  type ReplaySource,
} from "../../../server/replay/replay.ts";
import { startReplayEngine } from "../../../server/replay/replay-engine.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { createTinyModel } from "../../support/tiny-model.ts";
import { createHistory, type TestHistory } from "./history.ts";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";

describe("replay through a real server and engine", () => {
  const model = createTinyModel();
  let history: TestHistory;
  let server: RunningApp;
  let client: ServerClient;
  let engine: EngineProcess;
  const { signal } = new AbortController();

  before(async function () {
    this.timeout(60_000);
    history = await createHistory();
    server = await runningApp({ modelDir: model.dir });
    client = await connectToServer(server.app.places.dataDir);
    engine = await startReplayEngine(model.dir);
  });
  after(async () => {
    engine?.[Symbol.dispose]();
    await engine?.exited;
    await server?.[Symbol.asyncDispose]();
    await history?.[Symbol.asyncDispose]();
    model[Symbol.dispose]();
  });

  async function run(source: ReplaySource, asked: ReplayOptions["engine"] = engine) {
    const points = await readPoints(source, 1_000, signal);
    const seen: number[] = [];
    const result = await replay({
      source,
      points,
      engine: asked,
      server: client,
      session: newSession(),
      onPoint: (cases) => seen.push(cases.length),
      signal,
    });
    return { ...result, points, seen };
  }

  it("asks the model at every point and stores what became of it", async function () {
    this.timeout(60_000);
    const { cases, points, seen } = await run({ kind: "repository", root: history.root });
    assert.ok(points.length >= 10, `${points.length} points`);
    assert.deepEqual(
      seen,
      points.map((_, i) => i + 1),
    );
    const shown = cases.filter(({ outcome }) => outcome !== "silent").length;
    assert.ok(shown > 0, "an untrained model still says something");
    const status = await client.get("/v1/status", serverStatus);
    assert.equal(status.suggestions, shown);
    assert.equal(status.labels.good + status.labels.bad + status.labels.unknown, shown);
    const { suggestions } = await client.get("/v1/suggestions?limit=200", suggestionPage);
    assert.ok(suggestions.every(({ source, model }) => source === "replay" && model.base === engine.model.sha256));
    const explained = await client.get(`/v1/suggestions/${suggestions[0]!.id}/why`, why);
    assert.deepEqual(explained.events.map(({ kind }) => kind).slice(0, 2), ["shown", "read"]);
    assert.equal(explained.context.root, history.root);
  });

  it("labels what was written as good and finds it again in the newest commit", async function () {
    this.timeout(60_000);
    const before = await client.get("/v1/status", serverStatus);
    // A model that knows the history: the same process, asked for nothing, answers with what was written.
    const source: ReplaySource = { kind: "repository", root: history.root };
    const targets = new Map((await readPoints(source, 1_000, signal)).map((point) => [point.prefix, point.target]));
    const knowing = {
      ...engine,
      complete: async (request: { prefix: string }) => ({
        ...(await engine.complete({ ...(request as Parameters<EngineProcess["complete"]>[0]), maxTokens: 1 }, signal)),
        text: targets.get(request.prefix) ?? "",
      }),
    };
    const { acceptance } = await run(source, knowing);
    assert.equal(acceptance.all.acceptedAtLine, 1);
    const after = await client.get("/v1/status", serverStatus);
    assert.equal(after.labels.bad, before.labels.bad);
    assert.ok(after.labels.good > before.labels.good);
    const { suggestions } = await client.get("/v1/suggestions?limit=200", suggestionPage);
    const survived = suggestions.filter((row) => row.survived !== null);
    assert.ok(
      survived.some((row) => row.survived === 1),
      "kept code is found",
    );
    assert.ok(
      survived.some((row) => (row.survived ?? 1) < 0.5),
      "code that was rewritten is not",
    );
  });

  it("replays a points file, with the file as the folder", async function () {
    this.timeout(60_000);
    const file = path.join(server.dir, "points.jsonl");
    const line = (id: string, commit: string, target: string) =>
      JSON.stringify({
        id,
        commit,
        ts: 1_700_000_000,
        path: "a.ts",
        line: 1,
        col: 0,
        kind: "line",
        target,
        prefix: "let x;\n",
        suffix: "",
        hunk_del: 0,
      });
    writeFileSync(file, `${line("a", "c1", "x = 1;")}\n${line("b", "c2", "x = 2;")}\n`);
    const { cases } = await run({ kind: "points", file });
    assert.deepEqual(
      cases.map(({ pointId, commit }) => [pointId, commit]),
      [
        ["a", "c1"],
        ["b", "c2"],
      ],
    );
  });
});
