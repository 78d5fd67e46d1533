import { v7 as uuidv7 } from "uuid";
import { z } from "zod";
import { annotation, annotationQueue } from "../../../protocol/annotations.ts";
import { ingestResponse } from "../../../protocol/api.ts";
import { EVENT_SCHEMA_VERSION, type KeptEvent } from "../../../protocol/events.ts";
import { annotationQueue as queueOf } from "../../annotations/queue.ts";
import { AppError } from "../../errors.ts";
import { parseWith, readJson } from "../body.ts";
import { limitParameter } from "./query.ts";
import type { Route } from "./route.ts";

const page = z.object({ limit: limitParameter });

export const annotationRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/annotations/queue",
    about: "Suggestions that a person's verdict would help most: first where the signals disagree.",
    query: page,
    answers: annotationQueue,
    readsDerived: true,
    handle(c, { store }) {
      const { limit } = parseWith(page, c.req.query());
      return c.json(queueOf(store, limit));
    },
  },
  {
    method: "POST",
    path: "/v1/annotations",
    about: "Stores a person's verdict on a suggestion, as by the thumbs in the editor.",
    body: annotation,
    answers: ingestResponse,
    async handle(c, { store, clock, events }) {
      const { suggestionId, ...said } = await readJson(c, annotation);
      if (store.events.shownSequence(suggestionId) === null)
        throw new AppError("not-found", "There is no suggestion with this id.");
      // A session of its own: sessions count in the order of their arrival, so the last verdict stands.
      const event: KeptEvent = {
        id: uuidv7(),
        v: EVENT_SCHEMA_VERSION,
        suggestionId,
        sessionId: uuidv7(),
        sequence: 0,
        wallMs: clock.wallMs(),
        monotonicMs: 0,
        kind: "rated",
        ...said,
      };
      return c.json(await events.take(JSON.stringify({ events: [event] })));
    },
  },
];
