import * as z from "zod";

const canaryArm = z.object({
  suggestions: z.int(),
  accepted: z.int(),
  /** Mean accepted and retained characters of a suggestion, each at most 60. */
  charactersEach: z.number(),
});

/** A candidate on trial: it makes a share of the suggestions until there is evidence. */
export const canaryRow = z.object({
  id: z.string(),
  version: z.string(),
  /** Version that makes the other suggestions; null is the base model alone. */
  champion: z.string().nullable(),
  share: z.number(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  /** `superseded`: the champion was moved by hand. */
  state: z.enum(["running", "promoted", "rolled-back", "superseded"]),
  reason: z.string(),
  /** E-values: decisive from 20 on. */
  harm: z.number(),
  gain: z.number(),
  arms: z.object({ candidate: canaryArm, champion: canaryArm }),
  /**
   * Characters a suggestion that the candidate is worth more than the champion, with a 95 % interval that holds at any
   * time; absent of trials that an older server ended.
   */
  difference: z.object({ mean: z.number(), low: z.number(), high: z.number() }).optional(),
});
export type CanaryRow = z.infer<typeof canaryRow>;

/** How promoted candidates are tried. */
export const canarySettings = z.object({
  /** Share of the suggestions, 0 to promote without a trial. The gate has been won: even odds need the fewest. */
  share: z.number().min(0).max(0.9).default(0.5),
  /** Outcomes after which there is a decision without evidence. */
  limit: z.int().min(20).max(100_000).default(1_000),
  /** Whether the first adapter is tried too; the base model alone has nothing that was learnt to lose. */
  first: z.boolean().default(false),
});
export type CanarySettings = z.infer<typeof canarySettings>;

/** `GET /v1/canary`: the newest canaries first, how they are set, and whether what serves has become worse. */
export const canaryPage = z.object({
  settings: canarySettings,
  canaries: z.array(canaryRow),
  /** What the newest fit of the show filter says of itself; null before the first. */
  filter: z.string().nullable(),
  drift: z.object({
    /** True when accepted and retained characters have fallen for good: it is time to train. */
    alarm: z.boolean(),
    reference: z.int(),
    watched: z.int(),
    expected: z.number(),
    sum: z.number(),
  }),
});
export type CanaryPage = z.infer<typeof canaryPage>;

/** `POST /v1/canary` starts one by hand; `POST /v1/canary/end` ends the one that runs. Both answer its row. */
export const canaryRequest = z.object({ version: z.string().max(64), share: z.number().gt(0).max(0.9).optional() });
export const canaryEnd = z.object({ keep: z.boolean() });
