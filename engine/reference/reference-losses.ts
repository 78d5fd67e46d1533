import type { Matrix } from "./reference-decoder.ts";

/**
 * What training minimises, written from its definition over plain arrays: `logits[t]` (V) predict token
 * t + 1. Natural logarithms throughout.
 */

/** ln p(id) under one row of logits. */
export function referenceLogProbability(logits: readonly number[], id: number): number {
  const top = Math.max(...logits);
  const total = logits.reduce((sum, value) => sum + Math.exp(value - top), 0);
  return logits[id]! - top - Math.log(total);
}

/** ln p of the tokens at the given positions of a sequence, each given all before it. Position 0 has none. */
export function referenceCompletionLogProbability(
  logits: Matrix,
  ids: readonly number[],
  positions: readonly number[],
): number {
  return positions.reduce((sum, at) => sum + referenceLogProbability(logits[at - 1]!, ids[at]!), 0);
}

/** A target of supervised training: a token at a position of a sequence, and what it counts. */
export interface ReferenceTarget {
  /** The logits that predict the token. */
  readonly logits: readonly number[];
  readonly id: number;
  readonly weight: number;
}

/** Masked cross-entropy: the mean over the weights; TRL's SFT is this with weights of 1 and 0. */
export function referenceCrossEntropy(targets: readonly ReferenceTarget[]): number {
  let nats = 0;
  let total = 0;
  for (const { logits, id, weight } of targets) {
    nats -= weight * referenceLogProbability(logits, id);
    total += weight;
  }
  return nats / total;
}

/** ln p of one completion under the model that is trained and under the one that it started from. */
export interface ReferenceCompletion {
  readonly policy: number;
  readonly reference: number;
}

const logRatio = ({ policy, reference }: ReferenceCompletion): number => policy - reference;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * DPO (Rafailov et al. 2023, equation 7): -ln sigmoid(beta (r chosen - r rejected)), the mean over the
 * pairs. Label smoothing (Mitchell 2023) takes that part of the labels for wrong.
 */
export function referenceDpoLoss(
  pairs: readonly { readonly chosen: ReferenceCompletion; readonly rejected: ReferenceCompletion }[],
  { beta, labelSmoothing = 0 }: { readonly beta: number; readonly labelSmoothing?: number },
): number {
  return mean(
    pairs.map(({ chosen, rejected }) => {
      const margin = beta * (logRatio(chosen) - logRatio(rejected));
      return -(1 - labelSmoothing) * Math.log(sigmoid(margin)) - labelSmoothing * Math.log(sigmoid(-margin));
    }),
  );
}

/**
 * KTO (Ethayarajh et al. 2024, equation 7) as TRL estimates it: `mismatched` are the batch's prompts with
 * completions of other prompts, whose mean log-ratio, at least 0, stands for the divergence.
 */
export function referenceKtoLoss(
  judged: readonly (ReferenceCompletion & { readonly isDesirable: boolean })[],
  mismatched: readonly ReferenceCompletion[],
  options: { readonly beta: number; readonly desirableWeight: number; readonly undesirableWeight: number },
): number {
  const divergence = referenceDivergence(mismatched);
  return mean(
    judged.map((completion) => {
      const above = options.beta * (logRatio(completion) - divergence);
      return completion.isDesirable
        ? options.desirableWeight * (1 - sigmoid(above))
        : options.undesirableWeight * (1 - sigmoid(-above));
    }),
  );
}

export const referenceDivergence = (mismatched: readonly ReferenceCompletion[]): number =>
  mismatched.length === 0 ? 0 : Math.max(0, mean(mismatched.map(logRatio)));
