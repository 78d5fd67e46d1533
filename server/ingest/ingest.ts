import { ingestRequest, MAX_EVENTS_PER_BATCH, type IngestResponse } from "../../protocol/api.ts";
import { keptEvent, type KeptEvent } from "../../protocol/events.ts";
import type { Store } from "../store/store.ts";
import type { IngestQuota } from "./quota.ts";

/** One event, as JSON. A larger one is refused with reason `too-large`. */
export const MAX_EVENT_BYTES = 65_536;
/** Longest id repeated in an answer to an event that is not valid. */
const MAX_ECHOED_ID_CHARS = 64;

type Result = IngestResponse["results"][number];

/** Why a whole batch was refused: nothing of it was stored. */
export interface BatchRefusal {
  readonly ok: false;
  readonly code: "malformed" | "invalid" | "too-large" | "too-many" | "storage-full" | "storage-failed";
  readonly message: string;
}

export type BatchAnswer = { readonly ok: true; readonly response: IngestResponse } | BatchRefusal;

/** The values of a batch, not yet looked at one by one. */
export type ParsedBatch = { readonly ok: true; readonly values: readonly unknown[] } | BatchRefusal;

/** Reads `{ "events": [...] }`; its nesting and its bytes were limited by whoever received it. */
export function parseBatch(json: string): ParsedBatch {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch {
    return { ok: false, code: "malformed", message: "The body is not valid JSON." };
  }
  const events = body !== null && typeof body === "object" && "events" in body ? body.events : null;
  if (Array.isArray(events) && events.length > MAX_EVENTS_PER_BATCH) {
    return { ok: false, code: "too-large", message: `A batch has at most ${MAX_EVENTS_PER_BATCH} events.` };
  }
  const parsed = ingestRequest.safeParse(body);
  if (parsed.success) return { ok: true, values: parsed.data.events };
  return { ok: false, code: "invalid", message: "events: a list with at least one event is needed" };
}

/**
 * Stores the events of one batch, each with a status of its own, and notes which suggestions have to be
 * derived anew. It has to run inside a transaction: when that fails, nothing may be acknowledged.
 */
export function storeBatch(
  values: readonly unknown[],
  parts: { readonly store: Store; readonly quota: IngestQuota; readonly nowMs: number },
): BatchAnswer {
  const { store, quota, nowMs } = parts;
  // Before anything costs time: whoever floods is answered quickly, and so are those who wait behind.
  if (quota.take(values.map(claimedSession)) !== null) {
    return { ok: false, code: "too-many", message: "This session sends more events than anybody can cause." };
  }
  const parsed = values.map(parseEvent);
  const touched = new Set<string>();
  const counts = { accepted: 0, duplicate: 0, rejected: 0 };
  const results = parsed.map((one): Result => {
    const result = one.ok
      ? storeEvent(store, one.event, nowMs)
      : { id: one.id, status: "rejected", reason: one.reason };
    counts[result.status as keyof typeof counts] += 1;
    if (one.ok && result.status === "accepted") touched.add(one.event.suggestionId);
    return result as Result;
  });
  store.events.note(counts);
  store.derivations.add(touched);
  return { ok: true, response: { results } };
}

function storeEvent(store: Store, sent: KeptEvent, nowMs: number): Result {
  if (store.forget.refuses(sent)) {
    // What came before its suggestion was known to be forgotten goes with it.
    if (sent.kind === "shown") store.erasure.deleteSuggestions([sent.suggestionId]);
    return { id: sent.id, status: "rejected", reason: "forgotten" };
  }
  const event = store.forget.cleaned(sent);
  const outcome = store.events.append(event, nowMs);
  return outcome === "conflict"
    ? { id: event.id, status: "rejected", reason: "conflict" }
    : { id: event.id, status: outcome };
}

/** The session that an event says it is of; all that say none, or nothing that could be one, count as one. */
function claimedSession(value: unknown): string {
  const id = value !== null && typeof value === "object" && "sessionId" in value ? value.sessionId : null;
  return typeof id === "string" && id.length <= MAX_ECHOED_ID_CHARS ? id : "";
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
