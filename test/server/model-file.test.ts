import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { trainingRun, type TrainingRun } from "../../protocol/api.ts";
import { trainingSchedule } from "../../protocol/schedule.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { feedback } from "./idiom-feedback.ts";
import { runningApp, type RunningApp } from "./running-app.ts";
import { runCli, until } from "./server-process.ts";

const SOON_MS = 60_000;

/** A model's file beside the server's data, and `kept` on that data. */
async function withFile(text: (base: string) => string) {
  const model = createTinyModel();
  const server = await runningApp({ modelDir: model.dir, modelEveryMs: 50 });
  const folder = path.join(server.dir, "models", "mine");
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, "config.yaml");
  const write = (more = ""): void => writeFileSync(file, text(model.dir) + more);
  write();
  const kept = (...args: string[]) => runCli(["--data-dir", path.join(server.dir, "data"), ...args]);
  return {
    server,
    file,
    write,
    kept,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      model[Symbol.dispose]();
    },
  };
}

async function send(server: RunningApp, n: number): Promise<void> {
  const events = feedback(n);
  for (let at = 0; at < events.length; at += 100)
    assert.equal((await server.call("POST", "/v1/events", { events: events.slice(at, at + 100) })).status, 200);
}

describe("a server that follows a model's file", function () {
  this.timeout(280_000);

  it("takes labels, schedule and gate from it, and follows what is written into it", async () => {
    await using one = await withFile((base) => `name: mine\nbase: ${base}\nschedule: { labels: 77 }\n`);
    const { server, kept } = one;
    await send(server, 8);
    const labels = async () => (await server.call("GET", "/v1/suggestions?limit=8")).body.suggestions;
    const versions = async (): Promise<string[]> => [
      ...new Set<string>(
        (await labels()).map(({ label }: { label: { version: string } | null }) => label?.version ?? ""),
      ),
    ];
    const shipped = await until(async () => ((await versions()).join() === "" ? null : await versions()), SOON_MS);

    const used = await kept("models", "use", one.file);
    assert.equal(used.code, 0, used.stderr);
    const schedule = async () => trainingSchedule.parse((await server.call("GET", "/v1/schedule")).body).settings;
    assert.equal((await schedule()).labels, 77);
    const set = await kept("schedule", "set", "--labels", "40");
    assert.notEqual(set.code, 0);
    assert.match(set.stderr, /The schedule comes from .*config\.yaml/);
    assert.deepEqual(await versions(), shipped);

    one.write("labels: { accepted: -3, typedThrough: -3 }\n");
    await until(
      async () => ((await versions()).every((version) => /^\d+\+[0-9a-f]{8}$/.test(version)) ? true : null),
      SOON_MS,
    );
    const verdicts = (await labels()).map(({ label, outcome }: { label: { verdict: string }; outcome: string }) => [
      outcome,
      label.verdict,
    ]);
    assert.ok(
      verdicts.every(([outcome, verdict]: [string, string]) => outcome !== "accepted" || verdict === "bad"),
      JSON.stringify(verdicts),
    );

    // A mistake changes nothing, and is said.
    one.write("labels: { acepted: 1 }\n");
    const wrong = await kept("models", "validate", one.file);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /config\.yaml:4:11: labels\.acepted: there is no such key \(did you mean accepted\?\)/);
    assert.equal((await schedule()).labels, 77);
    assert.notDeepEqual(await versions(), shipped);

    assert.equal((await kept("models", "use", "--none")).code, 0);
    await until(async () => ((await versions()).join() === shipped.join() ? true : null), SOON_MS);
    assert.equal((await schedule()).labels, 200);
  });

  it("refuses a file for another base model than the one that it serves", async () => {
    await using one = await withFile(() => "name: mine\nbase: base\n");
    const { status, body } = await one.server.call("POST", "/v1/training/runs", { config: one.file });
    assert.equal(status, 422, JSON.stringify(body));
    assert.match(body.detail, /is for the base model in .*models.base; this server serves/);
  });

  it("trains, tests and deploys as the file says, and only what the gate let through", async () => {
    await using one = await withFile(
      (base) =>
        `name: mine\nbase: ${base}\ndataset: { exclude: [src/file-1.ts], split: { train: 0.6, validation: 0.1, test: 0.3 } }\n` +
        "training: { rank: 4, steps: 40, learningRate: 0.02 }\ngate: { maxCases: 60, minCases: 60 }\n",
    );
    const { server, kept } = one;
    await send(server, 260);
    const first = await kept("train", "--config", one.file, "--json");
    assert.equal(first.code, 0, first.stderr + first.stdout);
    const { outcome, run } = JSON.parse(first.stdout) as { outcome: string; run: TrainingRun };
    assert.equal(outcome, "won");
    assert.equal(trainingRun.parse(run).evaluation!.cases, 60);

    const { body: config } = await server.call("GET", `/v1/models/${run.versionId}/config`);
    assert.equal(config.model.name, "mine");
    assert.deepEqual([config.hyperParameters.rank, config.hyperParameters.steps], [4, 40]);
    const { datasets } = (await server.call("GET", "/v1/datasets")).body;
    const { train, test } = datasets[0].rows;
    assert.ok(test > 0.4 * train && test < 0.7 * train, `${train} to train, ${test} to test`);
    const rows = (await server.call("GET", `/v1/datasets/${datasets[0].id}/rows?limit=100`)).body;
    assert.ok(!JSON.stringify(rows).includes("src/file-1.ts"));

    // Tested, and not yet served: that is another command.
    assert.equal((await server.call("GET", "/v1/deployment")).body.adapter, null);
    const again = await kept("train", "--config", one.file, "--json");
    assert.equal(again.code, 5, again.stdout + again.stderr);
    assert.equal(JSON.parse(again.stdout).outcome, "nothing");

    one.write("ci: { cron: null }\nseed: 2\n");
    const deployed = await kept("deploy", "--config", one.file, "--json");
    assert.equal(deployed.code, 0, deployed.stdout + deployed.stderr);
    assert.equal(JSON.parse(deployed.stdout).outcome, "promoted");
    assert.equal((await server.call("GET", "/v1/deployment")).body.adapter.version, run.versionId);
    const served = await kept("deploy", "--config", one.file, "--json");
    assert.deepEqual([served.code, JSON.parse(served.stdout).outcome], [0, "served"]);

    const shown = await kept("models", "show", run.versionId!, "--json");
    assert.equal(JSON.parse(shown.stdout).model.name, "mine");
    const diff = await kept("models", "diff", run.versionId!, one.file, "--json");
    assert.deepEqual(
      JSON.parse(diff.stdout).differences.map(({ key }: { key: string }) => key),
      ["ci.cron", "seed"],
    );
  });

  it("serves nothing that was tested with other thresholds, for another model, or not at all", async () => {
    await using one = await withFile(
      (base) => `name: mine\nbase: ${base}\ntraining: { rank: 4, steps: 40, learningRate: 0.02 }\n`,
    );
    const { server, kept } = one;
    const deploy = async () => {
      const { code, stdout } = await kept("deploy", "--config", one.file, "--json");
      return { code, ...(JSON.parse(stdout) as { outcome: string; reason: string }) };
    };
    assert.deepEqual([(await deploy()).code, (await deploy()).outcome], [5, "none"]);
    await send(server, 260);
    assert.equal((await kept("train", "--config", one.file)).code, 0);
    one.write("gate: { maxDrop: 0.01 }\n");
    const other = await deploy();
    assert.deepEqual([other.code, other.outcome], [4, "refused"]);
    assert.match(other.reason, /other thresholds/);
    assert.equal((await server.call("GET", "/v1/deployment")).body.adapter, null);
  });
});
