import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { AppError } from "../errors.ts";
import { describeProblem, parseYaml } from "../models/yaml-source.ts";

/**
 * `models/<name>/config.yaml`: the single source of truth of how a model is trained. Validated here,
 * handed to Python as JSON. Paths in it are relative to the file.
 */
const count = z.int().min(1);
const share = z.number().min(0).max(1);

const cycle = z
  .strictObject({
    minutes: z.number().positive().optional(),
    tokens: count.optional(),
    warmupSeconds: z.number().min(0).optional(),
    warmupTokens: z.int().min(0).optional(),
    /** Share of the cycle at its end over which the learning rates go to zero. */
    decayFraction: share,
    learningRate: z.number().positive().max(1),
    muonLearningRate: z.number().positive().max(1),
    from: z.enum(["best", "stable"]).default("best"),
  })
  .refine((one) => (one.minutes === undefined) !== (one.tokens === undefined), {
    error: "a cycle is as long as `minutes` or `tokens` says: give one of them",
  })
  .refine((one) => one.minutes === undefined || one.warmupTokens === undefined, {
    path: ["warmupTokens"],
    error: "a cycle in minutes has `warmupSeconds`",
  })
  .refine((one) => one.tokens === undefined || one.warmupSeconds === undefined, {
    path: ["warmupSeconds"],
    error: "a cycle in tokens has `warmupTokens`",
  });

export const runConfigurationSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, "lower-case letters, digits, dots and hyphens"),
  /** Model folder to start from; null starts from random weights. */
  base: z.string().min(1).nullable(),
  strategy: z.enum(["full"]),
  backend: z.enum(["torch"]),
  seed: z.int().min(0),
  data: z.strictObject({
    /** Glob of JSON-lines shards `{repo, path, text}`; null waits for `--corpus`. */
    corpus: z.string().min(1).nullable(),
    /** Share of a file extension that is used; 1 for those not named. */
    keep: z.record(z.string(), share),
    tokenizerFiles: count,
    fimRate: share,
    spmRate: share,
    contextRate: share,
    contextChars: z.int().min(0),
    windowChars: z.int().min(100),
    heldOutBuckets: z.int().min(2),
    draws: z.int().min(1).max(1_000),
  }),
  model: z
    .strictObject({
      /** Packed rows hold ids of 16 bits; 265 are bytes and special tokens. */
      vocabSize: z.int().min(300).max(65_536),
      hiddenSize: count,
      ffnSize: count,
      layers: count,
      heads: count,
      kvHeads: count,
      headDim: z.int().multipleOf(2).min(2),
      ropeTheta: z.number().positive(),
      contextTokens: z.int().min(16),
      fimOrder: z.enum(["psm", "spm"]),
    })
    .refine((model) => model.heads % model.kvHeads === 0, {
      path: ["kvHeads"],
      error: "heads is a multiple of kvHeads",
    }),
  training: z
    .strictObject({
      batchRows: count,
      microRows: count,
      weightDecay: z.number().min(0),
      clipNorm: z.number().positive(),
      compile: z.boolean(),
      checkpointMinutes: z.number().positive(),
      reportSteps: count,
      heldOutRows: count,
      cycles: z.array(cycle).min(1),
    })
    .refine((training) => training.batchRows % training.microRows === 0, {
      path: ["microRows"],
      error: "batchRows is a multiple of microRows",
    }),
  export: z.strictObject({
    dtype: z.enum(["float32", "float16", "int8"]),
    maxFileMb: z.number().positive(),
  }),
});

export type RunConfiguration = z.infer<typeof runConfigurationSchema>;

/** Reads and checks a file. Throws `config-invalid` with every problem as `file:line:column: key: what`. */
export function readRunConfiguration(file: string): RunConfiguration {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new AppError("config-invalid", `${file} cannot be read.`, { cause, hint: "Check --config." });
  }
  const configuration = parseRunConfiguration(text, file);
  const beside = (place: string | null): string | null => place && path.resolve(path.dirname(file), place);
  return {
    ...configuration,
    base: beside(configuration.base),
    data: { ...configuration.data, corpus: beside(configuration.data.corpus) },
  };
}

/** The configuration in `text`; `file` is what messages name. */
export function parseRunConfiguration(text: string, file: string): RunConfiguration {
  const parsed = parseYaml(text, file, runConfigurationSchema);
  if (parsed.ok) return parsed.value;
  throw new AppError("config-invalid", parsed.problems.map(describeProblem).join("\n"), {
    hint: "docs/training-backends.md describes every key.",
  });
}
