import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { createTinyModel } from "../../support/tiny-model.ts";
import { createHistory, type TestHistory } from "./history.ts";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../../..");

interface Ended {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `kept` from source; `onStderr` may stop it. */
async function kept(args: readonly string[], onStderr?: (text: string, pid: number) => void): Promise<Ended> {
  const child = spawn(process.execPath, [path.join(root, "server/cli.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    onStderr?.(stderr, child.pid!);
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return { code: signal ?? code, stdout, stderr };
}

describe("kept replay and kept demo", function () {
  this.timeout(120_000);
  const model = createTinyModel();
  let history: TestHistory;
  let server: RunningApp;
  const replay = (...args: string[]) => [
    "--data-dir",
    server.app.places.dataDir,
    "replay",
    "--model-dir",
    model.dir,
    ...args,
  ];

  before(async () => {
    history = await createHistory();
    server = await runningApp({ modelDir: model.dir });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await history?.[Symbol.asyncDispose]();
    model[Symbol.dispose]();
  });

  it("prints replay acceptance as JSON", async () => {
    const { code, stdout } = await kept(replay("--repo", history.root, "--limit", "8", "--json"));
    assert.equal(code, 0);
    const printed = JSON.parse(stdout) as {
      acceptance: { all: { points: number } };
      source: { kind: string };
      adapter: null;
    };
    assert.equal(printed.acceptance.all.points, 8);
    assert.deepEqual([printed.source.kind, printed.adapter], ["repository", null]);
  });

  it("prints a table for people", async () => {
    const { code, stdout } = await kept(replay("--repo", history.root, "--limit", "3"));
    assert.equal(code, 0);
    assert.match(stdout, /replay acceptance/);
    assert.match(stdout, /^all\s+3\s/m);
  });

  it("stops at Ctrl+C with exit code 130", async () => {
    let stopped = false;
    const { code, stderr } = await kept(replay("--repo", history.root), (text, pid) => {
      if (stopped || !text.includes("Reading the history")) return;
      stopped = true;
      process.kill(pid, "SIGINT");
    });
    assert.equal(code, 130);
    assert.match(stderr, /Stopped after \d+ points/);
  });

  it("refuses two sources, an unknown folder and a server that does not run", async () => {
    assert.equal((await kept(replay("--repo", history.root, "--points", "x.jsonl"))).code, 1);
    assert.notEqual((await kept(replay("--repo", path.join(server.dir, "nowhere")))).code, 0);
    const { code, stderr } = await kept([
      "--data-dir",
      path.join(server.dir, "empty"),
      "replay",
      "--repo",
      history.root,
    ]);
    assert.equal(code, 3);
    assert.match(stderr, /not-running/);
  });

  it("goes once around the loop and leaves nothing running", async () => {
    const flags = ["--once", "--repo", history.root, "--model-dir", model.dir, "--limit", "20", "--steps", "3"];
    const { code, stdout, stderr } = await kept(["demo", ...flags]);
    assert.equal(code, 0, stderr);
    for (const stage of ["suggest", "observe", "collect", "train", "test", "deploy"]) {
      assert.match(stdout, new RegExp(`^${stage} +\\d`, "m"), stage);
    }
    assert.match(stdout, /Verdict: .*(promoted|refused)/);
    assert.match(stdout, /95 % interval/);
    assert.match(stdout, /loss \d+\.\d+ → \d+\.\d+/);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(stdout)?.[1]);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`), "the server has gone");
  });

  it("ends the demo's server at Ctrl+C", async () => {
    let stopped = false;
    let port = 0;
    const flags = ["--repo", history.root, "--model-dir", model.dir, "--limit", "200", "--steps", "200"];
    const child = spawn(process.execPath, [path.join(root, "server/cli.ts"), "demo", ...flags], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      port ||= Number(/127\.0\.0\.1:(\d+)/.exec(text)?.[1] ?? 0);
      if (stopped || !text.includes("Collect, train")) return;
      stopped = true;
      child.kill("SIGINT");
    });
    const [code] = (await once(child, "close")) as [number | null];
    assert.equal(code, 130);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
    assert.ok(readdirSync(path.join(root, ".kept/demo")).length > 0);
  });
});
