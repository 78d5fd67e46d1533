import { trainingRun, type TrainingRun } from "../../protocol/api.ts";
import type { ServerClient } from "./client.ts";
import { setTimeout as delay } from "node:timers/promises";

/** Between two looks at a run, milliseconds. */
const POLL_MS = 1_000;
/** The longest run that somebody waits for, milliseconds: six hours. */
const MAX_WAIT_MS = 21_600_000;

/** Waits until a run has ended and says on stderr when it enters a stage. */
export async function waitForRun(client: ServerClient, id: string): Promise<TrainingRun> {
  const deadline = performance.now() + MAX_WAIT_MS;
  let stage = "";
  for (;;) {
    const run = await client.get(`/v1/training/runs/${id}`, trainingRun);
    if (run.stage !== stage) process.stderr.write(`${run.stage}\n`);
    stage = run.stage;
    if (run.finishedAt !== null || performance.now() > deadline) return run;
    await delay(POLL_MS);
  }
}
