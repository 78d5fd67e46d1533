import { type Lifetime, riskMoments, type SurvivalStep, stepAt } from "./kaplan-meier.ts";

/** A life that ends for one of several reasons, of which the first prevents the others. */
export interface CausedLifetime extends Lifetime {
  /** Why it ended; of no meaning for a censored life. */
  readonly cause: string;
}

export interface IncidenceStep {
  readonly time: number;
  /** Share that has ended for this reason by `time`. */
  readonly incidence: number;
}

export interface CompetingRisks {
  /** Kaplan-Meier curve of all causes together. */
  readonly survival: readonly SurvivalStep[];
  /** Cumulative incidence F_c by cause. At every time the F_c and S add up to 1. */
  readonly incidence: ReadonlyMap<string, readonly IncidenceStep[]>;
}

/**
 * Aalen-Johansen estimate of competing risks: F_c(t) = sum of S(t-) d_c / n over the times at which lives ended
 * for c. One minus the Kaplan-Meier curve of a single cause, with the others censored, would overstate it.
 */
export const competingRisks = (lifetimes: readonly CausedLifetime[]): CompetingRisks => {
  const survival: SurvivalStep[] = [];
  const incidence = new Map<string, IncidenceStep[]>();
  let [before, greenwood] = [1, 0];
  for (const { time, nAtRisk, nEnded, ended } of riskMoments(lifetimes)) {
    const byCause = new Map<string, number>();
    for (const { cause, weight = 1 } of ended) byCause.set(cause, (byCause.get(cause) ?? 0) + weight);
    for (const [cause, count] of byCause) {
      const steps = incidence.get(cause) ?? [];
      incidence.set(cause, steps);
      steps.push({ time, incidence: (steps.at(-1)?.incidence ?? 0) + (before * count) / nAtRisk });
    }
    before = Math.max(0, before * (1 - nEnded / nAtRisk));
    greenwood += nAtRisk === nEnded ? Infinity : nEnded / (nAtRisk * (nAtRisk - nEnded));
    survival.push({ time, survival: before, nAtRisk, nEnded, greenwood });
  }
  return { survival, incidence };
};

/** F_c(time), 0 for a cause that nothing ended for. */
export const incidenceAt = (risks: CompetingRisks, cause: string, time: number): number =>
  stepAt(risks.incidence.get(cause) ?? [], time)?.incidence ?? 0;
