import { MAX_BATCH_BYTES } from "../../../protocol/api.ts";
import { signalRequest, signalResponse, type SignalResponse } from "../../../protocol/signals.ts";
import { AppError } from "../../errors.ts";
import { readJson } from "../body.ts";
import type { Route } from "./route.ts";
import { batches } from "../../replay/event-batches.ts";

/** Longest walk through a history for one request, milliseconds. */
const ATTRIBUTION_MS = 120_000;

export const signalRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/signals",
    about: "Takes what tests, errors, measurements and reviewers say of lines, and tells it of who wrote them.",
    body: signalRequest,
    answers: signalResponse,
    async handle(c, { attribute, attributions, events }) {
      const request = await readJson(c, signalRequest, MAX_BATCH_BYTES);
      // A process each; what was accepted just before is found too.
      using _permit = await attributions.acquire();
      const limit = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(ATTRIBUTION_MS)]);
      const found = await attribute(request, limit);
      let stored = 0;
      for (const batch of batches(found.events)) {
        const { results } = await events.take(JSON.stringify({ events: batch }));
        const refused = results.find(({ status }) => status === "rejected");
        if (refused) throw new AppError("invalid", `An event was refused: ${refused.reason ?? "no reason"}`);
        stored += results.filter(({ status }) => status === "accepted").length;
      }
      return c.json({ ...found.answer, stored } satisfies SignalResponse);
    },
  },
];
