import { labelPage, suggestionPage, why } from "../../../protocol/api.ts";
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { explainSuggestion } from "../../labels/why.ts";
import { parseWith } from "../body.ts";
import { cursorParameter, limitParameter } from "./query.ts";
import type { Route } from "./route.ts";

const page = z.object({ limit: limitParameter, before: cursorParameter });
const labelFilter = z.object({
  limit: limitParameter,
  verdict: z.enum(["good", "bad", "unknown"]).nullable().default(null),
});

export const suggestionRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/suggestions",
    about: "Suggestions with their outcomes and labels, newest first.",
    query: page,
    answers: suggestionPage,
    readsDerived: true,
    handle(c, { store }) {
      const { limit, before } = parseWith(page, c.req.query());
      return c.json(store.suggestions.page(limit, before));
    },
  },
  {
    method: "GET",
    path: "/v1/suggestions/:id/why",
    about: "Everything that led to one suggestion: model, dataset, examples, events.",
    answers: why,
    readsDerived: true,
    handle(c, { store }) {
      const known = explainSuggestion(store, c.req.param("id") ?? "");
      if (known === null) throw new AppError("not-found", "There is no suggestion with this id.");
      return c.json(known);
    },
  },
  {
    method: "GET",
    path: "/v1/labels",
    about: "Labels, most recently changed first, by verdict when one is named.",
    query: labelFilter,
    answers: labelPage,
    readsDerived: true,
    handle(c, { store }) {
      const { limit, verdict } = parseWith(labelFilter, c.req.query());
      return c.json({ labels: store.labels.list(verdict, limit) });
    },
  },
];
