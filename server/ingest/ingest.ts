import type { IngestResponse } from "../../protocol/api.ts";
import { keptEvent, type KeptEvent } from "../../protocol/events.ts";
import type { Clock } from "../clock.ts";
import type { Derived } from "../labels/derive.ts";
import type { PushHub } from "../push/hub.ts";
import type { Store } from "../store/store.ts";

/** One event, as JSON. A larger one is refused with reason `too-large`. */
export const MAX_EVENT_BYTES = 65_536;
/** Longest id repeated in an answer to an event that is not valid. */
const MAX_ECHOED_ID_CHARS = 64;

type Result = IngestResponse["results"][number];

export interface IngestParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly hub: PushHub;
  /** Computes what is derived from the events of these suggestions anew, within the same transaction. */
  readonly derive: (suggestionIds: Iterable<string>) => Derived;
}

/**
 * Takes a batch in: every event gets a status of its own, valid ones are stored once, and what is
 * derived from them is up to date when this returns. One transaction: when it throws, nothing of the
 * batch was stored and nothing may be acknowledged.
 */
export function ingestBatch(values: readonly unknown[], parts: IngestParts): IngestResponse {
  const { store, clock, hub, derive } = parts;
  const { results, derived } = store.transaction(() => {
    const touched = new Set<string>();
    const results = values.map((value): Result => {
      const parsed = parseEvent(value);
      if (!parsed.ok) return { id: parsed.id, status: "rejected", reason: parsed.reason };
      const { event } = parsed;
      const outcome = store.events.append(event, clock.wallMs());
      if (outcome === "conflict") return { id: event.id, status: "rejected", reason: "conflict" };
      if (outcome === "accepted") touched.add(event.suggestionId);
      return { id: event.id, status: outcome };
    });
    return { results, derived: derive(touched) };
  });
  for (const id of derived.suggestions) hub.publish("suggestion", { id });
  if (derived.examplesRevision !== null) hub.publish("examples", { revision: derived.examplesRevision });
  return { results };
}

type ParsedEvent =
  | { readonly ok: true; readonly event: KeptEvent }
  | { readonly ok: false; readonly id: string; readonly reason: string };

/** Reasons are `invalid: <field>: <what is wrong>` or `too-large`; values are not repeated. */
function parseEvent(value: unknown): ParsedEvent {
  if (Buffer.byteLength(JSON.stringify(value) ?? "") > MAX_EVENT_BYTES) {
    return { ok: false, id: echoedId(value), reason: "too-large" };
  }
  const parsed = keptEvent.safeParse(value);
  if (parsed.success) return { ok: true, event: parsed.data };
  const issue = parsed.error.issues[0];
  const field = issue?.path.map(String).join(".") || "event";
  return {
    ok: false,
    id: echoedId(value),
    reason: `invalid: ${field}: ${issue?.message ?? "wrong shape"}`.slice(0, 300),
  };
}

function echoedId(value: unknown): string {
  const id = value !== null && typeof value === "object" && "id" in value ? value.id : null;
  return typeof id === "string" ? id.slice(0, MAX_ECHOED_ID_CHARS) : "";
}
