import { examplePage } from "../../../protocol/api.ts";
import { z } from "zod";
import { parseWith } from "../body.ts";
import type { Route } from "./route.ts";

/** The whole index of a workspace folder, within reason. */
const MAX_EXAMPLES = 2_000;
const filter = z.object({ root: z.string().max(4_096).nullable().default(null) });

export const exampleRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/examples",
    about: "In-context examples that feedback made, newest first, of one workspace folder when one is named.",
    query: filter,
    answers: examplePage,
    readsDerived: true,
    handle(c, { store }) {
      const { root } = parseWith(filter, c.req.query());
      return c.json({ revision: store.examples.revision(), examples: store.examples.list(root, MAX_EXAMPLES) });
    },
  },
];
