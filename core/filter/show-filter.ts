import { FEATURES_VERSION, featuresOf, type Offer } from "./features.ts";
import { fitLogistic, type Logistic, logisticLogit, sigmoid } from "./logistic.ts";
import { fitTrees, logitOf, type Trees } from "./trees.ts";

/**
 * A logistic regression and small boosted trees, whose logits are averaged: the one says more from a few outcomes,
 * the others see what goes together. Together they tell more than either (docs/show-filter.md).
 */
export interface OutcomeModel {
  readonly logistic: Logistic;
  readonly boosted: Trees;
}

/** Decides when to stay quiet, from what this developer did with earlier suggestions. Less than twenty kilobytes. */
export interface ShowFilter extends OutcomeModel {
  readonly featuresVersion: number;
  /** Suggestions less likely to be taken than this are held back. */
  readonly threshold: number;
  /** Outcomes it was fitted to, and those of them that were taken. */
  readonly outcomes: number;
  readonly accepts: number;
  /** On the newest outcomes, which it was not fitted to: share of the bad shows, and of the accepts, held back. */
  readonly measured: { readonly outcomes: number; readonly badHeld: number; readonly acceptsHeld: number };
}

export interface ShownOutcome {
  readonly features: readonly number[];
  readonly accepted: boolean;
  /** How many outcomes this one stands for: more than 1 for what was shown although it would be held back. */
  readonly weight?: number;
}

export type FilterFit =
  | { readonly ok: true; readonly filter: ShowFilter }
  | { readonly ok: false; readonly reason: "too-few-outcomes" | "too-few-accepts" | "no-use"; readonly detail: string };

/** Fewer say too little of a developer. */
export const MIN_OUTCOMES = 300;
export const MIN_ACCEPTS = 40;
/** Newest outcomes that are only measured on. */
const MEASURED_SHARE = 0.2;
/** Share of the accepts that may be held back, and what the threshold aims at so that it is kept in later weeks. */
export const MAX_ACCEPTS_HELD = 0.05;
const AIM = 0.04;
/** A filter that holds back fewer of the bad shows is not worth the accepts that it costs. */
const MIN_BAD_HELD = 0.1;
const FOLDS = 5;

/**
 * Fits a filter to outcomes in the order of time. The threshold comes from cross-validation over blocks of time in
 * the first four fifths; the last fifth says what it does to suggestions that it has not seen. What held back more than
 * a twentieth of the accepts there, or hardly any bad shows, is not used.
 */
export const fitShowFilter = (outcomes: readonly ShownOutcome[]): FilterFit => {
  const accepts = outcomes.filter(({ accepted }) => accepted).length;
  if (outcomes.length < MIN_OUTCOMES)
    return { ok: false, reason: "too-few-outcomes", detail: `${outcomes.length} of ${MIN_OUTCOMES} outcomes` };
  if (accepts < MIN_ACCEPTS)
    return { ok: false, reason: "too-few-accepts", detail: `${accepts} of ${MIN_ACCEPTS} accepted suggestions` };
  const border = Math.floor(outcomes.length * (1 - MEASURED_SHARE));
  const trial = fitWithThreshold(outcomes.slice(0, border));
  const measured = measureFilter(trial, outcomes.slice(border));
  const detail = `of the newest ${measured.outcomes} outcomes ${percent(measured.badHeld)} of the bad and ${percent(measured.acceptsHeld)} of the accepted ones would be held back`;
  if (measured.badHeld < MIN_BAD_HELD || measured.acceptsHeld > 2 * MAX_ACCEPTS_HELD)
    return { ok: false, reason: "no-use", detail };
  const final = fitWithThreshold(outcomes);
  return {
    ok: true,
    filter: { ...final, featuresVersion: FEATURES_VERSION, outcomes: outcomes.length, accepts, measured },
  };
};

/** Probability that the suggestion is taken, and whether it is to be shown. A filter of other features shows all. */
export const judgeOffer = (
  filter: ShowFilter,
  offer: Offer,
): { readonly probability: number; readonly show: boolean } => {
  if (filter.featuresVersion !== FEATURES_VERSION) return { probability: 1, show: true };
  const probability = takenProbability(filter, featuresOf(offer));
  return { probability, show: probability >= filter.threshold };
};

type Fitted = OutcomeModel & { readonly threshold: number };

/** Probability that a suggestion with these features is taken. */
export const takenProbability = ({ logistic, boosted }: OutcomeModel, features: readonly number[]): number =>
  sigmoid((logisticLogit(logistic, features) + logitOf(boosted, features)) / 2);

/** A fit and the threshold that lets all but a few of the accepts through. */
export const fitWithThreshold = (outcomes: readonly ShownOutcome[], aim: number = AIM): Fitted => {
  const scored = Array.from({ length: FOLDS }, (_, fold) => {
    const [from, to] = [fold, fold + 1].map((at) => Math.floor((at * outcomes.length) / FOLDS)) as [number, number];
    const model = fit([...outcomes.slice(0, from), ...outcomes.slice(to)]);
    return outcomes.slice(from, to).map((one) => ({ ...one, probability: takenProbability(model, one.features) }));
  }).flat();
  const accepted = scored
    .filter((one) => one.accepted)
    .map(({ probability }) => probability)
    .sort((a, b) => a - b);
  const threshold = accepted[Math.floor(aim * accepted.length)] ?? 0;
  return { ...fit(outcomes), threshold };
};

function fit(outcomes: readonly ShownOutcome[]): OutcomeModel {
  const cases = outcomes.map(({ features, accepted, weight = 1 }) => ({ features, label: accepted, weight }));
  return { logistic: fitLogistic(cases), boosted: fitTrees(cases) };
}

/** What a filter does to outcomes: shares of the bad shows and of the accepts that it holds back. */
export const measureFilter = (filter: Fitted, outcomes: readonly ShownOutcome[]): ShowFilter["measured"] => {
  const held = (accepted: boolean): number => {
    const own = outcomes.filter((one) => one.accepted === accepted);
    const n = own.filter(({ features }) => takenProbability(filter, features) < filter.threshold).length;
    return own.length === 0 ? 0 : n / own.length;
  };
  return { outcomes: outcomes.length, badHeld: held(false), acceptsHeld: held(true) };
};

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
