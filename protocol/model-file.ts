import * as z from "zod";
import { evaluationReport } from "./evaluation.ts";

/** `GET /v1/models/:id/config`: the model's file that a version was trained with, as it was read then. */
export const versionConfig = z.object({
  version: z.string(),
  /** Null for a version that was trained without one. */
  model: z
    .object({ name: z.string(), file: z.string(), sha256: z.string(), config: z.record(z.string(), z.unknown()) })
    .nullable(),
  /** What it was really trained with, defaults and all. */
  hyperParameters: z.record(z.string(), z.unknown()),
});
export type VersionConfig = z.infer<typeof versionConfig>;

/** `POST /v1/deploy`: serves a version that has won the gate; `version` is the candidate unless given. */
export const deployRequest = z.object({
  version: z.string().min(1).max(64).optional(),
  /** A model's file, absolute: the version has to be of that model, and tested with the thresholds in it. */
  config: z.string().min(1).max(4_096).optional(),
});

export type DeployRequest = z.infer<typeof deployRequest>;

/** What became of it. `trial`: on a share of the suggestions first; `served` already; `none`: there is no candidate. */
export const deployAnswer = z.object({
  outcome: z.enum(["promoted", "trial", "served", "none", "refused"]),
  version: z.string().nullable(),
  reason: z.string(),
  evaluation: evaluationReport.nullable(),
});
export type DeployAnswer = z.infer<typeof deployAnswer>;
