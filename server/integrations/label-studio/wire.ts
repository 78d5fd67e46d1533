import { z } from "zod";

/** Label Studio's REST interface and what it sends, as far as Kept uses it. Other fields are left out. */

/** One answer in an annotation: of a `<Choices>` or a `<TextArea>`. */
export const result = z.object({
  from_name: z.string().default(""),
  value: z
    .object({ choices: z.array(z.string()).optional(), text: z.union([z.array(z.string()), z.string()]).optional() })
    .default({}),
});

export const annotation = z.object({
  id: z.int(),
  result: z.array(result).default([]),
  was_cancelled: z.boolean().default(false),
  updated_at: z.string().default(""),
});
export type Annotation = z.infer<typeof annotation>;

export const task = z.object({
  id: z.int(),
  data: z.record(z.string(), z.unknown()).default({}),
  annotations: z.array(annotation).default([]),
});
export type Task = z.infer<typeof task>;

/** `total` counts the tasks that the filter leaves. */
export const taskPage = z.object({ total: z.int().default(0), tasks: z.array(task) });

export const project = z.object({ id: z.int().positive(), title: z.string().default("") });
export type Project = z.infer<typeof project>;
export const projectPage = z.object({ results: z.array(project) });

export const imported = z.object({ task_count: z.int(), task_ids: z.array(z.int()).default([]) });

export const webhook = z.object({
  id: z.int(),
  url: z.string().default(""),
  project: z.int().nullable().default(null),
});
export type Webhook = z.infer<typeof webhook>;
export const webhooks = z.array(webhook);

export const mlBackend = z.object({
  id: z.int(),
  url: z.string().default(""),
  title: z.string().nullable().default(null),
});
export type MlBackend = z.infer<typeof mlBackend>;
export const mlBackends = z.array(mlBackend);

export const token = z.object({ access: z.string().min(1) });

export const problem = z
  .object({ detail: z.string().default(""), validation_errors: z.unknown().optional() })
  .catch({ detail: "" });

export const nothing = z.unknown();

/** What a webhook says: which action, and what it was about. */
export const hook = z.object({
  action: z.string().max(64),
  annotation: z.object({ id: z.int() }).nullish(),
  annotations: z.array(z.object({ id: z.int() })).nullish(),
  task: z.object({ id: z.int() }).nullish(),
  project: z.unknown().optional(),
});
export type Hook = z.infer<typeof hook>;

/** `POST /predict`. */
export const predictRequest = z.object({
  tasks: z.array(z.object({ id: z.int().nullish(), data: z.record(z.string(), z.unknown()).default({}) })).max(500),
});
export type PredictRequest = z.infer<typeof predictRequest>;

export const prediction = z.object({
  model_version: z.string(),
  score: z.number(),
  result: z.array(
    z.object({
      from_name: z.string(),
      to_name: z.string(),
      type: z.string(),
      value: z.record(z.string(), z.unknown()),
    }),
  ),
});
export type Prediction = z.infer<typeof prediction>;
