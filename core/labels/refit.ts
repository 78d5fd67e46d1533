import { pairedBootstrap } from "../statistics/bootstrap.ts";
import { fitRidgeLogistic, type LogisticCase, logisticProbability } from "../statistics/ridge-logistic.ts";
import { type Calibration, calibrationOf } from "./calibration.ts";
import { LABEL_WEIGHTS, type LabelWeight, weightCounter, weightsOf, withWeights } from "./label-weights.ts";
import type { LabelTable } from "./label-table.ts";
import type { SuggestionSignals } from "./signals.ts";

/** A suggestion that a person has judged, with everything else that is known of it. */
export interface JudgedSuggestion {
  readonly signals: SuggestionSignals;
  readonly good: boolean;
  /** Verdicts of one group, such as a file in one hour, are drawn together. */
  readonly group: string;
}

export interface RefitReport {
  /** Human verdicts, those that say good, and those of suggestions that have any other signal. */
  readonly verdicts: number;
  readonly good: number;
  readonly withSignals: number;
  readonly weights: readonly {
    readonly name: LabelWeight;
    readonly before: number;
    readonly after: number;
    /** Judged suggestions in which it counts. */
    readonly cases: number;
  }[];
  /** How well the labels without the verdicts foretell them: with the table in use, and refitted on other verdicts. */
  readonly before: Calibration;
  readonly after: Calibration;
  /** What the refit takes off the Brier score, with a 95 % interval. Above 0 is better. */
  readonly gain: { readonly difference: number; readonly low: number; readonly high: number };
}

export type Refit =
  | { readonly ok: true; readonly table: LabelTable; readonly report: RefitReport }
  | { readonly ok: false; readonly reason: "too-few-verdicts"; readonly verdicts: number };

/** Fewer verdicts would say more of their chance than of the developer (learning.md section 2). */
export const MIN_VERDICTS = 200;
/** A weight is believed to lie about 1 in log-odds from the shipped one: the penalty is 1 over the square of it. */
const PRIOR_SPREAD = 1;
const FOLDS = 5;
const RESAMPLES = 2_000;
const SEED = 1;
/** Digits of a fitted weight: more would only make it hard to read. */
const DIGITS = 3;

/**
 * Weights of labels refitted to human verdicts, which are given in the order of time: a logistic regression drawn
 * towards the shipped table, so that a signal with few verdicts keeps about its weight. Each calibration is of verdicts
 * that the weights were not fitted to: five blocks of time, each foretold from the other four.
 */
export const refitLabels = (
  judged: readonly JudgedSuggestion[],
  tables: { readonly shipped: LabelTable; readonly inUse: LabelTable; readonly version: string },
): Refit => {
  if (judged.length < MIN_VERDICTS) return { ok: false, reason: "too-few-verdicts", verdicts: judged.length };
  const { shipped, inUse } = tables;
  const count = weightCounter(shipped);
  const cases = judged.map(({ signals, good }) => ({ features: count(signals), label: good }));
  const before = cases.map(({ features }) => logisticProbability(weightsOf(inUse), features));
  const after = foretold(cases, shipped);
  const labels = cases.map(({ label }) => label);
  const squared = (probabilities: readonly number[]): number[] =>
    probabilities.map((probability, at) => (probability - Number(labels[at])) ** 2);
  const gain = pairedBootstrap({
    a: squared(before),
    b: squared(after),
    groups: judged.map(({ group }) => group),
    resamples: RESAMPLES,
    confidence: 0.95,
    seed: SEED,
  });
  const weights = fit(cases, shipped).map((weight) => Number(weight.toFixed(DIGITS)));
  const table = withWeights(shipped, tables.version, weights);
  return {
    ok: true,
    table,
    report: {
      verdicts: judged.length,
      good: labels.filter(Boolean).length,
      withSignals: cases.filter(({ features }) => features.some((value) => value !== 0)).length,
      weights: LABEL_WEIGHTS.map((name, at) => ({
        name,
        before: weightsOf(inUse)[at]!,
        after: weights[at]!,
        cases: cases.filter(({ features }) => features[at] !== 0).length,
      })),
      before: calibrationOf(before, labels),
      after: calibrationOf(after, labels),
      gain,
    },
  };
};

const fit = (cases: readonly LogisticCase[], shipped: LabelTable): number[] =>
  fitRidgeLogistic(cases, { prior: weightsOf(shipped), penalty: 1 / PRIOR_SPREAD ** 2 });

/** Each case's probability by weights that were fitted to the cases of other times. */
const foretold = (cases: readonly LogisticCase[], shipped: LabelTable): number[] =>
  Array.from({ length: FOLDS }, (_, fold) => {
    const [from, to] = [fold, fold + 1].map((at) => Math.floor((at * cases.length) / FOLDS)) as [number, number];
    const weights = fit([...cases.slice(0, from), ...cases.slice(to)], shipped);
    return cases.slice(from, to).map(({ features }) => logisticProbability(weights, features));
  }).flat();
