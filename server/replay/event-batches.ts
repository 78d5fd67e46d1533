import { ingestResponse, MAX_BATCH_BYTES, MAX_EVENTS_PER_BATCH } from "../../protocol/api.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import type { ServerClient } from "../cli/client.ts";
import { AppError } from "../errors.ts";

/** Room for what stands around the events in a body. */
const ENVELOPE_BYTES = 1_024;

/** Sends events in order. Throws AppError `invalid` when the server refuses one. */
export async function sendEvents(server: ServerClient, events: readonly KeptEvent[]): Promise<void> {
  for (const batch of batches(events)) {
    const { results } = await server.send("POST", "/v1/events", { events: batch }, ingestResponse);
    const refused = results.find(({ status }) => status === "rejected");
    if (refused) throw new AppError("invalid", `The server refused an event: ${refused.reason ?? "no reason"}`);
  }
}

/** Events in order, in batches within the limits of one request. */
export function batches(events: readonly KeptEvent[]): KeptEvent[][] {
  const all: KeptEvent[][] = [];
  let bytes = 0;
  for (const event of events) {
    const size = Buffer.byteLength(JSON.stringify(event)) + 1;
    const current = all.at(-1);
    const fits = current && current.length < MAX_EVENTS_PER_BATCH && bytes + size <= MAX_BATCH_BYTES - ENVELOPE_BYTES;
    if (fits) {
      current.push(event);
      bytes += size;
    } else {
      all.push([event]);
      bytes = size;
    }
  }
  return all;
}
