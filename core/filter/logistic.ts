import { solvePositive } from "../statistics/solve-positive.ts";

/** A logistic regression on standardised features. Plain data: it is stored and sent as JSON. */
export interface Logistic {
  readonly means: readonly number[];
  readonly scales: readonly number[];
  readonly weights: readonly number[];
  readonly bias: number;
}

export interface LabelledFeatures {
  readonly features: readonly number[];
  readonly label: boolean;
  /** How often the case counts; 1 unless given. */
  readonly weight?: number;
}

/** A ridge penalty of this many cases: small samples stay near the rate that there is without any feature. */
const RIDGE = 16;
const MAX_STEPS = 30;
const TOLERANCE = 1e-8;
/** Keeps a feature that never varies from being divided by nothing. */
const MIN_SCALE = 1e-6;

/**
 * Fits by iteratively reweighted least squares (McCullagh and Nelder, Generalized Linear Models, 2.5) with an L2
 * penalty on all weights but the bias. At least one case.
 */
export const fitLogistic = (cases: readonly LabelledFeatures[]): Logistic => {
  const nFeatures = cases[0]!.features.length;
  const means = Array.from({ length: nFeatures }, (_, at) => mean(cases.map(({ features }) => features[at]!)));
  const scales = means.map((centre, at) =>
    Math.max(MIN_SCALE, Math.sqrt(mean(cases.map(({ features }) => (features[at]! - centre) ** 2)))),
  );
  const rows = cases.map(({ features }) => [1, ...standardised(features, means, scales)]);
  let beta = Array.from({ length: nFeatures + 1 }, () => 0);
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const size = nFeatures + 1;
    const hessian = Array.from({ length: size }, (_, at) =>
      Array.from({ length: size }, (_, other) => (at === other && at > 0 ? RIDGE : at === other ? TOLERANCE : 0)),
    );
    const gradient = beta.map((value, at) => (at > 0 ? -RIDGE * value : 0));
    rows.forEach((row, i) => {
      const { label, weight = 1 } = cases[i]!;
      const p = sigmoid(dot(row, beta));
      const curvature = weight * Math.max(1e-6, p * (1 - p));
      const residual = weight * (Number(label) - p);
      for (let at = 0; at < size; at += 1) {
        gradient[at]! += residual * row[at]!;
        const scaled = curvature * row[at]!;
        const into = hessian[at]!;
        for (let other = 0; other <= at; other += 1) into[other]! += scaled * row[other]!;
      }
    });
    const change = solvePositive(hessian, gradient);
    beta = beta.map((value, at) => value + change[at]!);
    if (Math.max(...change.map(Math.abs)) < TOLERANCE) break;
  }
  const [bias = 0, ...weights] = beta;
  return { means, scales, weights, bias };
};

/** Probability of a true label, 0 to 1. */
export const probabilityOf = (model: Logistic, features: readonly number[]): number =>
  sigmoid(logisticLogit(model, features));

/** Logit of a true label. */
export const logisticLogit = ({ means, scales, weights, bias }: Logistic, features: readonly number[]): number =>
  bias + dot(standardised(features, means, scales), weights);

/** Far outside of what was learnt from, a feature counts no more than at this many standard deviations. */
const MAX_DEVIATION = 6;

const standardised = (features: readonly number[], means: readonly number[], scales: readonly number[]): number[] =>
  features.map((value, at) => Math.max(-MAX_DEVIATION, Math.min(MAX_DEVIATION, (value - means[at]!) / scales[at]!)));

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, at) => sum + value * b[at]!, 0);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
