import { annotationTask } from "../../annotations/queue.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { OutboxRow } from "../../store/outbox-store.ts";
import type { Store } from "../../store/store.ts";
import type { LabelStudioClient } from "./client.ts";
import { connectLabelStudio, newSecret, noProject } from "./connection.ts";
import { changeLabelStudio, LABEL_STUDIO, sha256Of, type LabelStudioSettings } from "./settings.ts";
import { SUGGESTION_KEY, taskOf } from "./tasks.ts";
import { takeVerdict, type RecordEvents } from "./verdicts.ts";

export interface LabelStudioParts {
  readonly store: Store;
  readonly client: LabelStudioClient;
  readonly settings: LabelStudioSettings;
  readonly clock: Clock;
  readonly record: RecordEvents;
  /** Where Label Studio reaches this server. */
  readonly address: () => string;
}

/** Brings Label Studio, or what is known of it, up to the newest state of one thing. May be repeated at will. */
export async function deliverToLabelStudio(parts: LabelStudioParts, row: OutboxRow): Promise<void> {
  const { projectId } = parts.settings;
  if (projectId === null) throw noProject();
  switch (row.topic) {
    case "connection":
      return deliverConnection(parts, projectId);
    case "task":
      return deliverTask(parts, projectId, row);
    case "answers":
      return fetchAnswers(parts, projectId, row.subject);
    default:
      throw new AppError("integration-invalid", `The outbox has a ${row.topic} that Label Studio has no place for.`);
  }
}

/** With each connection comes another password: what Label Studio had before counts no more. */
async function deliverConnection(parts: LabelStudioParts, projectId: number): Promise<void> {
  const { store, client, clock } = parts;
  const secret = newSecret();
  const address = parts.address();
  // Known here first: Label Studio asks with it before it answers.
  changeLabelStudio(store.settings, { secretSha256: sha256Of(secret), connectedTo: null }, clock.wallMs());
  await connectLabelStudio(client, { projectId, address, secret });
  changeLabelStudio(store.settings, { connectedTo: address }, clock.wallMs());
}

async function deliverTask(parts: LabelStudioParts, projectId: number, row: OutboxRow): Promise<void> {
  const { store, client } = parts;
  const id = row.subject;
  const known = store.outbox.remote(LABEL_STUDIO, "task", id);
  const suggestion = store.suggestions.get(id);
  if (suggestion === null) return withdrawTask(parts, projectId, id, known === null ? null : Number(known.id));
  if (known !== null) return;
  const task = annotationTask(store, suggestion);
  // Recorded without its text since: there is nothing to show.
  if (task === null) return;
  // What an earlier attempt left is found, not made again.
  const [found] = row.attempts > 0 ? await client.tasksWith(projectId, SUGGESTION_KEY, id) : [];
  const taskId = found?.id ?? (await client.addTask(projectId, taskOf(task)));
  store.outbox.setRemote(LABEL_STUDIO, "task", id, { id: String(taskId), sent: 1 });
}

/** What was forgotten here is deleted there, with whatever was said of it. */
async function withdrawTask(
  { store, client }: LabelStudioParts,
  projectId: number,
  id: string,
  known: number | null,
): Promise<void> {
  const ids = known === null ? (await client.tasksWith(projectId, SUGGESTION_KEY, id)).map((task) => task.id) : [known];
  for (const taskId of ids) await client.deleteTask(taskId);
  store.outbox.removeRemote(LABEL_STUDIO, "task", id);
  store.outbox.removeRemote(LABEL_STUDIO, "verdict", id);
}

async function fetchAnswers(parts: LabelStudioParts, projectId: number, suggestionId: string): Promise<void> {
  const { store, client } = parts;
  const remote = store.outbox.remote(LABEL_STUDIO, "task", suggestionId);
  if (remote === null) return;
  const task = await client.task(Number(remote.id));
  // A task that somebody deleted there leaves what was said of it.
  if (task !== null) await takeVerdict({ ...parts, projectId }, suggestionId, task);
}
