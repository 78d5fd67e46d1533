import * as z from "zod";
import { evaluationReport } from "./evaluation.ts";
import { inContextExample, keptEvent, modelVersion, suggestionContext } from "./events.ts";
import { runModel } from "./run-model.ts";
import { showFilter } from "./show-filter.ts";

/** Wire contracts of the companion server's HTTP interface, version 1. */
export const PROTOCOL_VERSION = 1;

/** Limits of one request. Larger bodies are refused with 413 before they are parsed. */
export const MAX_EVENTS_PER_BATCH = 500;
export const MAX_BATCH_BYTES = 1_048_576;

/** Runtime file: how clients of this machine find the server. Written with mode 0600. */
export const runtimeFile = z.object({
  pid: z.int(),
  port: z.int(),
  token: z.string(),
  version: z.string(),
  protocol: z.int(),
  startedAt: z.string(),
});
export type RuntimeFile = z.infer<typeof runtimeFile>;

/** `GET /healthz`, the only route without a token. */
export const health = z.object({ status: z.literal("ok"), protocol: z.int(), version: z.string() });

/** `GET /readyz`. */
export const readiness = z.object({ ready: z.boolean(), derivationsPending: z.int() });

/** `GET /version`. */
export const versions = z.object({ version: z.string(), protocol: z.int(), schema: z.int(), node: z.string() });

/** `POST /v1/proof`: the server proves that it holds the token before a client sends it anything. */
export const proofRequest = z.object({ nonce: z.string().min(16).max(128) });
export const proofResponse = z.object({ proof: z.string(), pid: z.int(), port: z.int() });

/**
 * What both sides sign: `proof` is the lower-case hex HMAC-SHA256 of this text, keyed by the token's
 * UTF-8 bytes. A client compares it with its own before it sends the token anywhere.
 */
export const proofMessage = (nonce: string, port: number, pid: number): string => `${nonce}.${port}.${pid}`;

/** `POST /v1/events`. The client forgets an event when its status is any of these. */
export const ingestRequest = z.object({ events: z.array(z.unknown()).min(1).max(MAX_EVENTS_PER_BATCH) });
export const ingestStatus = z.object({
  id: z.string(),
  status: z.enum(["accepted", "duplicate", "rejected"]),
  reason: z.string().optional(),
});
export const ingestResponse = z.object({ results: z.array(ingestStatus) });
export type IngestResponse = z.infer<typeof ingestResponse>;

/** `GET /v1/events`: the server's side of the ledger. */
export const eventCounts = z.object({
  count: z.int(),
  /** What became of all that were sent, since this store exists. */
  sent: z.object({ accepted: z.int(), duplicate: z.int(), rejected: z.int() }),
  conflicts: z.int(),
  watermark: z.int(),
});

/** Why a suggestion has its label, one line a signal. */
export const labelReason = z.object({ signal: z.string(), lambda: z.number(), detail: z.string() });
export const label = z.object({
  suggestionId: z.string(),
  verdict: z.enum(["good", "bad", "unknown"]),
  probability: z.number(),
  weight: z.number(),
  reasons: z.array(labelReason),
  version: z.string(),
});
export type LabelRow = z.infer<typeof label>;

/** `GET /v1/suggestions?limit=50&before=<cursor>`: newest first. */
export const suggestionRow = z.object({
  id: z.string(),
  shownAt: z.string(),
  source: z.enum(["editor", "replay", "tool"]),
  /** Absolute path of the workspace folder; older servers do not tell it. */
  root: z.string().optional(),
  path: z.string(),
  language: z.string(),
  line: z.int(),
  completion: z.string(),
  outcome: z.string(),
  rating: z.enum(["up", "down"]).nullable(),
  retained: z.number().nullable(),
  survived: z.number().nullable(),
  model: modelVersion,
  label: label.nullable(),
});
export type SuggestionRow = z.infer<typeof suggestionRow>;
export const suggestionPage = z.object({ suggestions: z.array(suggestionRow), next: z.string().nullable() });

/** `GET /v1/labels?verdict=good&limit=50`: most recently changed first. */
export const labelPage = z.object({ labels: z.array(label) });

/** `GET /v1/suggestions/:id/why`: everything that led to one suggestion. */
export const why = z.object({
  suggestion: suggestionRow,
  context: suggestionContext,
  adapter: z
    .object({
      version: z.string(),
      createdAt: z.string(),
      dataset: z.string(),
      run: z.string(),
      trainedOn: z.int(),
      championBefore: z.string().nullable(),
    })
    .nullable(),
  examples: z.array(inContextExample),
  events: z.array(keptEvent),
});
export type Why = z.infer<typeof why>;

export const datasetRow = z.object({
  id: z.string(),
  createdAt: z.string(),
  sha256: z.string(),
  rows: z.object({ train: z.int(), validation: z.int(), test: z.int() }),
  sources: z.record(z.string(), z.int()),
  /** True when its rows are gone because something in them was forgotten. */
  forgotten: z.boolean().optional(),
  /** True when its rows are gone because their time was over. */
  expired: z.boolean().optional(),
});
export type DatasetRow = z.infer<typeof datasetRow>;

/** `GET /v1/datasets`: newest first. */
export const datasetPage = z.object({ datasets: z.array(datasetRow) });

/** `POST /v1/datasets` builds a snapshot and answers 201 with its `datasetRow`. */
export const datasetRequest = z.object({
  workspaces: z.array(z.string().max(4_096)).max(16).default([]),
  seed: z.int().default(1),
});
export type DatasetRequest = z.infer<typeof datasetRequest>;

export const strategy = z.enum(["in-context", "lora", "top-layers", "full"]);
export const trainingBackend = z.enum(["onnx", "torch"]);

/** `POST /v1/training/runs`. */
export const trainingRequest = z.object({
  strategy: strategy.default("lora"),
  /** `torch` starts Python, which has to be there: `kept train start --backend torch` installs it. */
  backend: trainingBackend.default("onnx"),
  /** Workspace folders whose git history is mined for a cold start. */
  workspaces: z.array(z.string().max(4_096)).max(16).default([]),
  /** Overrides of the model configuration's hyper-parameters. */
  overrides: z
    .object({
      rank: z.int().min(1).max(256).optional(),
      learningRate: z.number().positive().max(1).optional(),
      steps: z.int().min(1).max(100_000).optional(),
      seed: z.int().optional(),
      generalShare: z.number().min(0).max(0.5).optional(),
    })
    .strict()
    .default({}),
  ...runModel,
});
export type TrainingRequest = z.infer<typeof trainingRequest>;

export const runStage = z.enum(["queued", "collect", "train", "test", "deploy", "done"]);
export const runState = z.enum(["queued", "running", "paused", "succeeded", "failed", "cancelled"]);

/** One point of the live curve. Losses in nats per target token. */
export const trainingProgress = z.object({
  runId: z.string(),
  step: z.int(),
  totalSteps: z.int(),
  loss: z.number(),
  validationLoss: z.number().nullable(),
  tokensPerSecond: z.number(),
  secondsLeft: z.number(),
});
export type TrainingProgress = z.infer<typeof trainingProgress>;

export const trainingRun = z.object({
  id: z.string(),
  strategy,
  state: runState,
  stage: runStage,
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
  datasetId: z.string().nullable(),
  versionId: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  trainLoss: z.object({ first: z.number(), last: z.number() }).nullable(),
  evaluation: evaluationReport.nullable(),
});
export type TrainingRun = z.infer<typeof trainingRun>;

/** `GET /v1/training/runs`: newest first. `POST` answers 202 with the queued `trainingRun`, `/:id` and its moves with one. */
export const runPage = z.object({ runs: z.array(trainingRun) });

/** `GET /v1/training/runs/:id/curve`: every stored point, in step order. */
export const runCurve = z.object({ runId: z.string(), points: z.array(trainingProgress) });
export type RunCurve = z.infer<typeof runCurve>;

export const artefactFile = z.object({ name: z.string(), sha256: z.string(), bytes: z.int() });
export type ArtefactFile = z.infer<typeof artefactFile>;

/** An immutable model version: what it is and what it was made from. */
export const modelVersionRow = z.object({
  id: z.string(),
  createdAt: z.string(),
  base: z.string(),
  runId: z.string(),
  datasetId: z.string(),
  files: z.array(artefactFile),
  aliases: z.array(z.string()),
  evaluation: evaluationReport.nullable(),
  /** True when it was trained on something that was forgotten since. */
  tainted: z.boolean().optional(),
});
export type ModelVersionRow = z.infer<typeof modelVersionRow>;

/** `GET /v1/models`: newest first. `GET /v1/models/:id` answers with one `modelVersionRow`. */
export const modelPage = z.object({ models: z.array(modelVersionRow) });

/** Aliases: `champion` is served, `candidate` was trained last, `previous` is what a rollback returns to. */
export const aliasName = z.enum(["champion", "candidate", "previous"]);
export type AliasName = z.infer<typeof aliasName>;
export const aliasRow = z.object({ alias: aliasName, version: z.string().nullable() });

/** `GET /v1/aliases`: where every alias stands, and its moves, newest first. */
export const aliasPage = z.object({
  aliases: z.array(aliasRow),
  history: z.array(
    z.object({
      alias: aliasName,
      from: z.string().nullable(),
      to: z.string().nullable(),
      reason: z.string(),
      movedAt: z.string(),
    }),
  ),
});

/**
 * `PUT /v1/aliases/:alias` moves an alias only when it stands where the client believes it does, and
 * answers with the `aliasRow`; otherwise 409. Moving `champion` sets `previous` to where it stood.
 */
export const aliasMove = z.object({
  to: z.string().nullable(),
  expected: z.string().nullable(),
  reason: z.string().max(500).default(""),
});

/** `GET /v1/deployment`: what an editor should serve now. */
export const deployment = z.object({
  base: z.string(),
  adapter: z.object({ version: z.string(), files: z.array(artefactFile) }).nullable(),
  /** While a candidate is tried: it makes this share of the suggestions, drawn for each. */
  canary: z
    .object({
      share: z.number().gt(0).lt(1),
      adapter: z.object({ version: z.string(), files: z.array(artefactFile) }),
    })
    .optional(),
  /** When to stay quiet; absent while there are too few outcomes for it, or it would be of no use. */
  filter: showFilter.optional(),
  /** Rises whenever the example index changes. */
  examplesRevision: z.int(),
});
export type Deployment = z.infer<typeof deployment>;

/** `GET /v1/examples?root=<folder>`: in-context examples that good labels produced. */
export const exampleRow = inContextExample.extend({ root: z.string(), language: z.string() });
export type ExampleRow = z.infer<typeof exampleRow>;
export const examplePage = z.object({ revision: z.int(), examples: z.array(exampleRow) });

/** What to forget. A file that was recorded at the level of outcomes is named by its keyed hashes too. */
export const forgetScope = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("suggestions"), ids: z.array(z.uuidv7()).min(1).max(1_000) }),
  z.object({
    kind: z.literal("files"),
    files: z
      .array(z.object({ root: z.string().min(1).max(4_096), path: z.string().min(1).max(4_096) }))
      .min(1)
      .max(100),
  }),
  z.object({ kind: z.literal("folders"), roots: z.array(z.string().min(1).max(4_096)).min(1).max(100) }),
  /** Suggestions made, and events seen, from one wall-clock time to another, milliseconds since 1970. */
  z.object({ kind: z.literal("time"), fromMs: z.number().nonnegative(), toMs: z.number().nonnegative() }),
  z.object({ kind: z.literal("everything") }),
]);
export type ForgetScope = z.infer<typeof forgetScope>;

/** `POST /v1/forget`. The same id again is the same request: it answers with what was done. */
export const forgetRequest = z.object({
  id: z.uuidv7(),
  /** What comes later than this is none of it, milliseconds since 1970. */
  requestedAtMs: z.number().nonnegative(),
  scope: forgetScope,
});
export type ForgetRequest = z.infer<typeof forgetRequest>;

/** What a request to forget did. Without any text: it stays. */
export const forgetOperation = z.object({
  id: z.string(),
  kind: z.enum(["suggestions", "files", "folders", "time", "everything"]),
  state: z.enum(["running", "done"]),
  requestedAt: z.string(),
  finishedAt: z.string().nullable(),
  suggestions: z.int(),
  events: z.int(),
  /** Events of other suggestions that had copies of it: the copies are gone. */
  scrubbed: z.int(),
  /** Datasets that held it, and are gone. */
  datasets: z.array(z.string()),
  /** Versions trained on such a dataset: their weights may remember. */
  taintedVersions: z.array(z.string()),
});
export type ForgetOperation = z.infer<typeof forgetOperation>;

/** `GET /v1/forget`: newest first, with every version that was trained on what was forgotten since. */
export const forgetPage = z.object({
  operations: z.array(forgetOperation),
  taintedVersions: z.array(
    z.object({ version: z.string(), dataset: z.string(), operation: z.string(), aliases: z.array(z.string()) }),
  ),
});

/** `GET /v1/status`: what the status item and the dashboard's head show. */
export const serverStatus = z.object({
  version: z.string(),
  events: z.int(),
  suggestions: z.int(),
  labels: z.object({ good: z.int(), bad: z.int(), unknown: z.int() }),
  champion: z.string().nullable(),
  activeRun: z.string().nullable(),
});
export type ServerStatus = z.infer<typeof serverStatus>;

/**
 * `GET /v1/stream` (server-sent events): the `event` field is the key, `data` the JSON value. A client that
 * reconnects sends Last-Event-ID; it reads `deployment` again in any case.
 */
export const streamEvents = {
  progress: trainingProgress,
  run: trainingRun,
  deployment,
  examples: z.object({ revision: z.int() }),
  suggestion: z.object({ id: z.string() }),
} as const;
export type StreamEventName = keyof typeof streamEvents;

/** RFC 9457 problem details with a documented code. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
  id: z.string(),
});
export type Problem = z.infer<typeof problem>;

/** `POST /login` exchanges a one-time code for the token, so that no token is ever in a URL. */
export const loginRequest = z.object({ code: z.string().min(16).max(128) });
export const loginResponse = z.object({ token: z.string() });

/** `POST /v1/login-codes`, for a holder of the token: a code for `POST /login`, good once, for 60 s. */
export const loginCode = z.object({ code: z.string(), expiresAt: z.string() });

/** `POST /v1/token`: the new token is in the runtime file. */
export const tokenRotation = z.object({ rotated: z.literal(true) });

/** `POST /v1/shutdown`, for a holder of the token: the server finishes its requests and ends. */
export const shutdownResponse = z.object({ stopping: z.literal(true) });
