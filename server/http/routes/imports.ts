import { z } from "zod";
import {
  importAcceptance,
  importedSuggestions,
  importPage,
  importRow,
  type ImportRow,
} from "../../../protocol/imports.ts";
import { AppError } from "../../errors.ts";
import type { ImportDecision } from "../../store/import-store.ts";
import { parseWith, readJson } from "../body.ts";
import type { ServerParts } from "../server-parts.ts";
import { limitParameter } from "./query.ts";
import type { Route } from "./route.ts";

const page = z.object({ limit: limitParameter });

export const importRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/imports",
    about: "What came from other machines and files, newest first, and whether it may be learnt from.",
    query: page,
    answers: importPage,
    readsDerived: true,
    handle(c, { store }) {
      const { limit } = parseWith(page, c.req.query());
      return c.json({ imports: store.imports.list(limit) });
    },
  },
  {
    method: "GET",
    path: "/v1/imports/:id/suggestions",
    about: "The newest suggestions of an import, with the labels that they would count with.",
    query: page,
    answers: importedSuggestions,
    readsDerived: true,
    handle(c, { store }) {
      const { limit } = parseWith(page, c.req.query());
      const { id } = known(store.imports.get(c.req.param("id") ?? ""));
      const rows = store.imports.suggestionIds(id, limit).map((one) => store.suggestions.get(one));
      return c.json({ suggestions: rows.filter((row) => row !== null) });
    },
  },
  {
    method: "POST",
    path: "/v1/imports/:id/accept",
    about:
      "Lets an import into datasets, examples and label weights; under the cap of one person unless it is the owner's own.",
    body: importAcceptance,
    answers: importRow,
    readsDerived: true,
    async handle(c, parts) {
      const { mine } = await readJson(c, importAcceptance);
      return c.json(decide(parts, c.req.param("id") ?? "", mine ? "accepted-as-own" : "accepted"));
    },
  },
  {
    method: "POST",
    path: "/v1/imports/:id/refuse",
    about: "Keeps an import out of everything that is learnt; forgetting deletes it.",
    answers: importRow,
    readsDerived: true,
    handle: (c, parts) => c.json(decide(parts, c.req.param("id") ?? "", "refused")),
  },
];

/** Labels and examples follow at once, datasets with the next that is built. */
function decide({ store, clock, events }: ServerParts, id: string, decision: ImportDecision): ImportRow {
  store.transaction(() => {
    if (!store.imports.decide(id, decision, clock.wallMs())) known(null);
    store.derivations.add(store.imports.touched(id));
  });
  events.derive();
  return known(store.imports.get(id));
}

function known(row: ImportRow | null): ImportRow {
  if (row === null) throw new AppError("not-found", "There is no import with this id.");
  return row;
}
