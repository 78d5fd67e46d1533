import { ingestResponse, MAX_BATCH_BYTES, MAX_EVENTS_PER_BATCH } from "../../protocol/api.ts";
import { createBackoff, pause } from "./backoff.ts";
import type { Outbox } from "./outbox.ts";
import type { ServerConnection } from "./server-discovery.ts";
import { ask } from "./server-request.ts";

/** Room for the request's own brackets and keys. */
const BATCH_ENVELOPE_BYTES = 1_024;
/** A long queue is drained in steps, so that the server's other clients are served between. */
const BATCH_PAUSE_MS = 20;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 30_000;

export interface DrainCounts {
  sent: number;
  rejected: number;
}

/**
 * Sends what the outbox holds, oldest first, for as long as the connection lives. At least once: an
 * event leaves the outbox only when the server has said accepted, duplicate or rejected.
 * Resolves when the signal fires or the server no longer answers.
 */
export async function drainOutbox(
  outbox: Outbox,
  connection: ServerConnection,
  counts: DrainCounts,
  signal: AbortSignal,
): Promise<"stopped" | "no-answer"> {
  const backoff = createBackoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  for (;;) {
    await outbox.waitForEvents(signal);
    if (signal.aborted) return "stopped";
    const batch = outbox.peek(MAX_EVENTS_PER_BATCH, MAX_BATCH_BYTES - BATCH_ENVELOPE_BYTES);
    // Held back, or removed, since there was something to wait for.
    if (batch.length === 0) continue;
    // Synced before it is sent: what the server knows is never missing here after a crash.
    await outbox.flush();
    const body = `{"events":[${batch.join(",")}]}`;
    const answer = await ask(connection, ingestResponse, "POST", "/v1/events", body, signal);
    if (answer.ok && answer.value.results.length === batch.length) {
      counts.sent += batch.length;
      counts.rejected += answer.value.results.filter(({ status }) => status === "rejected").length;
      await outbox.acknowledge(batch.length);
      backoff.reset();
      await pause(BATCH_PAUSE_MS, signal);
      continue;
    }
    if (signal.aborted) return "stopped";
    if (!answer.ok && (answer.status === 0 || answer.status === 401)) return "no-answer";
    await pause(Math.max(backoff.next(), answer.ok ? 0 : answer.retryAfterMs), signal);
  }
}
