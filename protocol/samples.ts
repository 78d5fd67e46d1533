import * as z from "zod";

/** What one side of a test wrote at a place, secrets redacted. */
const written = z.object({
  text: z.string(),
  /** Its first line is exactly the one that was kept. */
  accepted: z.boolean(),
});

/** One place of a run's test: what the developer kept there, and what both sides of the test wrote. */
export const evaluationSample = z.object({
  /** Null for what was mined from git history. */
  suggestionId: z.string().nullable(),
  root: z.string(),
  path: z.string(),
  language: z.string(),
  /** The end of what stands before the cursor, and the beginning of what stands behind it. */
  before: z.string(),
  after: z.string(),
  kept: z.string(),
  champion: written,
  challenger: written,
});
export type EvaluationSample = z.infer<typeof evaluationSample>;

/** `GET /v1/training/runs/:id/samples`: of its test's cases, evenly over time; none once their code was forgotten. */
export const runSamples = z.object({ runId: z.string(), samples: z.array(evaluationSample) });
export type RunSamples = z.infer<typeof runSamples>;
