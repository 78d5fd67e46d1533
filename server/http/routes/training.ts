import { runCurve, runPage, trainingRequest, type TrainingRun, trainingRun } from "../../../protocol/api.ts";
import { runSamples } from "../../../protocol/samples.ts";
import { trainingSchedule } from "../../../protocol/schedule.ts";
import { z } from "zod";
import { isoTime } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { parseWith, readJson } from "../body.ts";
import type { ServerParts } from "../server-parts.ts";
import { limitParameter } from "./query.ts";
import type { Route } from "./route.ts";

const page = z.object({ limit: limitParameter });

export const trainingRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/training/runs",
    about: "Training runs, newest first.",
    query: page,
    answers: runPage,
    readsDerived: true,
    handle(c, { store }) {
      const { limit } = parseWith(page, c.req.query());
      return c.json({ runs: store.runs.list(limit) });
    },
  },
  {
    method: "POST",
    path: "/v1/training/runs",
    about: "Queues a run: collect, train, test, deploy.",
    body: trainingRequest,
    answers: trainingRun,
    status: 202,
    readsDerived: true,
    async handle(c, { training }) {
      return c.json(training.start(await readJson(c, trainingRequest)), 202);
    },
  },
  {
    method: "GET",
    path: "/v1/schedule",
    about: "When training starts by itself, how much is new, and what it waits for.",
    answers: trainingSchedule,
    readsDerived: true,
    async handle(c, { schedule }) {
      const { settings, newLabels, decision, last } = await schedule();
      const { trigger, at, run, gaveWay } = last;
      return c.json({
        settings,
        newLabels,
        decision,
        last: { trigger, at: at === null ? null : isoTime(at), run, gaveWay },
      });
    },
  },
  {
    method: "GET",
    path: "/v1/training/runs/:id",
    about: "One training run with its evaluation.",
    answers: trainingRun,
    readsDerived: true,
    handle: (c, parts) => c.json(knownRun(parts, c.req.param("id"))),
  },
  {
    method: "GET",
    path: "/v1/training/runs/:id/curve",
    about: "Every stored point of a run's loss curve.",
    answers: runCurve,
    readsDerived: true,
    handle(c, parts) {
      const { id } = knownRun(parts, c.req.param("id"));
      return c.json({ runId: id, points: parts.store.runs.curve(id) });
    },
  },
  {
    method: "GET",
    path: "/v1/training/runs/:id/samples",
    about: "A few places of a run's test, with what was kept there and what both sides wrote.",
    answers: runSamples,
    readsDerived: true,
    handle(c, parts) {
      const { id } = knownRun(parts, c.req.param("id"));
      return c.json({ runId: id, samples: parts.store.samples.ofRun(id) });
    },
  },
  {
    method: "POST",
    path: "/v1/training/runs/:id/cancel",
    about: "Cancels a run that waits or runs.",
    answers: trainingRun,
    readsDerived: true,
    handle(c, parts) {
      const { id } = knownRun(parts, c.req.param("id"));
      if (!parts.training.cancel(id)) throw new AppError("run-not-active", "The run has already ended.");
      return c.json(parts.store.runs.get(id));
    },
  },
  {
    method: "POST",
    path: "/v1/training/runs/:id/pause",
    about: "Ends a run's work until it is resumed; it goes on from its last checkpoint.",
    answers: trainingRun,
    readsDerived: true,
    handle(c, parts) {
      const { id } = knownRun(parts, c.req.param("id"));
      if (!parts.training.pause(id)) throw new AppError("run-not-active", "The run neither waits nor trains.");
      return c.json(parts.store.runs.get(id));
    },
  },
  {
    method: "POST",
    path: "/v1/training/runs/:id/resume",
    about: "Queues a paused run again.",
    answers: trainingRun,
    readsDerived: true,
    handle(c, parts) {
      const { id } = knownRun(parts, c.req.param("id"));
      if (!parts.training.resume(id)) throw new AppError("run-not-active", "The run is not paused.");
      return c.json(parts.store.runs.get(id));
    },
  },
];

function knownRun({ store }: ServerParts, id: string | undefined): TrainingRun {
  const run = store.runs.get(id ?? "");
  if (run === null) throw new AppError("not-found", "There is no training run with this id.");
  return run;
}
