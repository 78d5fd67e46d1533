import { z } from "zod";
import { DEFAULT_CAPS } from "../../core/datasets/caps.ts";
import { DEFAULT_FRACTIONS } from "../../core/datasets/split.ts";
import { DEFAULT_GATE } from "../../core/evaluation/gate.ts";
import { DEFAULT_LABEL_TABLE } from "../../core/labels/label-table.ts";
import { DEFAULT_SCHEDULE } from "../../core/schedule.ts";
import { huggingFaceSection, labelStudioSection, mlflowSection, s3Section } from "./service-sections.ts";
import { isCron } from "./cron.ts";

/**
 * `models/<name>/config.yaml`: the single source of truth of a model. What a run, the labels, the schedule, the
 * gate and the services use comes from it; what it leaves out is the default that stands here. Names and addresses
 * only: secrets come from the environment. docs/models.md has every key.
 */
const share = z.number().min(0).max(1);
/** Log-odds; ten of them are certainty. */
const logOdds = z.number().min(-10).max(10);

const trainingSection = z.strictObject({
  /** To imitate completions, to learn from judged ones, or from pairs. */
  objective: z.enum(["sft", "kto", "dpo"]).default("sft"),
  rank: z.int().min(1).max(256).optional(),
  /** Twice the rank unless given. */
  alpha: z.number().positive().max(1_024).optional(),
  learningRate: z.number().positive().max(1).optional(),
  /** As many as fit the rows unless given. */
  steps: z.int().min(1).max(100_000).optional(),
  warmupSteps: z.int().min(0).max(10_000).optional(),
  weightDecay: z.number().min(0).max(1).optional(),
  clipNorm: z.number().positive().max(1_000).optional(),
  batchRows: z.int().min(1).max(256).optional(),
  /** Batches whose gradients make one step. */
  accumulation: z.int().min(1).max(1_024).optional(),
  rowTokens: z.int().min(32).max(32_768).optional(),
  /** Tokens of a batch that are learnt, at most. */
  targetTokens: z.int().min(16).max(32_768).optional(),
  /** Part of what is learnt that is general, against forgetting. */
  generalShare: z.number().min(0).max(0.5).optional(),
  /** Blocks that the strategy `top-layers` trains. */
  topLayers: z.int().min(1).max(1_000).optional(),
});

const table = DEFAULT_LABEL_TABLE;
const findings = z.strictObject({
  "test-passed": logOdds.default(table.findings["test-passed"]),
  "test-failed": logOdds.default(table.findings["test-failed"]),
  "test-fixed": logOdds.default(table.findings["test-fixed"]),
  error: logOdds.default(table.findings.error),
  slower: logOdds.default(table.findings.slower),
  faster: logOdds.default(table.findings.faster),
  approved: logOdds.default(table.findings.approved),
  "changes-requested": logOdds.default(table.findings["changes-requested"]),
});
const blame = z.strictObject({
  undo: share.default(table.blame.undo),
  revert: share.default(table.blame.revert),
  regenerate: share.default(table.blame.regenerate),
  quick_rewrite: share.default(table.blame.quick_rewrite),
  fix: share.default(table.blame.fix),
  other: share.default(table.blame.other),
  refactor: share.default(table.blame.refactor),
  abandoned: share.default(table.blame.abandoned),
  format: share.default(table.blame.format),
  moved: share.default(table.blame.moved),
});
/** What each signal is worth: a label is good when the sum of its log-odds says so. */
export const labelsSection = z.strictObject({
  goodFrom: share.default(table.goodFrom),
  badUpTo: share.default(table.badUpTo),
  ratedUp: logOdds.default(table.ratedUp),
  ratedDown: logOdds.default(table.ratedDown),
  accepted: logOdds.default(table.accepted),
  partiallyAccepted: logOdds.default(table.partiallyAccepted),
  typedThrough: logOdds.default(table.typedThrough),
  rejectedAfterRead: logOdds.default(table.rejectedAfterRead),
  typedOverAfterRead: logOdds.default(table.typedOverAfterRead),
  ignoredAfterRead: logOdds.default(table.ignoredAfterRead),
  undone: logOdds.default(table.undone),
  errorsLeft: logOdds.default(table.errorsLeft),
  findings: findings.prefault({}),
  survival: logOdds.default(table.survival),
  blame: blame.prefault({}),
});

export type LabelsSection = z.infer<typeof labelsSection>;

const datasetSection = z.strictObject({
  /** Folders whose git history is mined, relative to the file. */
  workspaces: z.array(z.string().min(1).max(4_096)).max(16).default([]),
  /** What people did with suggestions, and what was committed. */
  sources: z
    .array(z.enum(["feedback", "history"]))
    .min(1)
    .default(["feedback", "history"]),
  /** Paths to leave out, as `.gitignore` writes them. */
  exclude: z.array(z.string().min(1).max(512)).max(200).default([]),
  /** Rows that weigh less are left out. */
  minWeight: share.default(0),
  /** Only what was written in the last days; null is all of it. */
  days: z.number().positive().max(36_500).nullable().default(null),
  caps: z
    .strictObject({
      perFile: share.default(DEFAULT_CAPS.perFile),
      perRepository: share.default(DEFAULT_CAPS.perRepository),
      perPerson: share.default(DEFAULT_CAPS.perPerson),
    })
    .prefault({}),
  /** Parts by time: the oldest trains, the newest tests. */
  split: z
    .strictObject({
      train: share.default(DEFAULT_FRACTIONS.train),
      validation: share.default(DEFAULT_FRACTIONS.validation),
      test: share.default(DEFAULT_FRACTIONS.test),
    })
    .prefault({}),
});

/** When training starts by itself. */
export const scheduleSection = z.strictObject({
  automatic: z.boolean().default(DEFAULT_SCHEDULE.automatic),
  labels: z.int().min(20).max(100_000).default(DEFAULT_SCHEDULE.labels),
  nightly: z.boolean().default(DEFAULT_SCHEDULE.nightly),
  drift: z.boolean().default(DEFAULT_SCHEDULE.drift),
  idleMinutes: z.int().min(1).max(1_440).default(DEFAULT_SCHEDULE.idleMinutes),
  onBattery: z.boolean().default(DEFAULT_SCHEDULE.onBattery),
});

const ciSection = z.strictObject({
  /** When the workflows run, five fields in UTC; null is on demand alone. */
  cron: z
    .string()
    .refine(isCron, "five fields as cron has them: minute hour day month weekday")
    .nullable()
    .default("17 3 * * *"),
  /** New human verdicts after which the server starts the training workflow; null is never. */
  annotations: z.int().min(1).max(100_000).nullable().default(null),
  /** Address that starts it: GitHub's `…/repos/<owner>/<name>/dispatches`, or Forgejo's `…/actions/workflows/<file>/dispatches`. */
  dispatchUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null),
  /** Branch that Forgejo runs it on. */
  ref: z.string().min(1).max(255).default("main"),
});

/** What a challenger has to show before it serves. */
export const gateSection = z.strictObject({
  primary: z.enum(["held-out-loss", "edit-similarity", "accepted-at-line"]).default(DEFAULT_GATE.primary),
  confidence: z.number().min(0.5).max(0.999).default(DEFAULT_GATE.confidence),
  resamples: z.int().min(200).max(100_000).default(DEFAULT_GATE.resamples),
  /** Cases that are tested at most, and that there have to be. */
  maxCases: z.int().min(5).max(5_000).default(DEFAULT_GATE.maxCases),
  minCases: z.int().min(5).max(5_000).default(DEFAULT_GATE.minCases),
  minGroups: z.int().min(2).max(1_000).default(DEFAULT_GATE.minGroups),
  /** How far a measure that is not the primary one may fall. */
  maxDrop: share.default(DEFAULT_GATE.maxDrop),
  /** How many times the champion's processor time. */
  maxSlowdown: z.number().min(1).max(10).default(DEFAULT_GATE.maxSlowdown),
  maxLengthDistance: share.default(DEFAULT_GATE.maxLengthDistance),
  /** How far the loss on general code may rise, relative. */
  maxForgetting: share.default(DEFAULT_GATE.maxForgetting),
});

/** Without the rules that join keys: {@link modelConfigSchema} has them. */
const keys = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,63}$/, "lower-case letters, digits, dots and hyphens, at most 64"),
  problemType: z.enum(["completion"]).default("completion"),
  /** `base` is the model that Kept ships; a folder relative to the file, or `owner/name` as it was pulled. */
  base: z.string().min(1).max(4_096).default("base"),
  /** VS Code's language identifiers; none means all. */
  languages: z
    .array(z.string().regex(/^[a-z][a-z0-9+#-]{0,31}$/, "a language as VS Code names it: typescript, python"))
    .max(50)
    .default([]),
  strategy: z.enum(["in-context", "lora", "top-layers", "full"]).default("lora"),
  backend: z.enum(["onnx", "torch"]).default("onnx"),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31)
    .default(1),
  training: trainingSection.prefault({}),
  /** Null leaves them as Kept ships them, or as `kept labels use` chose. */
  labels: labelsSection.nullable().default(null),
  dataset: datasetSection.prefault({}),
  schedule: scheduleSection.prefault({}),
  gate: gateSection.prefault({}),
  ci: ciSection.prefault({}),
  mlflow: mlflowSection.prefault({}),
  labelStudio: labelStudioSection.prefault({}),
  s3: s3Section.prefault({}),
  huggingFace: huggingFaceSection.prefault({}),
});
export type ModelConfig = z.infer<typeof keys>;

/** Keys that make no sense together: where, and why. */
const CONFLICTS: readonly {
  readonly at: readonly string[];
  readonly why: string;
  readonly when: (config: ModelConfig) => boolean;
}[] = [
  {
    at: ["backend"],
    why: "the strategy in-context trains nothing: leave the backend out",
    when: ({ strategy, backend }) => strategy === "in-context" && backend === "torch",
  },
  {
    at: ["training", "rank"],
    why: "only the strategy lora has a rank",
    when: ({ strategy, training }) => strategy !== "lora" && training.rank !== undefined,
  },
  {
    at: ["training", "alpha"],
    why: "only the strategy lora has an alpha",
    when: ({ strategy, training }) => strategy !== "lora" && training.alpha !== undefined,
  },
  {
    at: ["training", "topLayers"],
    why: "only the strategy top-layers trains a number of blocks",
    when: ({ strategy, training }) => strategy !== "top-layers" && training.topLayers !== undefined,
  },
  {
    at: ["training", "steps"],
    why: "the strategy in-context trains nothing, so it has no steps",
    when: ({ strategy, training }) => strategy === "in-context" && training.steps !== undefined,
  },
  {
    at: ["training", "warmupSteps"],
    why: "the warm-up is longer than all of the steps",
    when: ({ training: { steps, warmupSteps } }) => steps !== undefined && (warmupSteps ?? 0) > steps,
  },
  {
    at: ["training", "objective"],
    why: "kto and dpo learn from judged suggestions: dataset.sources has to name feedback",
    when: ({ training, dataset }) => training.objective !== "sft" && !dataset.sources.includes("feedback"),
  },
  {
    at: ["labels", "badUpTo"],
    why: "a suggestion would be good and bad at once: badUpTo has to be below goodFrom",
    when: ({ labels }) => labels !== null && labels.badUpTo >= labels.goodFrom,
  },
  {
    at: ["dataset", "split"],
    why: "train, validation and test have to be 1 together",
    when: ({ dataset: { split } }) => Math.abs(split.train + split.validation + split.test - 1) > 1e-6,
  },
  {
    at: ["dataset", "split", "train"],
    why: "nothing would be left to train on",
    when: ({ dataset: { split } }) => split.train === 0,
  },
  {
    at: ["dataset", "split", "test"],
    why: "the gate has nothing to test on, so nothing would ever be promoted",
    when: ({ dataset: { split } }) => split.test === 0,
  },
  {
    at: ["dataset", "workspaces"],
    why: "no history is mined unless dataset.sources names history",
    when: ({ dataset }) => dataset.workspaces.length > 0 && !dataset.sources.includes("history"),
  },
  {
    at: ["gate", "minCases"],
    why: "more cases have to be there than are tested (maxCases), so nothing would ever be promoted",
    when: ({ gate }) => gate.minCases > gate.maxCases,
  },
  {
    at: ["gate", "minGroups"],
    why: "more groups than cases",
    when: ({ gate }) => gate.minGroups > gate.maxCases,
  },
  {
    at: ["ci", "annotations"],
    why: "there is no address to tell: set ci.dispatchUrl",
    when: ({ ci }) => ci.annotations !== null && ci.dispatchUrl === null,
  },
  {
    at: ["mlflow", "enabled"],
    why: "there is no server to send to: set mlflow.trackingUri",
    when: ({ mlflow }) => mlflow.enabled && mlflow.trackingUri === null,
  },
  {
    at: ["labelStudio", "enabled"],
    why: "there is no server to send to: set labelStudio.url",
    when: ({ labelStudio }) => labelStudio.enabled && labelStudio.url === null,
  },
  {
    at: ["s3", "enabled"],
    why: "there is no place to put anything: set s3.bucket",
    when: ({ s3 }) => s3.enabled && s3.bucket === null,
  },
  {
    at: ["huggingFace", "enabled"],
    why: "there is no repository to push to: set huggingFace.repository",
    when: ({ huggingFace }) => huggingFace.enabled && huggingFace.repository === null,
  },
];

/** Every key, its default, and what may not stand together. */
export const modelConfigSchema = keys.check(({ value, issues }) => {
  for (const { at, why, when } of CONFLICTS) {
    if (when(value)) issues.push({ code: "custom", path: [...at], message: why, input: value });
  }
});
