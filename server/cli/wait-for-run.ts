import { runCurve, trainingRun, type TrainingRun } from "../../protocol/api.ts";
import { createProgressLine, duration } from "../replay/progress-line.ts";
import type { ServerClient } from "./client.ts";
import { setTimeout as delay } from "node:timers/promises";

/** Between two looks at a run, milliseconds. */
const POLL_MS = 1_000;
/** The longest run that somebody waits for, milliseconds: six hours. */
const MAX_WAIT_MS = 21_600_000;

/** Waits until a run has ended. Says on stderr when it enters a stage, and while it trains how far it is. */
export async function waitForRun(client: ServerClient, id: string): Promise<TrainingRun> {
  const deadline = performance.now() + MAX_WAIT_MS;
  const line = createProgressLine(process.stderr);
  let stage = "";
  for (;;) {
    const run = await client.get(`/v1/training/runs/${id}`, trainingRun);
    if (run.stage !== stage) {
      line.clear();
      process.stderr.write(`${run.stage}\n`);
    }
    stage = run.stage;
    if (run.finishedAt !== null || performance.now() > deadline) {
      line.clear();
      return run;
    }
    if (stage === "train") {
      const last = (await client.get(`/v1/training/runs/${id}/curve`, runCurve)).points.at(-1);
      if (last) {
        const left = duration(last.secondsLeft * 1_000);
        line.show(`step ${last.step} of ${last.totalSteps}, loss ${last.loss.toFixed(3)}, ${left} left`);
      }
    }
    await delay(POLL_MS);
  }
}
