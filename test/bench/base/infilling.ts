import type { Model } from "../../../engine/generate/model.ts";
import { readTasks } from "../infilling/infilling-task.ts";
import { measureInfilling } from "../infilling/measure.ts";
import { revisionOf, type Measurement } from "./measurement.ts";
import type { Progress } from "./progress.ts";

/** Share of the executable infilling tasks that the model solves at the first answer, and by kind of hole. */
export async function measureTasks(model: Model, limit: number, progress: Progress): Promise<Measurement> {
  const { signal, say } = progress;
  const { nTasks, passed, byKind } = await measureInfilling(model.complete, { limit, signal, say });
  const details = Object.entries(byKind).flatMap(([kind, { n, passed: solved }]) => [
    [`${kind}.tasks`, n] as const,
    [`${kind}.passRate`, solved / n] as const,
  ]);
  return {
    task: "infilling",
    dataset: "infilling",
    revision: revisionOf(readTasks().map((task) => JSON.stringify(task))),
    limit,
    figures: { tasks: nTasks, passRate: passed / nTasks },
    details: Object.fromEntries(details),
  };
}
