import type { Route } from "./route.ts";

export const metricRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/metrics",
    about: "Counts and times of the server, in Prometheus's text format.",
    answers: "text/plain",
    handle: async (c, { metrics }) =>
      c.body(await metrics.prometheus(), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }),
  },
];
