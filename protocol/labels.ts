import * as z from "zod";

/** What the signals of a label are worth: as shipped, or refitted to a person's own verdicts. */

const calibration = z.object({
  brier: z.number(),
  logLoss: z.number(),
  /** Mean distance of what came from what was foretold. */
  error: z.number(),
  /** The reliability diagram: shares that came true, with 95 % intervals. */
  bins: z.array(
    z.object({ predicted: z.number(), observed: z.number(), low: z.number(), high: z.number(), cases: z.int() }),
  ),
});
export type CalibrationRow = z.infer<typeof calibration>;

export const refitReport = z.object({
  verdicts: z.int(),
  good: z.int(),
  /** Verdicts on suggestions that have any other signal: the others say nothing of what signals are worth. */
  withSignals: z.int(),
  weights: z.array(z.object({ name: z.string(), before: z.number(), after: z.number(), cases: z.int() })),
  before: calibration,
  /** On verdicts that the weights were not fitted to. */
  after: calibration,
  /** What the refit takes off the Brier score, with a 95 % interval. */
  gain: z.object({ difference: z.number(), low: z.number(), high: z.number() }),
});

export const labelVersion = z.object({
  version: z.string(),
  createdAt: z.string(),
  /** False for what was fitted before an update of Kept changed what labels are: it cannot be used any more. */
  usable: z.boolean(),
  report: refitReport,
});
export type LabelVersionRow = z.infer<typeof labelVersion>;

/** `GET /v1/labels/versions`: which weights labels are made with, and the refits, newest first. */
export const labelVersions = z.object({
  inUse: z.string(),
  shipped: z.string(),
  /** Human verdicts that stand, and how many a refit needs. */
  verdicts: z.int(),
  needed: z.int(),
  versions: z.array(labelVersion),
});
export type LabelVersions = z.infer<typeof labelVersions>;

/** `POST /v1/labels/refit` answers 201 with the `labelVersion`. It counts only when it is asked to. */
export const refitRequest = z.object({ use: z.boolean().default(false) });

/** `PUT /v1/labels/versions` makes every label anew with this version, and answers with `labelVersions`. */
export const labelVersionChoice = z.object({ version: z.string().max(64) });
