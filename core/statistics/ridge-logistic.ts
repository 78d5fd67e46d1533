import { solvePositive } from "./solve-positive.ts";

export interface LogisticCase {
  readonly features: readonly number[];
  readonly label: boolean;
}

export interface RidgeOptions {
  /** What each weight is drawn towards, one a feature. */
  readonly prior: readonly number[];
  /** Half of this times the squared distance from the prior is added to the loss; above 0. */
  readonly penalty: number;
}

const MAX_STEPS = 100;
const MAX_HALVINGS = 40;
/** Largest change of a weight that still counts as one. */
const TOLERANCE = 1e-10;

/**
 * Weights of a logistic regression without an intercept: the least sum of log-losses plus the penalty, by Newton's
 * method with halved steps (Boyd and Vandenberghe, Convex Optimization, 9.5). It is strictly convex, so there is
 * one minimum. Features that no case has keep their prior.
 */
export const fitRidgeLogistic = (cases: readonly LogisticCase[], { prior, penalty }: RidgeOptions): number[] => {
  let weights = [...prior];
  let loss = lossOf(cases, weights, prior, penalty);
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const change = newtonStep(cases, weights, prior, penalty);
    if (Math.max(0, ...change.map(Math.abs)) < TOLERANCE) break;
    const better = halvedUntilBetter(change, loss, (next) => lossOf(cases, next, prior, penalty), weights);
    // Nothing is left to gain but the error of the sums.
    if (better === null) break;
    ({ weights, loss } = better);
  }
  return weights;
};

function halvedUntilBetter(
  change: readonly number[],
  loss: number,
  lossAt: (weights: readonly number[]) => number,
  from: readonly number[],
): { weights: number[]; loss: number } | null {
  for (let halving = 0, share = 1; halving < MAX_HALVINGS; halving += 1, share /= 2) {
    const weights = from.map((weight, at) => weight + share * change[at]!);
    const next = lossAt(weights);
    if (next < loss) return { weights, loss: next };
  }
  return null;
}

/** Probability of a true label. */
export const logisticProbability = (weights: readonly number[], features: readonly number[]): number =>
  1 / (1 + Math.exp(-dot(weights, features)));

function newtonStep(
  cases: readonly LogisticCase[],
  weights: readonly number[],
  prior: readonly number[],
  penalty: number,
): number[] {
  const size = weights.length;
  const hessian = Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (_, column) => (row === column ? penalty : 0)),
  );
  const descent = weights.map((weight, at) => -penalty * (weight - prior[at]!));
  for (const { features, label } of cases) {
    const p = logisticProbability(weights, features);
    const residual = Number(label) - p;
    const curvature = p * (1 - p);
    for (let row = 0; row < size; row += 1) {
      if (features[row] === 0) continue;
      descent[row]! += residual * features[row]!;
      for (let column = 0; column <= row; column += 1)
        hessian[row]![column]! += curvature * features[row]! * features[column]!;
    }
  }
  return solvePositive(hessian, descent);
}

function lossOf(
  cases: readonly LogisticCase[],
  weights: readonly number[],
  prior: readonly number[],
  penalty: number,
): number {
  const fit = cases.reduce((sum, { features, label }) => sum + softplus((label ? -1 : 1) * dot(weights, features)), 0);
  return fit + (penalty / 2) * weights.reduce((sum, weight, at) => sum + (weight - prior[at]!) ** 2, 0);
}

/** log(1 + e^x) without an overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, at) => sum + value * b[at]!, 0);
