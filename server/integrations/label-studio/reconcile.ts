import type { Store } from "../../store/store.ts";
import type { LabelStudioClient } from "./client.ts";
import { LABEL_STUDIO } from "./settings.ts";
import { takeVerdict, type RecordEvents } from "./verdicts.ts";

/** Pages of annotated tasks that are looked through: more tasks than anybody answers. */
const MAX_PAGES = 2_000;

/**
 * Compares every answer there with what was taken: finds what no webhook told of, and what is gone.
 * @returns how many answers were news
 */
export async function reconcile(parts: {
  readonly store: Store;
  readonly client: LabelStudioClient;
  readonly record: RecordEvents;
  readonly projectId: number;
}): Promise<number> {
  const { store, client, projectId } = parts;
  const seen = new Set<string>();
  let nNew = 0;
  for (let page = 1; page <= MAX_PAGES; page++) {
    const tasks = await client.annotatedTasks(projectId, page);
    if (tasks === null || tasks.length === 0) break;
    for (const task of tasks) {
      // By the id that this side gave it: what a task says of itself is not believed.
      const suggestionId = store.outbox.subjectOf(LABEL_STUDIO, "task", String(task.id));
      if (suggestionId === null) continue;
      seen.add(suggestionId);
      if (await takeVerdict(parts, suggestionId, task)) nNew++;
    }
  }
  for (const suggestionId of store.outbox.remoteSubjects(LABEL_STUDIO, "verdict")) {
    const remote = store.outbox.remote(LABEL_STUDIO, "task", suggestionId);
    if (seen.has(suggestionId) || remote === null) continue;
    const task = await client.task(Number(remote.id));
    if (task !== null && (await takeVerdict(parts, suggestionId, task))) nNew++;
  }
  return nNew;
}
