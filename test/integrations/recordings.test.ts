import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "../server/temp-folder.ts";
import {
  prepareEnvironment,
  startLabelStudioServer,
  startMlflowServer,
  VERSIONS,
  type Package,
} from "../support/integrations/environment.ts";
import {
  openLabelStudioScenario,
  playLabelStudioScenario,
  scrubLabelStudio,
} from "../support/integrations/label-studio-scenario.ts";
import { openMlflowScenario, playMlflowScenario, SCENARIO } from "../support/integrations/mlflow-scenario.ts";
import { startRecorder, type Exchange, type Recording } from "../support/integrations/recorder.ts";

/** The stories of `test/fixtures/recorded`, told to the real servers. KEPT_RECORD=1 writes them down anew. */
const FIXTURES = path.resolve(import.meta.dirname, "../fixtures/recorded");
const say = (line: string): void => void process.stderr.write(`${line}\n`);

function keep(name: Package, exchanges: readonly Exchange[]): void {
  if (process.env["KEPT_RECORD"] !== "1") return;
  const recording: Recording = { server: `${name} ${VERSIONS[name]}`, exchanges };
  const dir = path.join(FIXTURES, `${name}-${VERSIONS[name]}`);
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, "scenario.json"), `${JSON.stringify(recording, null, 1)}\n`);
}

describe("the recorded stories, with the real servers", function () {
  this.timeout(30 * 60_000);

  it("MLflow", async () => {
    const programs = await prepareEnvironment("mlflow", say);
    await using folder = await tempFolder();
    await using server = await startMlflowServer(programs, path.join(folder.dir, "mlflow"));
    await using recorder = await startRecorder(server.url);
    using scenario = openMlflowScenario(path.join(folder.dir, "data"), recorder.url);
    await playMlflowScenario(scenario);
    keep("mlflow", recorder.exchanges);

    // Nothing twice: every point of the curve is there once.
    for (const [run, points] of [
      ["00000000-0000-7000-8000-000000000001", 20],
      ["00000000-0000-7000-8000-000000000002", 3],
    ] as const) {
      const { id } = scenario.store.outbox.remote("mlflow", "run", run)!;
      const query = `run_id=${id}&metric_key=loss&max_results=100`;
      const answer = await fetch(`${server.url}/api/2.0/mlflow/metrics/get-history?${query}`);
      const { metrics } = (await answer.json()) as { metrics: { step: number }[] };
      assert.deepEqual(
        metrics.map(({ step }) => Number(step)).toSorted((a, b) => a - b),
        Array.from({ length: points }, (_, i) => i + 1),
      );
    }
    const found = await fetch(`${server.url}/api/2.0/mlflow/registered-models/get?name=${SCENARIO.model}`);
    assert.equal(found.status, 200);
  });

  it("Label Studio", async () => {
    const programs = await prepareEnvironment("label-studio", say);
    await using folder = await tempFolder();
    await using server = await startLabelStudioServer(programs, path.join(folder.dir, "label-studio"));
    await using recorder = await startRecorder(server.url, scrubLabelStudio);
    await using scenario = await openLabelStudioScenario(path.join(folder.dir, "data"), recorder.url, server.key);
    await playLabelStudioScenario(scenario);
    keep("label-studio", recorder.exchanges);
  });
});
