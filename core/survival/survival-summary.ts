import { type BootstrapOptions, type Clustered, clusterIntervals } from "../statistics/cluster-bootstrap.ts";
import { type CausedLifetime, competingRisks, incidenceAt } from "../statistics/competing-risks.ts";
import { halfLife, kaplanMeier, restrictedMean, survivalAt, type SurvivalStep } from "../statistics/kaplan-meier.ts";
import type { LossCause } from "./causes.ts";

/** One snippet's life from its accept until less than half of it was left, or until it was last seen. Times in days. */
export interface SnippetLife extends CausedLifetime, Clustered {
  readonly cause: LossCause | "";
  /** Significant tokens. */
  readonly nTokens: number;
}

/** A figure with its interval; null bounds are open, a null interval is not known. */
export interface Estimate {
  readonly value: number | null;
  readonly interval: { readonly low: number | null; readonly high: number | null } | null;
}

export interface SurvivalSummary {
  readonly nSnippets: number;
  readonly nTokens: number;
  /** Lives whose end was seen. */
  readonly nEnded: number;
  /** Days for which anybody was followed. */
  readonly followedDays: number;
  readonly curve: readonly SurvivalStep[];
  /** Bounds of the curve at evenly spread days. */
  readonly band: readonly { readonly day: number; readonly low: number; readonly high: number }[];
  /** Day by which half are gone. */
  readonly halfLifeDays: Estimate;
  /** Mean life within the first 90 days, in days. */
  readonly restrictedMeanDays: Estimate;
  /** S at 7, 14, 30 and 90 days; null while nobody was followed so long. */
  readonly at: readonly { readonly day: number; readonly survival: Estimate }[];
  /** S at the same days where each token counts, not each snippet. */
  readonly perToken: readonly { readonly day: number; readonly survival: number | null }[];
  /** By cause: share of all snippets that had ended for it by the last day of the horizon. */
  readonly causes: readonly { readonly cause: LossCause; readonly ended: number; readonly share: number }[];
}

export const SUMMARY_DAYS = [7, 14, 30, 90] as const;
/** Beyond it few are followed. */
export const HORIZON_DAYS = 90;
/** Points of the band. */
const BAND_POINTS = 60;

/** Sums lives up. Intervals are bootstrapped by repository and session. */
export const summariseLives = (lives: readonly SnippetLife[], options: BootstrapOptions): SurvivalSummary => {
  const followedDays = Math.max(0, ...lives.map(({ time }) => time));
  const curve = kaplanMeier(lives);
  const reaches = (day: number): boolean => followedDays >= day || (curve.at(-1)?.survival ?? 1) === 0;
  const bandDays = Array.from({ length: BAND_POINTS + 1 }, (_, at) => (at * Math.min(followedDays, 365)) / BAND_POINTS);
  const figures = (counts: Float64Array): (number | null)[] => {
    const steps = kaplanMeier(lives.map((life, at) => ({ ...life, weight: counts[at] ?? 0 })));
    return [
      halfLife(steps),
      restrictedMean(steps, HORIZON_DAYS),
      ...SUMMARY_DAYS.map((day) => survivalAt(steps, day)),
      ...bandDays.map((day) => survivalAt(steps, day)),
    ];
  };
  const intervals = clusterIntervals(lives, figures, options);
  const estimate = (value: number | null, at: number): Estimate => ({
    value,
    interval: value === null && at > 0 ? null : (intervals[at] ?? null),
  });
  const byToken = kaplanMeier(lives.map((life) => ({ ...life, weight: life.nTokens })));
  const firstBand = 2 + SUMMARY_DAYS.length;
  return {
    nSnippets: lives.length,
    nTokens: lives.reduce((sum, { nTokens }) => sum + nTokens, 0),
    nEnded: lives.filter(({ ended }) => ended).length,
    followedDays,
    curve,
    band: bandDays.flatMap((day, at) => {
      const interval = intervals[firstBand + at];
      return interval ? [{ day, low: interval.low ?? 0, high: interval.high ?? 1 }] : [];
    }),
    halfLifeDays: estimate(halfLife(curve), 0),
    restrictedMeanDays: estimate(reaches(HORIZON_DAYS) ? restrictedMean(curve, HORIZON_DAYS) : null, 1),
    at: SUMMARY_DAYS.map((day, at) => ({
      day,
      survival: estimate(reaches(day) ? survivalAt(curve, day) : null, 2 + at),
    })),
    perToken: SUMMARY_DAYS.map((day) => ({ day, survival: reaches(day) ? survivalAt(byToken, day) : null })),
    causes: causeShares(lives, followedDays),
  };
};

const causeShares = (lives: readonly SnippetLife[], followedDays: number): SurvivalSummary["causes"] => {
  const risks = competingRisks(lives);
  return [...risks.incidence.keys()]
    .map((cause) => ({
      cause: cause as LossCause,
      ended: lives.filter((life) => life.ended && life.cause === cause).length,
      share: incidenceAt(risks, cause, followedDays),
    }))
    .sort((left, right) => right.share - left.share || (left.cause < right.cause ? -1 : 1));
};
