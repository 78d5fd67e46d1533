import { forgetOperation, forgetPage, forgetRequest } from "../../../protocol/api.ts";
import { z } from "zod";
import { parseWith, readJson } from "../body.ts";
import { limitParameter } from "./query.ts";
import type { Route } from "./route.ts";

const page = z.object({ limit: limitParameter });

export const forgetRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/forget",
    about: "Deletes what was recorded of suggestions, files, folders, a time or everything, for good.",
    body: forgetRequest,
    answers: forgetOperation,
    async handle(c, { forgetting, reserve }) {
      const request = await readJson(c, forgetRequest);
      return c.json(await reserve.use(() => forgetting.forget(request)));
    },
  },
  {
    method: "GET",
    path: "/v1/forget",
    about: "What was forgotten, newest first, and the versions trained on it.",
    query: page,
    answers: forgetPage,
    handle(c, { store }) {
      const { limit } = parseWith(page, c.req.query());
      return c.json({ operations: store.forget.list(limit), taintedVersions: store.forget.tainted() });
    },
  },
];
