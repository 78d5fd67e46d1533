import { overview } from "../../../protocol/overview.ts";
import { readOverview } from "../../overview/overview.ts";
import { parseWith } from "../body.ts";
import type { Route } from "./route.ts";
import { z } from "zod";

const wanted = z.object({ source: z.enum(["editor", "replay"]).nullable().default(null) });

export const overviewRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/overview",
    about: "How often suggestions are taken and kept, by version, length and week, with intervals.",
    query: wanted,
    answers: overview,
    readsDerived: true,
    handle: (c, { store }) => c.json(readOverview(store, parseWith(wanted, c.req.query()).source)),
  },
];
