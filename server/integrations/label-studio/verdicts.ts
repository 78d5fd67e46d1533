import { redactSecrets } from "../../../core/redaction.ts";
import type { IngestResponse } from "../../../protocol/api.ts";
import { EVENT_SCHEMA_VERSION, type KeptEvent } from "../../../protocol/events.ts";
import { stableId } from "../../stable-id.ts";
import type { Store } from "../../store/store.ts";
import { LABEL_STUDIO } from "./settings.ts";
import { newestOf, saidIn } from "./tasks.ts";
import type { Annotation, Task } from "./wire.ts";

/** Stores events; resolves when they are durable. */
export type RecordEvents = (events: readonly KeptEvent[]) => Promise<IngestResponse>;

/** Longest corrected text that an event holds, characters; a longer one is no completion. */
const MAX_TEXT_CHARS = 8_192;
/** What stands for the answer of a task that has none. */
const NOTHING = "none";

/**
 * Takes what people said of one task in as human verdicts, when it is news. The events' ids follow from the
 * annotation, so that the same answer twice is one verdict. True when there was something new.
 */
export async function takeVerdict(
  parts: { readonly store: Store; readonly record: RecordEvents; readonly projectId: number },
  suggestionId: string,
  task: Pick<Task, "annotations">,
): Promise<boolean> {
  const { store, projectId } = parts;
  const known = store.outbox.remote(LABEL_STUDIO, "verdict", suggestionId)?.id ?? NOTHING;
  const newest = newestOf(task.annotations);
  const current = newest === null ? NOTHING : `${newest.id}:${newest.updated_at}`;
  if (current === known) return false;
  // Forgotten here: there is nothing that a verdict could be of.
  const events =
    store.events.shownSequence(suggestionId) === null
      ? []
      : newest === null
        ? [withdrawal(suggestionId, projectId, known)]
        : verdictEvents(suggestionId, projectId, newest);
  if (events.length > 0) await parts.record(events);
  store.outbox.setRemote(LABEL_STUDIO, "verdict", suggestionId, { id: current, sent: 1 });
  return events.length > 0;
}

function verdictEvents(suggestionId: string, projectId: number, annotation: Annotation): KeptEvent[] {
  const { verdict, reason, corrected } = saidIn(annotation)!;
  const name = `label-studio:${projectId}:${annotation.id}:${annotation.updated_at}`;
  const wallMs = Math.max(0, Date.parse(annotation.updated_at) || 0);
  const of = envelope(suggestionId, name, wallMs);
  // No secret is written down first, whoever typed it.
  const text = corrected === null ? "" : redactSecrets(corrected);
  const wasCorrected = verdict === "down" && text !== "" && text.length <= MAX_TEXT_CHARS;
  return [
    ...(wasCorrected ? [{ ...of(0, "typed-instead"), kind: "typed-instead" as const, text }] : []),
    { ...of(1, "rated"), kind: "rated", verdict, ...(reason === undefined ? {} : { reason }) },
  ];
}

/** The answer that was taken is not there any more. */
function withdrawal(suggestionId: string, projectId: number, known: string): KeptEvent {
  const of = envelope(suggestionId, `label-studio:${projectId}:${known}:withdrawn`, 0);
  return { ...of(0, "rated"), kind: "rated", verdict: "withdrawn" };
}

/** A session of its own: sessions count in the order of their arrival, so the last answer stands. */
const envelope = (suggestionId: string, name: string, wallMs: number) => (sequence: number, kind: string) => ({
  id: stableId(`${name}:${kind}`),
  v: EVENT_SCHEMA_VERSION as typeof EVENT_SCHEMA_VERSION,
  suggestionId,
  sessionId: stableId(name),
  sequence,
  wallMs,
  monotonicMs: 0,
});
