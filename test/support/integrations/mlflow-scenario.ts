import assert from "node:assert/strict";
import type { EvaluationReport } from "../../../protocol/evaluation.ts";
import { allow } from "../../../server/egress/allowances.ts";
import { permitsOf } from "../../../server/egress/allowances.ts";
import { openEgress } from "../../../server/egress/egress.ts";
import { connectMlflow, startMlflow } from "../../../server/integrations/mlflow/integration.ts";
import { pullVersion } from "../../../server/integrations/mlflow/pull.ts";
import { readMlflow } from "../../../server/integrations/mlflow/settings.ts";
import { createLog } from "../../../server/log.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { createRegistry } from "../../../server/registry/registry.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Everything that Kept tells MLflow, in one story with fixed ids and times: the same requests every time. */
export const SCENARIO_START_MS = Date.parse("2026-01-02T03:04:05.000Z");
const BASE = "b".repeat(64);
export const SCENARIO = { experiment: "kept scenario", model: "kept-scenario" };

export interface MlflowScenario extends Disposable {
  readonly store: Store;
  readonly address: string;
  /** Sends what waits; fails when something still does afterwards. */
  tell(): Promise<void>;
  /** The same, and what is away or refused may wait. */
  tryToTell(): Promise<void>;
  client(): ReturnType<typeof connectMlflow>;
  startRun(n: number): string;
  addPoints(runId: string, from: number, to: number): void;
  /** A dataset, an adapter and its evaluation; the version's id. */
  finishRun(runId: string, n: number, verdict: "promote" | "refuse"): string;
  moveChampion(to: string | null): void;
}

export function openMlflowScenario(dir: string, address: string): MlflowScenario {
  mkdirSync(dir, { recursive: true });
  const store = openStore(path.join(dir, "kept.db"));
  const hub = createPushHub();
  const files = openContentFiles(path.join(dir, "files"));
  let now = SCENARIO_START_MS;
  const clock = { wallMs: () => (now += 1_000), monotonicMs: () => performance.now() };
  const adaptersDir = path.join(dir, "adapters");
  const registry = createRegistry({ store, files, clock, hub, adaptersDir, base: () => BASE });
  const egress = openEgress({ permits: () => permitsOf(store.settings), log: { add: () => {} } });
  const log = createLog({ level: "silent", destination: path.join(dir, "log") });
  allow(store.settings, { purpose: "mlflow", url: address, mayBePrivate: true }, now);
  store.settings.put("mlflow", SCENARIO, now);
  store.outbox.open("mlflow", now);

  const tryToTell = async (): Promise<void> => {
    store.outbox.retry("mlflow");
    await using drain = startMlflow({ store, files, egress, clock, log, env: {}, everyMs: 3_600_000 });
    await drain.look();
  };
  return {
    store,
    address,
    tryToTell,
    async tell() {
      await tryToTell();
      assert.deepEqual(
        store.outbox.waiting("mlflow", 10).map(({ topic, error }) => `${topic}: ${error}`),
        [],
      );
    },
    client: () => connectMlflow({ base: new URL(address), egress, env: {}, signal: AbortSignal.timeout(60_000) }),
    startRun(n) {
      const id = `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`;
      const request = {
        strategy: "lora" as const,
        backend: "onnx" as const,
        workspaces: ["/home/someone/secret"],
        overrides: { rank: 4, steps: 20 },
      };
      store.transaction(() => store.runs.create({ id, request, createdAt: clock.wallMs() }));
      store.runs.moveTo(id, "train", "running");
      return id;
    },
    addPoints(runId, from, to) {
      for (let step = from; step <= to; step++) {
        store.runs.addPoint({
          runId,
          step,
          totalSteps: 20,
          loss: 4 / step,
          validationLoss: step % 5 === 0 ? 5 / step : null,
          tokensPerSecond: 1_000,
          secondsLeft: 20 - step,
        });
      }
    },
    finishRun(runId, n, verdict) {
      const adapterDir = path.join(dir, `trained-${n}`);
      mkdirSync(adapterDir, { recursive: true });
      writeFileSync(path.join(adapterDir, "adapter_config.json"), '{"peft_type":"LORA"}');
      writeFileSync(path.join(adapterDir, "adapter_model.safetensors"), `weights ${n}`);
      const datasetId = `dataset-${n}`;
      const sha256 = String(n).repeat(64).slice(0, 64);
      const rows = { train: 80, validation: 10, test: 10 };
      store.datasets.put({
        id: datasetId,
        createdAt: clock.wallMs(),
        sha256,
        rows,
        sources: { feedback: 100 },
        manifest: {},
      });
      store.runs.setDataset(runId, datasetId);
      const hyperParameters = { rank: 4, alpha: 8, steps: 20, optimizer: { name: "adamw", learningRate: 0.001 } };
      const { id } = registry.register({ adapterDir, base: BASE, runId, datasetId, hyperParameters });
      store.runs.setTrained(runId, id, { first: 4, last: 0.2 });
      store.versions.putEvaluation(runId, id, report(n, id, verdict), clock.wallMs());
      store.transaction(() => {
        if (verdict === "promote") registry.moveAlias("champion", store.versions.alias("champion"), id, "It won.");
        store.runs.finish(runId, "succeeded", clock.wallMs(), null);
      });
      return id;
    },
    moveChampion: (to) => registry.moveAlias("champion", store.versions.alias("champion"), to, "By hand."),
    [Symbol.dispose]() {
      hub[Symbol.dispose]();
      store[Symbol.dispose]();
    },
  };
}

const report = (n: number, challenger: string, verdict: "promote" | "refuse"): EvaluationReport => ({
  id: `evaluation-${n}`,
  challenger,
  champion: "base",
  cases: 40,
  acceptedAtLine: { challenger: 0.5, champion: 0.25 },
  editSimilarity: { challenger: 0.75, champion: 0.5 },
  heldOutLoss: { challenger: 1, champion: 2 },
  primary: { metric: "accepted@line", difference: 0.25, low: 0.125, high: 0.375, confidence: 0.95, resamples: 2_000 },
  guards: [{ name: "latency", holds: true, detail: "p95 +1 %" }],
  verdict,
  reason: "The interval is above 0.",
});

/** Two runs, a promotion, a refusal, a roll-back and a pull; what MLflow has in the end. */
export async function playMlflowScenario(scenario: MlflowScenario): Promise<void> {
  const { store } = scenario;
  const client = scenario.client();
  const first = scenario.startRun(1);
  await scenario.tell();
  scenario.addPoints(first, 1, 5);
  await scenario.tell();
  scenario.addPoints(first, 6, 20);
  const winner = scenario.finishRun(first, 1, "promote");
  await scenario.tell();
  const second = scenario.startRun(2);
  scenario.addPoints(second, 1, 3);
  const loser = scenario.finishRun(second, 2, "refuse");
  scenario.moveChampion(loser);
  await scenario.tell();
  scenario.moveChampion(winner);
  await scenario.tell();

  const run = (await client.run(store.outbox.remote("mlflow", "run", first)!.id))!;
  assert.equal(run.info.status, "FINISHED");
  const value = (list: readonly { key: string; value: string }[], key: string) =>
    list.find((one) => one.key === key)?.value;
  assert.equal(value(run.data.tags, "kept.run_id"), first);
  assert.equal(value(run.data.tags, "kept.version"), winner);
  assert.equal(value(run.data.params, "optimizer.learningRate"), "0.001");
  assert.equal(value(run.data.params, "workspaces"), "1");
  assert.equal(run.data.metrics.find(({ key }) => key === "loss")?.step, 20);
  assert.equal((await client.versionByAlias(SCENARIO.model, "champion"))?.version, "1");
  assert.equal((await client.versionByAlias(SCENARIO.model, "candidate"))?.version, "2");
  const { model } = readMlflow(store.settings);
  const pulled = await pullVersion(client, model, { alias: "champion" });
  assert.equal(pulled.record.id, winner);
  assert.equal(pulled.files.get("adapter_model.safetensors")!.toString(), "weights 1");
  scenario.moveChampion(null);
  await scenario.tell();
  assert.equal(await client.versionByAlias(SCENARIO.model, "champion"), null);
}
