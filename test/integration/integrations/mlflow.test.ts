import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "../../server/temp-folder.ts";
import { openMlflowScenario, playMlflowScenario } from "../../support/integrations/mlflow-scenario.ts";
import { startReplay, type Recording } from "../../support/integrations/recorder.ts";

/** Recorded from the real server by `npm run test:integrations -- --record`. */
const RECORDING = path.resolve(import.meta.dirname, "../../fixtures/recorded/mlflow-3.17.2/scenario.json");

describe("MLflow, as it was recorded", () => {
  it("hears of runs, curves, versions and aliases, and gives a version back: request by request", async () => {
    const recording = JSON.parse(readFileSync(RECORDING, "utf8")) as Recording;
    assert.equal(recording.server, "mlflow 3.17.2");
    await using folder = await tempFolder();
    await using replay = await startReplay(recording);
    using scenario = openMlflowScenario(path.join(folder.dir, "data"), replay.url);
    await playMlflowScenario(scenario).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${replay.problems.join("\n")}`, { cause: error });
    });
    assert.deepEqual(replay.problems, []);
    assert.equal(replay.left(), 0);
  });

  it("hears no text, no folder and no name", () => {
    const { exchanges } = JSON.parse(readFileSync(RECORDING, "utf8")) as Recording;
    assert.ok(exchanges.length > 50);
    const said = JSON.stringify(exchanges.map(({ target, body }) => [target, body]));
    for (const secret of ["/home/someone", "secret", "someone"]) assert.equal(said.includes(secret), false, secret);
  });
});
