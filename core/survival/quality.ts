import { type CompetingRisks, incidenceAt } from "../statistics/competing-risks.ts";
import { survivalAt, type SurvivalStep } from "../statistics/kaplan-meier.ts";
import { FIRST_LOOK_MS, type LossCause } from "./causes.ts";

/** Share of a loss that counts against the suggestion, by cause: the table π of survival.md section 2.3. */
export type BlameTable = Readonly<Record<LossCause, number>>;

export interface QualityLoss {
  /** Fraction of the snippet's significant tokens that went. */
  readonly fraction: number;
  /** From the accept, milliseconds. */
  readonly afterMs: number;
  readonly cause: LossCause;
  /** True before the first commit that held the snippet. */
  readonly uncommitted?: boolean;
}

/** Losses count half every 30 days after the first look: requirements change. */
export const LOSS_HALF_LIFE_DAYS = 30;
/** Watched this long, an observation is complete. */
export const QUALITY_HORIZON_DAYS = 30;
const DAY_MS = 86_400_000;

/** D(t): 1 before the first commit and within ten minutes, then 2^(-t / 30 d). */
export const lossDiscount = ({ afterMs, uncommitted = false }: Omit<QualityLoss, "fraction" | "cause">): number =>
  uncommitted || afterMs <= FIRST_LOOK_MS ? 1 : 2 ** (-afterMs / DAY_MS / LOSS_HALF_LIFE_DAYS);

/** q = 1 minus the lost fractions, each times the blame of its cause and its discount, within 0 and 1. */
export const qualityOf = (losses: readonly QualityLoss[], blame: BlameTable): number => {
  const lost = losses.reduce((sum, loss) => sum + blame[loss.cause] * loss.fraction * lossDiscount(loss), 0);
  return Math.min(1, Math.max(0, 1 - lost));
};

/** Curves of many snippets, in days. */
export interface PooledCurves {
  readonly risks: CompetingRisks;
  /** Snippets that they rest on. */
  readonly nSnippets: number;
}

/** Curves of fewer snippets lean on the global ones. */
export const FULL_POOL_SNIPPETS = 200;

export interface ExpectedQualityInput {
  /** Quality so far. */
  readonly quality: number;
  /** Days observed. */
  readonly days: number;
  /** Curves of the same repository and language. */
  readonly local: PooledCurves;
  /** Curves of everything. */
  readonly global: PooledCurves;
  readonly blame: BlameTable;
}

/**
 * ŷ = q · [1 − Σ_c π(c) · (F_c(H) − F_c(t)) / S(t)]: the quality to expect at 30 days of a snippet that was
 * observed for fewer. The local curves count by n / 200 of their snippets, at most wholly.
 */
export const expectedQuality = (input: ExpectedQualityInput): number => {
  const { quality, days, local, global, blame } = input;
  if (days >= QUALITY_HORIZON_DAYS) return quality;
  const share = Math.min(1, local.nSnippets / FULL_POOL_SNIPPETS);
  const lost = share * expectedLoss(local.risks, days, blame) + (1 - share) * expectedLoss(global.risks, days, blame);
  return Math.min(1, Math.max(0, quality * (1 - lost)));
};

const expectedLoss = (risks: CompetingRisks, days: number, blame: BlameTable): number => {
  const alive = survivalAt(risks.survival, days);
  if (alive <= 0) return 0;
  let lost = 0;
  for (const cause of risks.incidence.keys()) {
    const later = incidenceAt(risks, cause, QUALITY_HORIZON_DAYS) - incidenceAt(risks, cause, days);
    lost += ((blame as Readonly<Record<string, number>>)[cause] ?? blame.other) * (later / alive);
  }
  return Math.min(1, lost);
};

/** How sure the place is where the snippet was found. */
export type LocationConfidence = "anchored" | "resurrected" | "ambiguous" | "gap";

const CONFIDENCE: Readonly<Record<LocationConfidence, number>> = {
  anchored: 1,
  resurrected: 0.8,
  ambiguous: 0.3,
  gap: 0.5,
};

/** w_conf. */
export const confidenceWeight = (location: LocationConfidence): number => CONFIDENCE[location];

/** Code of this many significant tokens or more has its full say. */
const FULL_LENGTH_TOKENS = 20;
/** w_len. */
export const lengthWeight = (nTokens: number): number => Math.min(1, nTokens / FULL_LENGTH_TOKENS);

/** Until the horizon an observation counts for at most half. */
const MAX_PARTIAL_WEIGHT = 0.5;
/** One snippet never stands for more than five. */
export const MAX_CENSORING_WEIGHT = 5;

export interface TrainingWeightInput {
  readonly nTokens: number;
  readonly days: number;
  readonly location: LocationConfidence;
  /**
   * Kaplan-Meier curve of being censored, in days: lives whose censoring is the event. A snippet that was
   * watched to the horizon stands for those that were lost from sight on the way.
   */
  readonly censoring: readonly SurvivalStep[];
}

/** w = w_len · w_obs · w_conf, where w_obs = 1 / Ĝ(30 d), at most 5, at the horizon, and a ramp up to ½ before it. */
export const trainingWeight = ({ nTokens, days, location, censoring }: TrainingWeightInput): number => {
  const observed =
    days >= QUALITY_HORIZON_DAYS
      ? Math.min(MAX_CENSORING_WEIGHT, 1 / Math.max(1e-9, survivalBefore(censoring, QUALITY_HORIZON_DAYS)))
      : observationRamp(days * DAY_MS);
  return lengthWeight(nTokens) * observed * confidenceWeight(location);
};

/** Up to one half, more the longer a snippet was watched. */
export const observationRamp = (afterMs: number): number =>
  Math.min(MAX_PARTIAL_WEIGHT, afterMs / (afterMs + FIRST_LOOK_MS));

/** Ĝ(t-): who is censored at the horizon itself has reached it. */
const survivalBefore = (steps: readonly SurvivalStep[], time: number): number => {
  let survival = 1;
  for (const step of steps) {
    if (step.time >= time) break;
    survival = step.survival;
  }
  return survival;
};
