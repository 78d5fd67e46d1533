import { serverStatus, shutdownResponse } from "../../../protocol/api.ts";
import { keptVersion } from "../../version.ts";
import type { Route } from "./route.ts";

export const statusRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/status",
    about: "Counts, the serving adapter and the active run.",
    answers: serverStatus,
    readsDerived: true,
    handle: (c, { store }) =>
      c.json({
        version: keptVersion,
        events: store.events.count(),
        suggestions: store.suggestions.count(),
        labels: store.labels.counts(),
        champion: store.versions.alias("champion"),
        activeRun: store.runs.active(),
      }),
  },
  {
    method: "POST",
    path: "/v1/shutdown",
    about: "Finishes what is under way and ends the server.",
    answers: shutdownResponse,
    status: 202,
    readsDerived: true,
    handle(c, { shutdown }) {
      // After this answer has left.
      setImmediate(shutdown);
      return c.json({ stopping: true }, 202);
    },
  },
];
