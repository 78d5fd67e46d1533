import { z } from "zod";

/** MLflow's REST interface, version 2.0, as far as Kept uses it. Fields that it does not know are left out. */

export const tag = z.object({ key: z.string(), value: z.string() });
export type Tag = z.infer<typeof tag>;

/** Steps and times are 64-bit integers: numbers in MLflow's own answers, texts where protobuf's rules apply. */
const int64 = z.coerce.number();

export const metric = z.object({ key: z.string(), value: z.number(), timestamp: int64, step: int64.default(0) });
export type Metric = z.infer<typeof metric>;

/** A metric as it is read: MLflow writes what is no number as a text. */
const readMetric = z.object({ key: z.string(), step: int64.default(0) });

export const problem = z.object({ error_code: z.string().default(""), message: z.string().default("") }).catch({
  error_code: "",
  message: "",
});

export const nothing = z.unknown();

export const experiment = z.object({
  experiment_id: z.string().min(1),
  lifecycle_stage: z.string().default("active"),
});
export type Experiment = z.infer<typeof experiment>;
export const experimentAnswer = z.object({ experiment });
export const experimentMade = z.object({ experiment_id: z.string().min(1) });

export type RunStatus = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";

export const run = z.object({
  info: z.object({
    run_id: z.string().min(1),
    status: z.string().default(""),
    lifecycle_stage: z.string().default("active"),
    artifact_uri: z.string().default(""),
  }),
  data: z
    .object({
      metrics: z.array(readMetric).default([]),
      params: z.array(tag).default([]),
      tags: z.array(tag).default([]),
    })
    .default({ metrics: [], params: [], tags: [] }),
});
export type Run = z.infer<typeof run>;
export const runAnswer = z.object({ run });
export const runsAnswer = z.object({ runs: z.array(run).default([]) });

export interface Dataset {
  readonly name: string;
  /** At most 36 characters. */
  readonly digest: string;
  readonly source_type: string;
  readonly source: string;
  readonly profile: string;
}

export const registeredModelAnswer = z.object({ registered_model: z.object({ name: z.string() }) });

export const modelVersion = z.object({
  name: z.string(),
  version: z.coerce.string(),
  source: z.string().default(""),
  run_id: z.string().default(""),
  tags: z.array(tag).default([]),
});
export type ModelVersion = z.infer<typeof modelVersion>;
export const versionAnswer = z.object({ model_version: modelVersion });
export const versionsAnswer = z.object({ model_versions: z.array(modelVersion).default([]) });
