import * as z from "zod";

/** Whether it is getting better: rates per opportunity with 95 % intervals, never one raw rate. */

const rate = z.object({ n: z.int(), mean: z.number(), low: z.number(), high: z.number() });
export type RateValue = z.infer<typeof rate>;

export const lengthBandName = z.enum(["short", "line", "block", "unknown"]);
export type LengthBandName = z.infer<typeof lengthBandName>;

const rates = {
  band: lengthBandName,
  /** Taken, of the suggestions shown that came to an end. */
  taken: rate,
  /** Fraction kept, 0 where it was not taken, of those that somebody has looked at since. */
  kept: rate,
};

export const versionRates = z.object({ version: z.string().nullable(), ...rates });
/** `week` is the Monday it begins with. */
export const weekRates = z.object({ week: z.string(), ...rates });
export type WeekRatesRow = z.infer<typeof weekRates>;

const comparison = z.object({
  difference: z.number(),
  low: z.number(),
  high: z.number(),
  now: z.int(),
  before: z.int(),
});
export type ComparisonRow = z.infer<typeof comparison>;

/** `GET /v1/overview?source=editor`: of the newest suggestions that one source showed. */
export const overview = z.object({
  source: z.enum(["editor", "replay"]),
  /** Suggestions that came to an end, by source. */
  opportunities: z.object({ editor: z.int(), replay: z.int() }),
  /** Newest first. */
  versions: z.array(versionRates),
  /** In the order of time. */
  weeks: z.array(weekRates),
  /** What serves against what served before it, at the same mix of lengths; null where that cannot be said. */
  served: z.object({ version: z.string().nullable(), before: z.string().nullable() }),
  taken: comparison.nullable(),
  kept: comparison.nullable(),
});
export type Overview = z.infer<typeof overview>;
