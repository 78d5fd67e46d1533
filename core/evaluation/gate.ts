import { pairedBootstrap } from "../statistics/bootstrap.ts";

/** What one model did on one case. */
export interface CaseMeasures {
  /** Whether the exact first line was suggested. */
  readonly acceptedAtLine: boolean;
  /** Edit similarity of the first line, 0 to 1. */
  readonly editSimilarity: number;
  /** Mean loss of what was really written, nats per target token. */
  readonly heldOutLoss: number;
}

export interface GateCase {
  /** Commit or session of the case; cases of one group are resampled together. */
  readonly group: string;
  readonly challenger: CaseMeasures;
  readonly champion: CaseMeasures;
}

export interface Guard {
  readonly name: string;
  readonly holds: boolean;
  readonly detail: string;
}

export type GateMetric = "held-out-loss" | "edit-similarity" | "accepted-at-line";

export interface GateInput {
  readonly cases: readonly GateCase[];
  /** Guards measured elsewhere: finite weights, latency, forgetting. */
  readonly guards?: readonly Guard[];
  readonly primary?: GateMetric;
  readonly confidence?: number;
  readonly resamples?: number;
  readonly seed?: number;
}

/** The fields of an evaluation report that the cases decide. */
export interface GateDecision {
  readonly cases: number;
  readonly acceptedAtLine: { readonly challenger: number; readonly champion: number };
  readonly editSimilarity: { readonly challenger: number; readonly champion: number };
  readonly heldOutLoss: { readonly challenger: number; readonly champion: number };
  readonly primary: {
    readonly metric: GateMetric;
    /** Positive when the challenger is better, whatever the metric's direction. */
    readonly difference: number;
    readonly low: number;
    readonly high: number;
    readonly confidence: number;
    readonly resamples: number;
  };
  readonly guards: Guard[];
  readonly verdict: "promote" | "refuse";
  readonly reason: string;
}

/** Fewer cases or groups than these say too little, whatever the interval. */
const MIN_CASES = 20;
const MIN_GROUPS = 5;
/** A loss of this much on a metric that is not the primary one is a failed guard even where it may be chance. */
const MAX_DROP = 0.03;

/**
 * Promotes the challenger when the lower end of the paired bootstrap interval of the primary metric is above
 * 0 and every guard holds.
 *
 * The primary metric is the held-out loss of the code that was really written. With the 50 to 300 cases that
 * one developer's last days give, an exact first line flips in a few cases only: 3 points on 200 cases are 6
 * cases, which no interval can tell from chance, and edit similarity stands still on every case where both
 * models write the same. The loss moves a little on every case, so the pairing removes most of the variance.
 * It is a proxy, so what people see is guarded: edit similarity and accepted@line must neither be worse
 * beyond chance nor fall by more than 3 points.
 *
 * Without a finite loss on both sides of every case there is no decision but to refuse.
 */
export const decidePromotion = (input: GateInput): GateDecision => {
  const { cases, primary: metric = "held-out-loss", confidence = 0.95, resamples = 4_000, seed = 1 } = input;
  const compare = (name: GateMetric) => {
    const measures = cases.map((one) => [better(one.challenger, name), better(one.champion, name)] as const);
    return pairedBootstrap({
      a: measures.map(([challenger]) => challenger),
      b: measures.map(([, champion]) => champion),
      groups: cases.map((one) => one.group),
      resamples,
      confidence,
      seed,
    });
  };
  const interval = compare(metric);
  const guards = [...(input.guards ?? []), sizeGuard(cases), finiteGuard(cases)];
  for (const name of ["accepted-at-line", "edit-similarity"] as const) {
    if (name !== metric) guards.push(dropGuard(name, compare(name)));
  }

  const failed = guards.filter((guard) => !guard.holds);
  const wins = interval.low > 0;
  const { difference } = interval;
  const range = `${show(difference)} (${Math.round(confidence * 100)} % interval ${show(interval.low)} to ${show(interval.high)})`;
  return {
    cases: cases.length,
    acceptedAtLine: means(cases, (measures) => Number(measures.acceptedAtLine)),
    editSimilarity: means(cases, (measures) => measures.editSimilarity),
    heldOutLoss: means(cases, (measures) => measures.heldOutLoss),
    primary: {
      metric,
      difference: finite(difference, 0),
      low: finite(interval.low, -Infinity),
      high: finite(interval.high, Infinity),
      confidence,
      resamples,
    },
    guards,
    verdict: wins && failed.length === 0 ? "promote" : "refuse",
    reason:
      failed.length > 0
        ? `Guard failed: ${failed.map((guard) => `${guard.name} (${guard.detail})`).join("; ")}`
        : wins
          ? `Better ${metric} by ${range}`
          : `No proven gain in ${metric}: ${range}`,
  };
};

/** The measure with larger meaning better. */
const better = (measures: CaseMeasures, metric: GateMetric): number => {
  if (metric === "held-out-loss") return -measures.heldOutLoss;
  return metric === "edit-similarity" ? measures.editSimilarity : Number(measures.acceptedAtLine);
};

const sizeGuard = (cases: readonly GateCase[]): Guard => {
  const nGroups = new Set(cases.map((one) => one.group)).size;
  return {
    name: "enough-cases",
    holds: cases.length >= MIN_CASES && nGroups >= MIN_GROUPS,
    detail: `${cases.length} cases in ${nGroups} groups, at least ${MIN_CASES} in ${MIN_GROUPS} needed`,
  };
};

const finiteGuard = (cases: readonly GateCase[]): Guard => {
  const nBad = cases.filter(
    (one) => !Number.isFinite(one.challenger.heldOutLoss) || !Number.isFinite(one.champion.heldOutLoss),
  ).length;
  return { name: "finite-loss", holds: nBad === 0, detail: `${nBad} cases without a finite loss` };
};

const dropGuard = (name: GateMetric, interval: { difference: number; low: number; high: number }): Guard => ({
  name: `${name}-not-worse`,
  holds: interval.high >= 0 && interval.difference >= -MAX_DROP,
  detail: `${show(interval.difference)}, interval ${show(interval.low)} to ${show(interval.high)}`,
});

const means = (cases: readonly GateCase[], of: (measures: CaseMeasures) => number) => ({
  challenger: mean(cases.map((one) => of(one.challenger))),
  champion: mean(cases.map((one) => of(one.champion))),
});

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : finite(values.reduce((sum, value) => sum + value, 0) / values.length, Infinity);

/** JSON has neither infinities nor NaN; the largest numbers say the same. */
const finite = (value: number, instead: number): number =>
  Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, Number.isNaN(value) ? instead : value));

const show = (value: number): string =>
  Number.isFinite(value) ? `${value >= 0 ? "+" : ""}${value.toFixed(3)}` : "unknown";
