import { runCurve, trainingRun, type TrainingProgress, type TrainingRun } from "../../../protocol/api.ts";
import type { ServerClient } from "../../cli/client.ts";
import { setTimeout as delay } from "node:timers/promises";

/** Between two looks at a run, milliseconds. */
const POLL_MS = 500;
/** The longest run of a demo, milliseconds: on a machine this slow the demo makes no sense. */
const MAX_RUN_MS = 1_800_000;

export interface WatchedRun {
  readonly run: TrainingRun;
  /** Milliseconds that each stage was seen in. */
  readonly stageMs: ReadonlyMap<TrainingRun["stage"], number>;
}

/** Starts a training run and follows it to its end. Aborting cancels it. */
export async function watchRun(
  client: ServerClient,
  request: { workspaces: readonly string[]; overrides: Record<string, number> },
  onChange: (run: TrainingRun, progress: TrainingProgress | null) => void,
  signal: AbortSignal,
): Promise<WatchedRun> {
  let run = await client.send("POST", "/v1/training/runs", request, trainingRun);
  const stageMs = new Map<TrainingRun["stage"], number>();
  const deadline = performance.now() + MAX_RUN_MS;
  let lookedAt = performance.now();
  try {
    while (run.finishedAt === null) {
      if (performance.now() > deadline) throw new Error("The training run did not end within half an hour.");
      await delay(POLL_MS, undefined, { signal });
      const stage = run.stage;
      run = await client.get(`/v1/training/runs/${run.id}`, trainingRun);
      const now = performance.now();
      stageMs.set(stage, (stageMs.get(stage) ?? 0) + now - lookedAt);
      lookedAt = now;
      onChange(run, run.stage === "train" ? await lastPoint(client, run.id) : null);
    }
  } catch (error) {
    if (signal.aborted)
      await client.send("POST", `/v1/training/runs/${run.id}/cancel`, {}, trainingRun).catch(() => null);
    throw error;
  }
  return { run, stageMs };
}

async function lastPoint(client: ServerClient, runId: string): Promise<TrainingProgress | null> {
  return (await client.get(`/v1/training/runs/${runId}/curve`, runCurve)).points.at(-1) ?? null;
}
