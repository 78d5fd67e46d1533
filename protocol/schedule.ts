import * as z from "zod";
import { strategy, trainingBackend } from "./api.ts";

const scheduleTrigger = z.enum(["labels", "nightly", "drift", "forgotten"]);
/** `GET /v1/schedule`: when training starts by itself. */
export const trainingSchedule = z.object({
  settings: z.object({
    automatic: z.boolean(),
    labels: z.int(),
    nightly: z.boolean(),
    drift: z.boolean(),
    idleMinutes: z.int(),
    onBattery: z.boolean(),
    strategy,
    backend: trainingBackend,
  }),
  newLabels: z.int(),
  /** `start` with the next look; `wait` for what holds it up; `rest` while nothing is due. */
  decision: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("start"), trigger: scheduleTrigger }),
    z.object({ kind: z.literal("wait"), trigger: scheduleTrigger, for: z.enum(["idle", "mains", "run", "gap"]) }),
    z.object({ kind: z.literal("rest"), reason: z.enum(["off", "nothing-new"]) }),
  ]),
  /** What it started last. */
  last: z.object({
    trigger: scheduleTrigger.nullable(),
    at: z.string().nullable(),
    run: z.string().nullable(),
    /** That run is paused for somebody who types, or until there is mains power. */
    gaveWay: z.boolean(),
  }),
});
export type TrainingSchedule = z.infer<typeof trainingSchedule>;
