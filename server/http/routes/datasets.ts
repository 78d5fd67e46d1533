import { datasetPage, datasetRequest, datasetRow } from "../../../protocol/api.ts";
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { parseWith, readJson } from "../body.ts";
import { limitParameter } from "./query.ts";
import type { Route } from "./route.ts";

/** Mining a large history takes a while; a client that waits longer asks the list. */
const BUILD_DEADLINE_MS = 300_000;

const page = z.object({ limit: limitParameter });

export const datasetRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/datasets",
    about: "Dataset snapshots, newest first.",
    query: page,
    answers: datasetPage,
    readsDerived: true,
    handle(c, { store }) {
      const { limit } = parseWith(page, c.req.query());
      return c.json({ datasets: store.datasets.list(limit) });
    },
  },
  {
    method: "POST",
    path: "/v1/datasets",
    about: "Builds an immutable snapshot from labels and the histories of the given workspaces.",
    body: datasetRequest,
    answers: datasetRow,
    status: 201,
    readsDerived: true,
    async handle(c, { buildDataset }) {
      const request = await readJson(c, datasetRequest);
      return c.json(await buildDataset(request, AbortSignal.timeout(BUILD_DEADLINE_MS)), 201);
    },
  },
  {
    method: "GET",
    path: "/v1/datasets/:id",
    about: "One dataset snapshot.",
    answers: datasetRow,
    readsDerived: true,
    handle(c, { store }) {
      const dataset = store.datasets.get(c.req.param("id") ?? "");
      if (dataset === null) throw new AppError("not-found", "There is no dataset with this id.");
      return c.json(dataset);
    },
  },
];
