import { ingestRequest, MAX_BATCH_BYTES } from "../../../protocol/api.ts";
import { AppError } from "../../errors.ts";
import { readJson } from "../body.ts";
import type { Route } from "./route.ts";
import { MAX_EVENTS_PER_BATCH } from "../../../protocol/api.ts";
import { z } from "zod";

/** Counted apart from the rest of the shape, because it answers 413. */
const anyNumberOfEvents = z.object({ events: z.array(z.unknown()) });

export const eventRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/events",
    about: "Takes a batch of events in; each gets its own status.",
    async handle(c, parts) {
      const body = await readJson(c, anyNumberOfEvents, MAX_BATCH_BYTES);
      if (body.events.length > MAX_EVENTS_PER_BATCH) {
        throw new AppError("too-large", `A batch has at most ${MAX_EVENTS_PER_BATCH} events.`);
      }
      if (!ingestRequest.safeParse(body).success) throw new AppError("invalid", "events: at least one is needed");
      return c.json(parts.ingest(body.events));
    },
  },
  {
    method: "GET",
    path: "/v1/events",
    about: "Counts stored events and refused conflicts, with the sequence of the last event.",
    handle: (c, { store }) =>
      c.json({
        count: store.events.count(),
        conflicts: store.events.nConflicts(),
        watermark: store.events.watermark(),
      }),
  },
];
