import { addInput, type Graph, type Value } from "../graph/graph.ts";
import {
  add,
  gemm,
  logSigmoid,
  multiply,
  negate,
  reciprocal,
  reduceSum,
  reshape,
  scalar,
  sigmoid,
  subtract,
} from "../graph/operators.ts";

/**
 * What is minimised, from the log-probabilities of the targets (M, 1).
 *
 * - `sft`: cross-entropy, each target with a weight; the mean over the weights.
 * - `kto` (Ethayarajh et al. 2024, equation 7): a completion is desirable or not; with r its log-ratio
 *   to the reference model and k the batch's divergence, 1 - sigmoid(beta (r - k)) or
 *   1 - sigmoid(beta (k - r)).
 * - `dpo` (Rafailov et al. 2023): -log sigmoid(beta (r of the chosen - r of the rejected)).
 *
 * All three as TRL's trainers define them.
 */
export type Objective =
  | { readonly kind: "sft" }
  | {
      readonly kind: "kto";
      readonly beta: number;
      readonly desirableWeight: number;
      readonly undesirableWeight: number;
    }
  | { readonly kind: "dpo"; readonly beta: number; readonly labelSmoothing: number };

/** The defaults of TRL. */
export const DEFAULT_OBJECTIVES = {
  sft: { kind: "sft" },
  kto: { kind: "kto", beta: 0.1, desirableWeight: 1, undesirableWeight: 1 },
  dpo: { kind: "dpo", beta: 0.1, labelSmoothing: 0 },
} as const satisfies Record<Objective["kind"], Objective>;

/**
 * Adds the loss, a scalar, and its inputs: for `sft` `weights` (M, 1); otherwise, for Q completions or
 * pairs of them, `membership` (Q, M), 1 where a target belongs to completion q (in a pair: to the
 * chosen one, and -1 to the rejected one), `reference` (Q, 1), the reference model's sum, and `shares`
 * (Q, 1), the part that q has in the mean; for `kto` also `signs` (Q, 1), 1 for desirable and -1 for
 * undesirable, and `divergence` (1).
 */
export function addLoss(g: Graph, objective: Objective, logProbabilities: Value, nSequences: number): Value {
  const nTargets = logProbabilities.shape[0]!;
  if (objective.kind === "sft") {
    const weights = addInput(g, "weights", g.real, [nTargets, 1]);
    const total = reduceSum(g, multiply(g, logProbabilities, weights), [0, 1]);
    const mean = multiply(g, negate(g, total), reciprocal(g, reduceSum(g, weights, [0, 1])));
    return reshape(g, mean, []);
  }
  const membership = addInput(g, "membership", g.real, [nSequences, nTargets]);
  const column = (name: string) => addInput(g, name, g.real, [nSequences, 1]);
  const ratio = subtract(g, gemm(g, membership, logProbabilities), column("reference"));
  const losses =
    objective.kind === "kto" ? ktoLosses(g, objective.beta, ratio, column) : dpoLosses(g, objective, ratio);
  return reshape(g, reduceSum(g, multiply(g, losses, column("shares")), [0, 1]), []);
}

function ktoLosses(g: Graph, beta: number, ratio: Value, column: (name: string) => Value): Value {
  const signs = column("signs");
  const margin = multiply(g, signs, subtract(g, ratio, addInput(g, "divergence", g.real, [1])));
  return subtract(g, scalar(g, 1), sigmoid(g, multiply(g, margin, scalar(g, beta))));
}

function dpoLosses(g: Graph, objective: Extract<Objective, { kind: "dpo" }>, ratio: Value): Value {
  const { beta, labelSmoothing } = objective;
  const x = multiply(g, ratio, scalar(g, beta));
  const right = negate(g, logSigmoid(g, x));
  if (labelSmoothing === 0) return right;
  const wrong = negate(g, logSigmoid(g, negate(g, x)));
  return add(g, multiply(g, right, scalar(g, 1 - labelSmoothing)), multiply(g, wrong, scalar(g, labelSmoothing)));
}
