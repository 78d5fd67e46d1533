import { ingestResponse, MAX_BATCH_BYTES, MAX_EVENTS_PER_BATCH } from "../../protocol/api.ts";
import { createBackoff, pause } from "./backoff.ts";
import type { Outbox } from "./outbox.ts";
import type { ServerConnection } from "./server-discovery.ts";
import { ask } from "./server-request.ts";

/** Room for the request's own brackets and keys. */
const BATCH_ENVELOPE_BYTES = 1_024;
/** Events of one moment travel together: an accept is told with what was shown before it. */
const GATHER_MS = 50;
/** A long queue is drained at this pace, so that the server's other clients are served between. */
export const DRAIN_EVENTS_PER_SECOND = 2_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 30_000;

export interface DrainCounts {
  sent: number;
  rejected: number;
}

/** Time of the drain; tests bring their own. */
export interface DrainClock {
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/**
 * Sends what the outbox holds, oldest first, for as long as the connection lives. At least once: an
 * event leaves the outbox only when the server has said accepted, duplicate or rejected. A batch that
 * the server refuses as a whole is sent in halves, until the one event that it cannot take is found:
 * that one counts as rejected, and the others go on.
 * Resolves when the signal fires or the server no longer answers.
 */
export async function drainOutbox(
  outbox: Outbox,
  connection: ServerConnection,
  counts: DrainCounts,
  signal: AbortSignal,
  clock: DrainClock = { pause },
): Promise<"stopped" | "no-answer"> {
  const backoff = createBackoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
  let maxEvents = MAX_EVENTS_PER_BATCH;
  for (;;) {
    await outbox.waitForEvents(signal);
    await clock.pause(GATHER_MS, signal);
    if (signal.aborted) return "stopped";
    const batch = await outbox.peek(maxEvents, MAX_BATCH_BYTES - BATCH_ENVELOPE_BYTES);
    const count = batch.lines.length;
    if (count === 0) continue;
    const body = `{"events":[${batch.lines.join(",")}]}`;
    const answer = await ask(connection, ingestResponse, "POST", "/v1/events", body, signal);
    if (answer.ok && answer.value.results.length === count) {
      counts.sent += count;
      counts.rejected += answer.value.results.filter(({ status }) => status === "rejected").length;
      await outbox.acknowledge(batch);
      backoff.reset();
      maxEvents = MAX_EVENTS_PER_BATCH;
      await clock.pause((count / DRAIN_EVENTS_PER_SECOND) * 1_000, signal);
      continue;
    }
    if (signal.aborted) return "stopped";
    if (!answer.ok && (answer.status === 0 || answer.status === 401)) return "no-answer";
    if (!answer.ok && REFUSED_AS_A_WHOLE.has(answer.status)) {
      if (count === 1) {
        counts.rejected += 1;
        await outbox.acknowledge(batch);
      }
      maxEvents = Math.max(1, Math.floor(count / 2));
      continue;
    }
    await clock.pause(Math.max(backoff.next(), answer.ok ? 0 : answer.retryAfterMs), signal);
  }
}

/** The batch is wrong, not the moment: sending the same again would be refused again. */
const REFUSED_AS_A_WHOLE: ReadonlySet<number> = new Set([400, 413, 415, 422]);
