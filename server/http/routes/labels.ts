import { labelVersion, labelVersionChoice, labelVersions, refitRequest } from "../../../protocol/labels.ts";
import { readJson } from "../body.ts";
import type { Route } from "./route.ts";

export const labelRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/labels/versions",
    about: "Which weights labels are made with, and refits to human verdicts with their calibration, newest first.",
    answers: labelVersions,
    readsDerived: true,
    handle: (c, { labels }) => c.json(labels.page()),
  },
  {
    method: "POST",
    path: "/v1/labels/refit",
    about: "Fits the weights of labels to human verdicts; they count only when they are used.",
    body: refitRequest,
    answers: labelVersion,
    status: 201,
    readsDerived: true,
    async handle(c, { labels, reserve }) {
      const { use } = await readJson(c, refitRequest);
      const made = await reserve.use(() => labels.refit());
      if (use) await reserve.use(() => labels.use(made.version));
      return c.json(made, 201);
    },
  },
  {
    method: "PUT",
    path: "/v1/labels/versions",
    about: "Makes every label anew with other weights: a refit's, or those that are shipped.",
    body: labelVersionChoice,
    answers: labelVersions,
    async handle(c, { labels, reserve }) {
      const { version } = await readJson(c, labelVersionChoice);
      await reserve.use(() => labels.use(version));
      return c.json(labels.page());
    },
  },
];
