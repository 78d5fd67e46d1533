import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { deployment, suggestionPage, trainingRun } from "../../protocol/api.ts";
import { fetchAdapter } from "../../extension/sync/adapter-store.ts";
import { discoverServer } from "../../extension/sync/server-discovery.ts";
import { superviseEngine } from "../../extension/suggest/engine-supervisor.ts";
import { withStore } from "../../server/settings.ts";
import { runCli, startServerProcess, until, type ServerProcess } from "../server/server-process.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { ENGINE_ENTRY, STATEMENT_REQUEST } from "../support/engine-request.ts";
import {
  prepareEnvironment,
  startLabelStudioServer,
  startMlflowServer,
  type ForeignServer,
} from "../support/integrations/environment.ts";
import { badAnswer, goodAnswer } from "../support/integrations/label-studio-scenario.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { disputedFeedback } from "./disputed-feedback.ts";
import { BUCKET_KEYS, startBucket, type RealServer } from "./real-server.ts";

/**
 * The whole way with the real systems and a server process of Kept: a model's file from the template, a Label Studio
 * project, answers of a person, a dataset, a run that MLflow follows, a version, the gate, an alias, the adapter in an
 * editor's engine, and all of it in a bucket. MLflow is killed while the run is under way. Each step is a test, and
 * each builds on the one before.
 */
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const STEP_MS = 300_000;
const TRAINING_MS = 600_000;
/** So many that the run is under way for a while after MLflow has heard of its first. */
const STEPS = 240;
/** What a person corrects a suggestion to: it has to be in the dataset. */
const CORRECTED = 'keep("as a person wrote it in Label Studio");';
const MODEL = "house-style";

describe("seed to deploy, with MLflow, Label Studio and a bucket", function () {
  this.timeout(30 * 60_000);
  this.bail(true);

  const model = createTinyModel();
  const rest = new AsyncDisposableStack();
  let dir = "";
  let dataDir = "";
  let mlflow: ForeignServer;
  let studio: ForeignServer & { readonly key: string };
  let bucket: RealServer;
  let server: ServerProcess;
  let runId = "";
  let version = "";
  let answered: { id: string; task: number }[] = [];

  const kept = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(["--data-dir", dataDir, ...args]);
    assert.equal(code, 0, `kept ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
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
  const atMlflow = async (target: string) =>
    (await (
      await fetch(`${mlflow.url}/api/2.0/mlflow/${target}`, { signal: AbortSignal.timeout(30_000) })
    ).json()) as Record<string, unknown>;
  const atStudio = async (method: string, target: string, body?: unknown) => {
    // An access token is good for five minutes: a busy machine takes longer.
    const refreshed = await fetch(`${studio.url}/api/token/refresh/`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh: studio.key }),
    });
    const { access } = (await refreshed.json()) as { access: string };
    const answer = await fetch(studio.url + target, {
      method,
      headers: { Authorization: `Bearer ${access}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(120_000),
    });
    assert.ok(answer.ok, `${method} ${target}: ${answer.status}`);
    return (await answer.json()) as unknown;
  };
  const statusOf = async (what: string) => JSON.parse(await kept(what, "status", "--json")) as Status;

  before(async () => {
    const folder = rest.use(await tempFolder());
    dir = folder.dir;
    dataDir = path.join(dir, "data");
    const [forMlflow, forStudio] = [
      await prepareEnvironment("mlflow", say),
      await prepareEnvironment("label-studio", say),
    ];
    [mlflow, studio] = await Promise.all([
      startMlflowServer(forMlflow, path.join(dir, "mlflow")),
      startLabelStudioServer(forStudio, path.join(dir, "label-studio")),
    ]);
    rest.use(mlflow);
    rest.use(studio);
    mkdirSync(path.join(dir, "bucket"));
    bucket = rest.use(await startBucket(path.join(dir, "bucket"), "team"));
    Object.assign(process.env, { LABEL_STUDIO_API_KEY: studio.key, ...BUCKET_KEYS });
    server = await startServerProcess(dataDir, ["--model-dir", model.dir]);
    rest.defer(async () => {
      server.child.kill();
      await server.ended;
    });
  });
  after(async () => {
    for (const name of ["LABEL_STUDIO_API_KEY", ...Object.keys(BUCKET_KEYS)]) delete process.env[name];
    await rest.disposeAsync();
    model[Symbol.dispose]();
  });

  it("makes a model from the template, and connects all three from its file", async () => {
    const repository = path.join(dir, "repository");
    mkdirSync(repository);
    const made = await runCli(
      ["models", "new", MODEL, "--base", model.dir, "--languages", "typescript", "--problem-type", "completion"],
      repository,
    );
    assert.equal(made.code, 0, made.stderr);
    const file = path.join(repository, "models", MODEL, "config.yaml");
    let text = readFileSync(file, "utf8");
    for (const [from, to] of [
      // Feedback alone, and a run when this test asks for one.
      ['workspaces: ["../.."]', "workspaces: []"],
      ["sources: [feedback, history]", "sources: [feedback]"],
      ["automatic: true", "automatic: false"],
      [
        "mlflow:\n  enabled: false\n  trackingUri: null",
        `mlflow:\n  enabled: true\n  trackingUri: ${mlflow.url}\n  tags: { team: tests }`,
      ],
      [
        "labelStudio:\n  enabled: false\n  url: null",
        `labelStudio:\n  enabled: true\n  url: ${studio.url}\n  maxTasks: 50\n  minUncertainty: 0\n  reconcileMinutes: 600`,
      ],
      [
        "s3:\n  enabled: false\n  endpoint: null\n  bucket: null",
        `s3:\n  enabled: true\n  endpoint: ${bucket.url}\n  bucket: team`,
      ],
    ] as const) {
      assert.ok(text.includes(from), from);
      text = text.replace(from, to);
    }
    writeFileSync(file, text);
    await kept("models", "validate", file);
    await kept("models", "use", file);
    await kept("mlflow", "connect", "--config", file, "--private");
    await kept("label-studio", "setup", "--config", file, "--private");
    await kept("egress", "allow", "s3", bucket.url, "--private");
    const status = await until(async () => {
      const now = await statusOf("label-studio");
      return now.connectedTo === null ? null : now;
    }, STEP_MS);
    assert.equal(status.connectedTo, server.url);
    const backends = (await atStudio("GET", `/api/ml?project=${status.projectId}`)) as {
      title: string;
      state: string;
    }[];
    assert.deepEqual(
      backends.map(({ title, state }) => [title, state]),
      [["Kept", "CO"]],
    );
  });

  it("asks about suggestions whose signals disagree, with what the label says already", async () => {
    const events = disputedFeedback(260);
    for (let at = 0; at < events.length; at += 100)
      await call("POST", "/v1/events", { events: events.slice(at, at + 100) });
    const disputed = events.filter(({ kind }) => kind === "undone").length;
    const { projectId } = await statusOf("label-studio");
    const tasks = await until(async () => {
      const page = (await atStudio("GET", `/api/tasks?project=${projectId}&fields=all&page_size=100`)) as {
        tasks: { id: number; data: { kept_id: string }; predictions: { result: unknown[] }[] }[];
      };
      return page.tasks.length >= disputed ? page.tasks : null;
    }, STEP_MS);
    assert.equal(new Set(tasks.map(({ data }) => data.kept_id)).size, tasks.length, "each once");
    assert.ok(tasks.every(({ predictions }) => predictions.length === 1 && predictions[0]!.result.length > 0));
    answered = tasks.slice(0, 3).map(({ id, data }) => ({ id: data.kept_id, task: id }));
  });

  it("answers Label Studio as its ML backend, with completions and scores", async () => {
    const { projectId } = await statusOf("label-studio");
    await atStudio("POST", `/api/dm/actions/?id=retrieve_tasks_predictions&project=${projectId}`, {
      selectedItems: { all: false, included: [answered[0]!.task] },
    });
    const predictions = await until(async () => {
      const found = (await atStudio("GET", `/api/predictions/?task=${answered[0]!.task}`)) as {
        model_version: string;
        score: number | null;
        result: { from_name: string }[];
      }[];
      return found.find(({ model_version: name }) => !name.startsWith("labels")) ?? null;
    }, STEP_MS);
    assert.ok(predictions.score !== null && predictions.score >= 0 && predictions.score <= 1);
    assert.ok(predictions.result.some(({ from_name: name }) => name === "verdict"));
  });

  it("takes answers in as human verdicts when the webhook tells of them", async () => {
    const [bad, ...good] = answered;
    await atStudio("POST", `/api/tasks/${bad!.task}/annotations/`, badAnswer(CORRECTED));
    for (const { task } of good) await atStudio("POST", `/api/tasks/${task}/annotations/`, goodAnswer);
    await until(async () => {
      const { suggestions } = suggestionPage.parse(await call("GET", "/v1/suggestions?limit=200"));
      const ratings = answered.map(({ id }) => suggestions.find((one) => one.id === id)?.rating ?? null);
      return ratings.join() === "down,up,up" ? true : null;
    }, STEP_MS);
  });

  it("logs a run live, and goes on without MLflow when it is killed", async () => {
    const overrides = { rank: 4, steps: STEPS, learningRate: 0.02 };
    runId = trainingRun.parse(await call("POST", "/v1/training/runs", { overrides })).id;
    const live = await until(async () => {
      const { experiment } = (await atMlflow(`experiments/get-by-name?experiment_name=${MODEL}`)) as {
        experiment?: { experiment_id: string };
      };
      if (experiment === undefined) return null;
      const run = await remoteRun(experiment.experiment_id);
      return run !== null && stepsOf(run) > 0 ? run : null;
    }, TRAINING_MS);
    assert.equal(live.info.status, "RUNNING");
    await mlflow.kill();
    const run = await until(async () => {
      const now = trainingRun.parse(await call("GET", `/v1/training/runs/${runId}`));
      return now.finishedAt === null ? null : now;
    }, TRAINING_MS);
    assert.equal(run.state, "succeeded", JSON.stringify(run.error));
    assert.equal(run.evaluation!.verdict, "promote", run.evaluation!.reason);
    version = run.versionId!;
    const { waiting } = await statusOf("mlflow");
    assert.ok(waiting > 0, "what MLflow did not hear waits");
  });

  it("has learned from what the person wrote", async () => {
    const { datasetId } = trainingRun.parse(await call("GET", `/v1/training/runs/${runId}`));
    const { sha256 } = (await call("GET", `/v1/datasets/${datasetId}`)) as { sha256: string };
    const rows = readFileSync(path.join(dataDir, "datasets", sha256, "rows.jsonl"), "utf8");
    assert.ok(rows.includes(JSON.stringify(CORRECTED).slice(1, -1)));
  });

  it("tells MLflow all of it once it is back, and nothing twice", async () => {
    await mlflow.restart();
    await kept("mlflow", "retry");
    await until(async () => ((await statusOf("mlflow")).waiting === 0 ? true : null), STEP_MS);
    const { experiment } = (await atMlflow(`experiments/get-by-name?experiment_name=${MODEL}`)) as {
      experiment: { experiment_id: string };
    };
    const run = (await remoteRun(experiment.experiment_id))!;
    assert.equal(run.info.status, "FINISHED");
    const history = (await atMlflow(
      `metrics/get-history?run_id=${run.info.run_id}&metric_key=loss&max_results=1000`,
    )) as {
      metrics: { step: number }[];
    };
    const { points } = (await call("GET", `/v1/training/runs/${runId}/curve`)) as { points: { step: number }[] };
    assert.deepEqual(
      history.metrics.map(({ step }) => Number(step)).toSorted((a, b) => a - b),
      points.map(({ step }) => step),
    );
    const { model_versions: versions } = (await atMlflow(
      `model-versions/search?filter=${encodeURIComponent(`name = '${MODEL}'`)}&max_results=100`,
    )) as { model_versions: { version: string; tags: { key: string; value: string }[] }[] };
    assert.equal(versions.length, 1);
    const tags = new Map(versions[0]!.tags.map(({ key, value }) => [key, value]));
    assert.deepEqual([tags.get("kept.version"), tags.get("team")], [version, "tests"]);
    assert.equal(await aliasAt("champion"), "1");
  });

  it("serves the version in an editor's engine", async () => {
    const found = await discoverServer(dataDir, AbortSignal.timeout(STEP_MS));
    assert.ok("connection" in found);
    const { adapter } = deployment.parse(await call("GET", "/v1/deployment"));
    assert.equal(adapter?.version, version);
    const local = await fetchAdapter(path.join(dir, "editor"), found.connection, adapter, AbortSignal.timeout(STEP_MS));
    const ready = Promise.withResolvers<void>();
    using engine = superviseEngine({
      process: { entry: ENGINE_ENTRY, modelDir: model.dir, threads: 1 },
      onState: (state) => state === "ready" && ready.resolve(),
      log: () => {},
    });
    await ready.promise;
    await engine.serveWith(local);
    const made = await engine.complete(STATEMENT_REQUEST, AbortSignal.timeout(STEP_MS));
    assert.equal(made!.adapter, version);
  });

  it("moves MLflow's alias with a roll-back and a promotion", async () => {
    await kept("models", "rollback");
    await until(async () => ((await aliasAt("champion")) === null ? true : null), STEP_MS);
    await kept("models", "promote", version);
    await until(async () => ((await aliasAt("champion")) === "1" ? true : null), STEP_MS);
  });

  it("gives the version to another machine, which checks every hash", async () => {
    const other = path.join(dir, "other");
    const there = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli(["--data-dir", other, ...args]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    await there("mlflow", "connect", mlflow.url, "--private", "--model", MODEL, "--experiment", MODEL);
    const pulled = JSON.parse(
      await there("registry", "pull", "--alias", "champion", "--model-dir", model.dir, "--json"),
    );
    assert.deepEqual([pulled.version, pulled.isNew], [version, true]);
    assert.equal(existsSync(path.join(other, "files")), true);
  });

  it("keeps dataset, adapter and backup in the bucket, and gives them to a third machine", async () => {
    const datasetId = trainingRun.parse(await call("GET", `/v1/training/runs/${runId}`)).datasetId!;
    const { dir: backup } = JSON.parse(
      await kept("backup", "create", "--folder", path.join(dir, "backups"), "--json"),
    ) as { dir: string };
    await kept("remote", "push", "dataset", datasetId);
    await kept("remote", "push", "adapter", version);
    await kept("remote", "push", "backup", backup);

    const third = path.join(dir, "third");
    const there = async (...args: string[]) => {
      const at = ["--endpoint", bucket.url, "--bucket", "team"];
      const { code, stdout, stderr } = await runCli(["--data-dir", third, "remote", ...args, ...at]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const { things } = JSON.parse(await there("list", "--json")) as { things: { kind: string; name: string }[] };
    assert.deepEqual(things.map(({ kind, name }) => `${kind} ${name}`).toSorted(), [
      `adapter ${version}`,
      `backup ${path.basename(backup)}`,
      `dataset ${datasetId}`,
    ]);
    const rows = path.join(dir, "rows");
    await there("pull", "dataset", datasetId, "--out", rows);
    const { sha256 } = (await call("GET", `/v1/datasets/${datasetId}`)) as { sha256: string };
    assert.deepEqual(
      readFileSync(path.join(rows, "rows.jsonl")),
      readFileSync(path.join(dataDir, "datasets", sha256, "rows.jsonl")),
    );
    assert.equal((await there("pull", "adapter", version, "--model-dir", model.dir)).trim(), version);
    const back = path.join(dir, "back");
    await there("pull", "backup", path.basename(backup), "--out", back);
    await kept("backup", "restore", back, "--to", path.join(dir, "restored"));
    const restored = withStore(path.join(dir, "restored"), (store) => store.versions.alias("champion"));
    assert.equal(restored, version);
  });

  interface RemoteRun {
    readonly info: { readonly run_id: string; readonly status: string };
    readonly data: { readonly metrics?: readonly { readonly key: string; readonly step: number }[] };
  }
  const stepsOf = (run: RemoteRun): number => Number(run.data.metrics?.find(({ key }) => key === "loss")?.step ?? 0);

  /** The one run with the tag of the run here; null when there is none yet. */
  async function remoteRun(experimentId: string): Promise<RemoteRun | null> {
    const answer = await fetch(`${mlflow.url}/api/2.0/mlflow/runs/search`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ experiment_ids: [experimentId], filter: `tags.\`kept.run_id\` = '${runId}'` }),
      signal: AbortSignal.timeout(30_000),
    });
    const { runs = [] } = (await answer.json()) as { runs?: RemoteRun[] };
    assert.ok(runs.length <= 1, "one run there for one here");
    return runs[0] ?? null;
  }

  async function aliasAt(alias: string): Promise<string | null> {
    const { model_version: found } = (await atMlflow(`registered-models/alias?name=${MODEL}&alias=${alias}`)) as {
      model_version?: { version: string };
    };
    return found?.version ?? null;
  }
});

interface Status {
  readonly projectId: number;
  readonly connectedTo: string | null;
  readonly waiting: number;
}
