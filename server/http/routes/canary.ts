import { canaryEnd, canaryPage, canaryRequest, canaryRow, canarySettings } from "../../../protocol/canary.ts";
import { z } from "zod";
import { parseWith, readJson } from "../body.ts";
import { limitParameter } from "./query.ts";
import type { Route } from "./route.ts";

const page = z.object({ limit: limitParameter });

/** What is named changes, the rest stays: no defaults. */
const { share, limit, first } = canarySettings.shape;
const canaryChange = z.object({
  share: share.unwrap().optional(),
  limit: limit.unwrap().optional(),
  first: first.unwrap().optional(),
});

export const canaryRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/canary",
    about: "Candidates on trial, newest first, how they are tried, and whether what serves has become worse.",
    query: page,
    answers: canaryPage,
    readsDerived: true,
    handle(c, { canaries }) {
      return c.json(canaries.page(parseWith(page, c.req.query()).limit));
    },
  },
  {
    method: "POST",
    path: "/v1/canary",
    about: "Tries a version on a share of the suggestions, in the place of a trial that runs.",
    body: canaryRequest,
    answers: canaryRow,
    status: 201,
    async handle(c, { canaries, reserve }) {
      const request = await readJson(c, canaryRequest);
      return c.json(await reserve.use(() => canaries.start(request.version, request.share)), 201);
    },
  },
  {
    method: "POST",
    path: "/v1/canary/end",
    about: "Ends the trial that runs: the candidate is kept as champion, or taken back.",
    body: canaryEnd,
    answers: canaryRow,
    async handle(c, { canaries, reserve }) {
      const { keep } = await readJson(c, canaryEnd);
      return c.json(await reserve.use(() => canaries.end(keep ? "promoted" : "rolled-back")));
    },
  },
  {
    method: "PUT",
    path: "/v1/canary/settings",
    about: "Changes how promoted candidates are tried.",
    body: canaryChange,
    answers: canarySettings,
    async handle(c, { canaries }) {
      const change = await readJson(c, canaryChange);
      return c.json(
        canaries.change(Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))),
      );
    },
  },
];
