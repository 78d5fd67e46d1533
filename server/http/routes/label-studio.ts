import { z } from "zod";
import { hook, prediction, predictRequest } from "../../integrations/label-studio/wire.ts";
import { BACKEND_PATH } from "../../integrations/label-studio/connection.ts";
import { AppError } from "../../errors.ts";
import { readJson } from "../body.ts";
import type { ServerParts } from "../server-parts.ts";
import type { Route } from "./route.ts";

/** A batch of tasks with their code, or a webhook with its project and its task, bytes. */
const MAX_BODY_BYTES = 4 * 2 ** 20;
/** Longest that a batch of predictions may take: Label Studio waits for 100 s, milliseconds. */
const PREDICT_MS = 90_000;

const health = z.object({ status: z.literal("UP"), model_class: z.string() });
/** What Label Studio tells an ML backend of the project is not needed; a token among it is not read. */
const setup = z.object({ project: z.unknown() });

const guarded = (route: Omit<Route, "guard" | "path"> & { readonly path: string }): Route => ({
  ...route,
  path: BACKEND_PATH + route.path,
  guard: "label-studio",
  handle(c, parts) {
    // Before the body is read.
    if (!parts.labelStudio.admits(c.req.header("Authorization")))
      throw new AppError(
        "unauthorized",
        "Label Studio has another password for this server. Run kept label-studio setup.",
      );
    return route.handle(c, parts);
  },
});
const isUp: Route["handle"] = (c) => c.json({ status: "UP", model_class: "Kept" });

/** Kept as an ML backend of Label Studio, and where its webhooks go. */
export const labelStudioRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "",
    about: "Label Studio's ML backend: says that it is there.",
    answers: health,
    handle: isUp,
  },
  { method: "GET", path: "/health", about: "The same.", answers: health, handle: isUp },
  {
    method: "POST",
    path: "/setup",
    about: "Label Studio's ML backend: which model answers.",
    body: setup,
    answers: z.object({ model_version: z.string() }),
    async handle(c: Parameters<Route["handle"]>[0], { labelStudio }: ServerParts) {
      await readJson(c, setup, MAX_BODY_BYTES);
      return c.json({ model_version: labelStudio.modelVersion() });
    },
  },
  {
    method: "GET",
    path: "/versions",
    about: "Label Studio's ML backend: the model that answers now, alone.",
    answers: z.object({ versions: z.array(z.string()) }),
    handle: (c: Parameters<Route["handle"]>[0], { labelStudio }: ServerParts) =>
      c.json({ versions: [labelStudio.modelVersion()] }),
  },
  {
    method: "POST",
    path: "/predict",
    about: "Label Studio's ML backend: completions of the current model and their scores, for tasks.",
    body: predictRequest,
    answers: z.object({ results: z.array(prediction) }),
    async handle(c: Parameters<Route["handle"]>[0], { labelStudio }: ServerParts) {
      const request = await readJson(c, predictRequest, MAX_BODY_BYTES);
      const signal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(PREDICT_MS)]);
      return c.json({ results: await labelStudio.predict(request, signal) });
    },
  },
  {
    method: "POST",
    path: "/webhook",
    about: "Hears from Label Studio that something was said of a task, or that training is wanted.",
    body: hook,
    answers: z.object({ result: z.string(), status: z.string() }),
    status: 201 as const,
    async handle(c: Parameters<Route["handle"]>[0], { labelStudio }: ServerParts) {
      const isKnown = labelStudio.notice(await readJson(c, hook, MAX_BODY_BYTES));
      return isKnown
        ? c.json({ result: "noted", status: "ok" }, 201)
        : c.json({ result: "", status: "Unknown event" }, 200);
    },
  },
  {
    method: "GET",
    path: "/metrics",
    about: "Label Studio's ML backend: no metrics of its own.",
    answers: z.object({}),
    handle: (c: Parameters<Route["handle"]>[0]) => c.json({}),
  },
].map(guarded as (route: unknown) => Route);
