import * as z from "zod";

/** Challenger against champion on the same later cases. */
export const evaluationReport = z.object({
  id: z.string(),
  challenger: z.string(),
  champion: z.string(),
  cases: z.int(),
  /** Exact first line, fraction of cases. */
  acceptedAtLine: z.object({ challenger: z.number(), champion: z.number() }),
  editSimilarity: z.object({ challenger: z.number(), champion: z.number() }),
  /** Mean loss in nats per target token on the held-out completions, as they are served: with remembered code. */
  heldOutLoss: z.object({ challenger: z.number(), champion: z.number() }),
  /** The same of the models alone, without what they copy; reports of older servers have that in `heldOutLoss`. */
  lossAlone: z.object({ challenger: z.number(), champion: z.number() }).optional(),
  primary: z.object({
    metric: z.string(),
    difference: z.number(),
    low: z.number(),
    high: z.number(),
    confidence: z.number(),
    resamples: z.int(),
  }),
  guards: z.array(z.object({ name: z.string(), holds: z.boolean(), detail: z.string() })),
  /** Cases at which 3 points of accepted@line are told from none; reports of older servers do not say. */
  neededCases: z.int().optional(),
  verdict: z.enum(["promote", "refuse"]),
  reason: z.string(),
});
export type EvaluationReport = z.infer<typeof evaluationReport>;
