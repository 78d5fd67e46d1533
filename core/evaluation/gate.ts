import { type BootstrapInterval, pairedBootstrap } from "../statistics/bootstrap.ts";
import { MAX_FORGETTING } from "./adapter-scale.ts";

/** What one model did on one case. */
export interface CaseMeasures {
  /** Whether the exact first line was suggested. */
  readonly acceptedAtLine: boolean;
  /** Edit similarity of the first line, 0 to 1. */
  readonly editSimilarity: number;
  /** Mean loss of what was really written as it is served, nats per target token. */
  readonly heldOutLoss: number;
  /** The same of the model alone, without what it copies; reported, and not decided by. */
  readonly lossAlone?: number;
}

export interface GateCase {
  /** Commit or session of the case; cases of one group are resampled together. */
  readonly group: string;
  /** Who else than the owner of the store the case came from; absent for the owner's own. */
  readonly person?: string | undefined;
  readonly challenger: CaseMeasures;
  readonly champion: CaseMeasures;
}

export interface Guard {
  readonly name: string;
  readonly holds: boolean;
  readonly detail: string;
}

export type GateMetric = "held-out-loss" | "edit-similarity" | "accepted-at-line";

/** What a challenger has to show. A model's file may set each of them. */
export interface GateThresholds {
  readonly primary: GateMetric;
  readonly confidence: number;
  readonly resamples: number;
  /** Cases of one evaluation. */
  readonly maxCases: number;
  /** Fewer cases or groups than these say too little, whatever the interval. */
  readonly minCases: number;
  readonly minGroups: number;
  /** A loss of this much on a metric that is not the primary one is a failed guard even where it may be chance. */
  readonly maxDrop: number;
  /** Times the champion's processor time. */
  readonly maxSlowdown: number;
  /** How much further from the mix of lengths of the code really written. */
  readonly maxLengthDistance: number;
  /** Rise of the loss on general code, relative; see `adapter-scale.ts`. */
  readonly maxForgetting: number;
}

export const DEFAULT_GATE: GateThresholds = {
  primary: "held-out-loss",
  confidence: 0.95,
  resamples: 4_000,
  // Enough to tell 3 points (docs/gate-quality.md), few enough for two CPU cores.
  maxCases: 320,
  minCases: 20,
  minGroups: 5,
  maxDrop: 0.03,
  maxSlowdown: 1.1,
  maxLengthDistance: 0.1,
  maxForgetting: MAX_FORGETTING,
};

export interface GateInput extends Partial<Omit<GateThresholds, "maxCases" | "maxForgetting">> {
  readonly cases: readonly GateCase[];
  /** Guards measured elsewhere: finite weights, latency, forgetting. */
  readonly guards?: readonly Guard[];
  readonly seed?: number;
}

/** The fields of an evaluation report that the cases decide. */
export interface GateDecision {
  readonly cases: number;
  readonly acceptedAtLine: { readonly challenger: number; readonly champion: number };
  readonly editSimilarity: { readonly challenger: number; readonly champion: number };
  readonly heldOutLoss: { readonly challenger: number; readonly champion: number };
  /** Of the models alone, where it was measured. */
  readonly lossAlone?: { readonly challenger: number; readonly champion: number };
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
  /**
   * Cases, spread like these, at which the gate tells 3 points of accepted@line from none: what is 3 points worse
   * is refused 97 times of 100, what is 3 points better passes 80 times of 100.
   */
  readonly neededCases: number;
  readonly verdict: "promote" | "refuse";
  readonly reason: string;
}

/** One-sided: a challenger that is worse by `maxDrop` is caught this often. */
const CAUGHT = 0.975;
/** Standard normal quantiles of {@link CAUGHT}, of a two-sided interval of 95 % and of a power of 80 %. */
const CAUGHT_Z = 1.96;
const PROVEN_Z = 1.96;
const POWER_Z = 0.842;

/**
 * Promotes the challenger when the lower end of the paired bootstrap interval of the primary metric is above
 * 0 and every guard holds.
 *
 * The primary metric is the held-out loss of the code that was really written. With the 50 to 300 cases that
 * one developer's last days give, an exact first line flips in a few cases only: 3 points on 200 cases are 6
 * cases, which no interval can tell from chance, and edit similarity stands still on every case where both
 * models write the same. The loss moves a little on every case, so the pairing removes most of the variance.
 * It is a proxy, so what people see is guarded: edit similarity and accepted@line must neither be worse
 * beyond chance nor fall by more than 3 points. From `neededCases` on, accepted@line has to be shown not to have
 * fallen by 3 points (non-inferiority, one-sided 97.5 %); with fewer cases no interval could show that of a good
 * adapter either, and the loss decides. Error rates: docs/gate-quality.md.
 *
 * The gain must be there without the cases of any one person other than the owner too: who can send cases must not
 * be able to decide by them.
 *
 * Without a finite loss on both sides of every case there is no decision but to refuse.
 */
export const decidePromotion = (input: GateInput): GateDecision => {
  const { cases, seed = 1, ...given } = input;
  const thresholds = { ...DEFAULT_GATE, ...given };
  const { primary: metric, confidence, resamples } = thresholds;
  const compare = (name: GateMetric, among: readonly GateCase[] = cases) => {
    const measures = among.map((one) => [better(one.challenger, name), better(one.champion, name)] as const);
    return pairedBootstrap({
      a: measures.map(([challenger]) => challenger),
      b: measures.map(([, champion]) => champion),
      groups: among.map((one) => one.group),
      resamples,
      confidence,
      seed,
    });
  };
  const interval = compare(metric);
  const guards = [...(input.guards ?? []), sizeGuard(cases, thresholds), finiteGuard(cases)];
  const acceptance = acceptanceWithDoubt(cases, { resamples, seed });
  const neededCases = casesNeeded(cases.length, acceptance, thresholds);
  for (const name of ["accepted-at-line", "edit-similarity"] as const) {
    if (name === metric) continue;
    const mustShow = name === "accepted-at-line" && cases.length >= neededCases;
    guards.push(mustShow ? notInferior(name, acceptance, thresholds) : dropGuard(name, compare(name), thresholds));
  }

  for (const person of new Set(cases.flatMap((one) => one.person ?? []))) {
    const others = cases.filter((one) => one.person !== person);
    const { low, high } = compare(metric, others);
    guards.push({
      name: "gain-without-one-person",
      holds: low > 0,
      detail: `without ${person}'s ${cases.length - others.length} cases: interval ${show(low)} to ${show(high)}`,
    });
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
    ...(cases.some((one) => one.challenger.lossAlone !== undefined) && {
      lossAlone: means(cases, (measures) => measures.lossAlone ?? measures.heldOutLoss),
    }),
    primary: {
      metric,
      difference: finite(difference, 0),
      low: finite(interval.low, -Infinity),
      high: finite(interval.high, Infinity),
      confidence,
      resamples,
    },
    guards,
    neededCases,
    verdict: wins && failed.length === 0 ? "promote" : "refuse",
    reason:
      failed.length > 0
        ? `Guard failed: ${failed.map((guard) => `${guard.name} (${guard.detail})`).join("; ")}`
        : wins
          ? `Better ${metric} by ${range}`
          : `No proven gain in ${metric}: ${range}${tooFew(cases.length, neededCases)}`,
  };
};

/** The measure with larger meaning better. */
const better = (measures: CaseMeasures, metric: GateMetric): number => {
  if (metric === "held-out-loss") return -measures.heldOutLoss;
  return metric === "edit-similarity" ? measures.editSimilarity : Number(measures.acceptedAtLine);
};

const sizeGuard = (cases: readonly GateCase[], { minCases, minGroups }: GateThresholds): Guard => {
  const nGroups = new Set(cases.map((one) => one.group)).size;
  return {
    name: "enough-cases",
    holds: cases.length >= minCases && nGroups >= minGroups,
    detail: `${cases.length} cases in ${nGroups} groups, at least ${minCases} in ${minGroups} needed`,
  };
};

const finiteGuard = (cases: readonly GateCase[]): Guard => {
  const nBad = cases.filter(
    (one) => !Number.isFinite(one.challenger.heldOutLoss) || !Number.isFinite(one.champion.heldOutLoss),
  ).length;
  return { name: "finite-loss", holds: nBad === 0, detail: `${nBad} cases without a finite loss` };
};

const dropGuard = (
  name: GateMetric,
  interval: { difference: number; low: number; high: number },
  { maxDrop }: GateThresholds,
): Guard => ({
  name: `${name}-not-worse`,
  holds: interval.high >= 0 && interval.difference >= -maxDrop,
  detail: `${show(interval.difference)}, interval ${show(interval.low)} to ${show(interval.high)}`,
});

const tooFew = (nCases: number, needed: number): string =>
  nCases < needed ? `; not enough cases yet: ${nCases} of ${needed}` : "";

/**
 * Interval of accepted@line with a tail of 2.5 % on each side. One case that only the challenger gets right and one
 * that only the champion does are added, each of a commit of its own: a few cases without any difference are no
 * proof of none (Agresti and Min, Statistics in Medicine 24, 2005, for matched pairs).
 */
const acceptanceWithDoubt = (cases: readonly GateCase[], options: { resamples: number; seed: number }) => {
  const sides = (side: "challenger" | "champion", doubt: readonly [number, number]): number[] => [
    ...cases.map((one) => Number(one[side].acceptedAtLine)),
    ...doubt,
  ];
  return pairedBootstrap({
    a: sides("challenger", [1, 0]),
    b: sides("champion", [0, 1]),
    groups: [...cases.map((one) => `case ${one.group}`), "doubt 1", "doubt 2"],
    confidence: 1 - 2 * (1 - CAUGHT),
    ...options,
  });
};

/**
 * The standard error that lets 3 points better be told from 3 points worse, or from none where accepted@line is
 * the primary metric, and as many cases as bring it down to that: it falls with the root of their number.
 */
const casesNeeded = (
  nCases: number,
  { low, high }: BootstrapInterval,
  { primary, maxDrop, minCases }: GateThresholds,
): number => {
  const standardError = (high - low) / (2 * CAUGHT_Z);
  const wanted = primary === "accepted-at-line" ? maxDrop / (PROVEN_Z + POWER_Z) : (2 * maxDrop) / (CAUGHT_Z + POWER_Z);
  return Math.max(minCases, Math.ceil(nCases * (standardError / wanted) ** 2));
};

const notInferior = (name: GateMetric, interval: BootstrapInterval, { maxDrop }: GateThresholds): Guard => ({
  name: `${name}-not-worse`,
  holds: interval.low >= -maxDrop,
  detail: `${show(interval.difference)}, at least ${show(interval.low)} with ${100 * CAUGHT} % confidence`,
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
