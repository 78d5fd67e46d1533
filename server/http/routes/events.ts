import { eventCounts, ingestRequest, ingestResponse, MAX_BATCH_BYTES } from "../../../protocol/api.ts";
import { readJsonText } from "../body.ts";
import type { Route } from "./route.ts";

/** The body of one event. Larger ones are read in turn, so that whoever sends many holds up nobody who sends one. */
const SMALL_BYTES = 65_536;

export const eventRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/events",
    about: "Takes a batch of events in; each gets its own status.",
    body: ingestRequest,
    answers: ingestResponse,
    async handle(c, { events, largeBatches }) {
      // A body of unknown length may be large.
      const isSmall = Number(c.req.header("Content-Length") ?? Infinity) <= SMALL_BYTES;
      using _permit = isSmall ? null : await largeBatches.acquire();
      return c.json(await events.take(await readJsonText(c, MAX_BATCH_BYTES)));
    },
  },
  {
    method: "GET",
    path: "/v1/events",
    about: "Counts stored events and what became of all that were sent, with the sequence of the last event.",
    answers: eventCounts,
    handle: (c, { store }) =>
      c.json({
        count: store.events.count(),
        sent: store.events.ledger(),
        conflicts: store.events.nConflicts(),
        watermark: store.events.watermark(),
      }),
  },
];
