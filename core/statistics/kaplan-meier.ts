import { normalQuantile } from "./quantile.ts";

export interface Lifetime {
  /** When the life ended or was last seen, in any unit, 0 or more. */
  readonly time: number;
  /** False when the life was still going on when it was last seen (right-censored). */
  readonly ended: boolean;
  /** When it came under observation (left truncation), exclusive; from the beginning when left out. */
  readonly entry?: number;
  /** How much it counts, such as its tokens; 1 when left out. Greenwood's variance holds for equal weights only. */
  readonly weight?: number;
}

export interface SurvivalStep {
  readonly time: number;
  /** Share that lives beyond `time`. */
  readonly survival: number;
  /** Lives, or their weights, under observation just before `time`. */
  readonly nAtRisk: number;
  readonly nEnded: number;
  /** Greenwood's sum of d / (n (n - d)) so far; Infinity once all at risk have ended. */
  readonly greenwood: number;
}

/** Lives that ended at one time, and the lives at risk of it. */
export interface RiskMoment<L extends Lifetime> {
  readonly time: number;
  readonly nAtRisk: number;
  readonly nEnded: number;
  readonly ended: readonly L[];
}

/**
 * Kaplan-Meier estimate S(t) = product of (1 - d / n) over the times at which lives ended. At risk at a time
 * is who entered before it and was seen at it or later: a life that is censored at a time counts, one that
 * enters at it does not. A life that enters when it is already over tells nothing.
 */
export const kaplanMeier = (lifetimes: readonly Lifetime[]): SurvivalStep[] => {
  const steps: SurvivalStep[] = [];
  let survival = 1;
  let greenwood = 0;
  for (const { time, nAtRisk, nEnded } of riskMoments(lifetimes)) {
    survival *= 1 - nEnded / nAtRisk;
    greenwood += nAtRisk === nEnded ? Infinity : nEnded / (nAtRisk * (nAtRisk - nEnded));
    steps.push({ time, survival: Math.max(0, survival), nAtRisk, nEnded, greenwood });
  }
  return steps;
};

/** The times at which lives ended, ascending, with who was at risk. */
export const riskMoments = <L extends Lifetime>(lifetimes: readonly L[]): RiskMoment<L>[] => {
  const lives = lifetimes.filter((life) => weightOf(life) > 0 && entryOf(life) < life.time);
  const byEnd = [...lives].sort((left, right) => left.time - right.time);
  const byEntry = [...lives].sort((left, right) => entryOf(left) - entryOf(right));
  const moments: RiskMoment<L>[] = [];
  let [nEntered, entered, left] = [0, 0, 0];
  for (let at = 0; at < byEnd.length;) {
    const time = (byEnd[at] as L).time;
    for (; entered < byEntry.length && entryOf(byEntry[entered] as L) < time; entered += 1) {
      nEntered += weightOf(byEntry[entered] as L);
    }
    const nAtRisk = nEntered - left;
    const ended: L[] = [];
    let nEnded = 0;
    for (; at < byEnd.length && (byEnd[at] as L).time === time; at += 1) {
      const life = byEnd[at] as L;
      left += weightOf(life);
      if (!life.ended) continue;
      nEnded += weightOf(life);
      ended.push(life);
    }
    if (nEnded > 0) moments.push({ time, nAtRisk, nEnded: Math.min(nEnded, nAtRisk), ended });
  }
  return moments;
};

/** A life without an entry was under observation from before its first moment. */
const entryOf = (life: Lifetime): number => life.entry ?? -Infinity;
const weightOf = (life: Lifetime): number => life.weight ?? 1;

/** S(time), 1 before the first step. */
export const survivalAt = (steps: readonly SurvivalStep[], time: number): number => stepAt(steps, time)?.survival ?? 1;

/** The last step up to a time, or null before the first. */
export const stepAt = <S extends { readonly time: number }>(steps: readonly S[], time: number): S | null => {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as S).time <= time) low = middle + 1;
    else high = middle;
  }
  return steps[low - 1] ?? null;
};

/** First time at which at most half live on, or null when the curve does not get there. */
export const halfLife = (steps: readonly SurvivalStep[]): number | null =>
  steps.find((step) => step.survival <= 0.5)?.time ?? null;

/**
 * Mean life up to a horizon: the area under the curve from 0. Beyond the last step the curve is level, so a
 * caller has to know that somebody was followed to the horizon.
 */
export const restrictedMean = (steps: readonly SurvivalStep[], horizon: number): number => {
  let [area, from, survival] = [0, 0, 1];
  for (const step of steps) {
    if (step.time >= horizon) break;
    area += survival * (Math.max(0, step.time) - from);
    from = Math.max(0, step.time);
    survival = step.survival;
  }
  return area + survival * (horizon - from);
};

/**
 * Pointwise interval from Greenwood's variance on the scale of log(-log S) (Kalbfleisch and Prentice), which
 * stays within 0 and 1. Lives are taken for independent and equally weighted.
 */
export const greenwoodInterval = (step: SurvivalStep, confidence: number): { low: number; high: number } => {
  const { survival, greenwood } = step;
  if (survival <= 0 || survival >= 1) return { low: survival, high: survival };
  const z = normalQuantile(0.5 + confidence / 2);
  const spread = (z * Math.sqrt(greenwood)) / Math.abs(Math.log(survival));
  const power = (sign: 1 | -1): number => survival ** Math.exp(sign * spread);
  return { low: power(1), high: power(-1) };
};
