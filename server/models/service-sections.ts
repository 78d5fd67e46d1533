import { z } from "zod";

/**
 * What a model's file says of services outside: names and addresses. All of them are off until they are turned on,
 * and nothing is sent before the address is allowed with `kept egress allow`. Secrets come from the environment.
 */
const address = z
  .url({ protocol: /^https?$/, error: "an address of http or https" })
  .refine(
    (text) => !URL.canParse(text) || (new URL(text).username === "" && new URL(text).password === ""),
    "no user name or password in an address: they come from the environment",
  )
  .refine((text) => !text.includes("?") && !text.includes("#"), "no query and no fragment in an address");

/** A name without characters that an address or a path would take for its own. */
const plainName = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,127}$/u, "letters, digits, spaces, dots, _ and -");

/** Environment: `MLFLOW_TRACKING_USERNAME`, `MLFLOW_TRACKING_PASSWORD`, `MLFLOW_TRACKING_TOKEN`. */
export const mlflowSection = z.strictObject({
  enabled: z.boolean().default(false),
  trackingUri: address.nullable().default(null),
  /** The model's name unless given. */
  experiment: plainName.optional(),
  registeredModel: plainName.optional(),
  /** Tags of every run and version. */
  tags: z.record(z.string().regex(/^[\w.-]{1,100}$/), z.string().max(500)).default({}),
  /** Also the adapter's files, not only figures. */
  logArtifacts: z.boolean().default(true),
});

/** Environment: `LABEL_STUDIO_API_KEY`. */
export const labelStudioSection = z.strictObject({
  enabled: z.boolean().default(false),
  url: address.nullable().default(null),
  /** Title of the project; the model's name unless given. */
  project: plainName.optional(),
  /** Labelling interface, a file beside this one. */
  template: z.string().min(1).max(255).default("labeling.xml"),
  /** Where Label Studio reaches this server as an ML backend; null leaves the connection out. */
  mlBackendUrl: address.nullable().default(null),
  /** Tasks pushed at once, and how unsure a label has to be for one: 0 is certain, 1 is even. */
  maxTasks: z.int().min(1).max(10_000).default(200),
  minUncertainty: z.number().min(0).max(1).default(0.4),
  /** Between two looks for annotations that no webhook told of. */
  reconcileMinutes: z.int().min(1).max(10_080).default(60),
});

/** Environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`. */
export const s3Section = z.strictObject({
  enabled: z.boolean().default(false),
  /** Null is Amazon's own for the region. */
  endpoint: address.nullable().default(null),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, "a region: us-east-1")
    .default("us-east-1"),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "3 to 63 lower-case letters, digits, dots and hyphens")
    .nullable()
    .default(null),
  /** Before every key; `kept/` unless given. */
  prefix: z
    .string()
    .regex(/^([\w.-]+\/)*$/, "folders that end with a slash: team/kept/")
    .default(""),
  /** The bucket stands in the path, not in the host; unless given, with every endpoint but Amazon's own. */
  pathStyle: z.boolean().optional(),
});

/** Environment: `HF_TOKEN`. */
export const huggingFaceSection = z.strictObject({
  enabled: z.boolean().default(false),
  /** Null is the public hub. */
  endpoint: address.nullable().default(null),
  repository: z
    .string()
    .regex(/^[\w.-]{1,96}\/[\w.-]{1,96}$/, "owner/name")
    .nullable()
    .default(null),
  private: z.boolean().default(true),
});
