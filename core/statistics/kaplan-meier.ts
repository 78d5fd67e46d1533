export interface Lifetime {
  /** When the life ended or was last seen, in any unit, 0 or more. */
  readonly time: number;
  /** False when the life was still going on when it was last seen (right-censored). */
  readonly ended: boolean;
}

export interface SurvivalStep {
  readonly time: number;
  /** Share that lives beyond `time`. */
  readonly survival: number;
  readonly nAtRisk: number;
  readonly nEnded: number;
}

/**
 * Kaplan-Meier estimate S(t) = product of (1 - d / n) over the times at which lives ended. A life that is
 * censored at a time counts as at risk at that time.
 */
export const kaplanMeier = (lifetimes: readonly Lifetime[]): SurvivalStep[] => {
  const sorted = [...lifetimes].sort((left, right) => left.time - right.time);
  const steps: SurvivalStep[] = [];
  let survival = 1;
  for (let at = 0; at < sorted.length;) {
    const time = (sorted[at] as Lifetime).time;
    const nAtRisk = sorted.length - at;
    let nEnded = 0;
    for (; at < sorted.length && (sorted[at] as Lifetime).time === time; at += 1) {
      if ((sorted[at] as Lifetime).ended) nEnded += 1;
    }
    if (nEnded === 0) continue;
    survival *= 1 - nEnded / nAtRisk;
    steps.push({ time, survival, nAtRisk, nEnded });
  }
  return steps;
};

/** S(time), 1 before the first step. */
export const survivalAt = (steps: readonly SurvivalStep[], time: number): number => {
  let survival = 1;
  for (const step of steps) {
    if (step.time > time) break;
    survival = step.survival;
  }
  return survival;
};

/** First time at which at most half live on, or null when the curve does not get there. */
export const halfLife = (steps: readonly SurvivalStep[]): number | null =>
  steps.find((step) => step.survival <= 0.5)?.time ?? null;
