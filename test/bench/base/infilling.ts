import type { Model } from "../../../engine/generate/model.ts";
import { readTasks } from "../infilling/infilling-task.ts";
import { measureInfilling } from "../infilling/measure.ts";
import { revisionOf, type Measurement } from "./measurement.ts";
import type { Progress } from "./progress.ts";

/** Share of the executable infilling tasks that the model solves at the first answer, and by kind of hole. */
export async function measureTasks(model: Model, limit: number, progress: Progress): Promise<Measurement> {
  const { signal, say } = progress;
  const all = readTasks();
  const step = progress.counter("infilling", Math.min(limit, all.length));
  const complete: Model["complete"] = (request, stop) => {
    step();
    return model.complete(request, stop);
  };
  const { nTasks, passed, byKind } = await measureInfilling(complete, { limit, signal, say });
  const details = Object.entries(byKind).flatMap(([kind, { n, passed: solved }]) => [
    [`${kind}.tasks`, n] as const,
    [`${kind}.passRate`, solved / n] as const,
  ]);
  return {
    task: "infilling",
    dataset: "infilling",
    revision: revisionOf(all.map((task) => JSON.stringify(task))),
    limit,
    figures: { tasks: nTasks, passRate: passed / nTasks },
    details: Object.fromEntries(details),
  };
}
