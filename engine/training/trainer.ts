import type { DecoderConfig } from "../architectures/decoder-config.ts";
import type { Weights } from "../architectures/weights.ts";
import { createAdamW, createAdamWState, type AdamWOptions, type AdamWState } from "../optim/adamw.ts";
import type { Provider } from "../devices/device.ts";
import type { Batch } from "../optim/batch.ts";
import type { TrainingShape } from "../architectures/training-graph.ts";
import type { Objective } from "./objective.ts";
import { initialParameters, parameterSlots, type ParameterSlot, type Trained } from "./parameters.ts";
import { createPipeline, type LossInputs } from "./pipeline.ts";

/** A batch with what its loss takes beside the targets, and its weight in the mean over several. */
export interface WeightedBatch {
  readonly batch: Batch;
  readonly loss: LossInputs;
  readonly weight: number;
}

/** A batch to imitate: each target counts by its own weight. */
export function imitated(batch: Batch): WeightedBatch {
  return {
    batch,
    loss: { weights: batch.weights },
    weight: batch.weights.reduce((sum, value) => sum + value, 0),
  };
}

/** Trains parameters on batches. Deterministic on the CPU: equal seed and batches give equal bytes. */
export interface Trainer {
  readonly slots: readonly ParameterSlot[];
  /** Flat parameters; what a checkpoint stores together with `optimizer`. */
  readonly theta: Float32Array;
  readonly optimizer: AdamWState;
  /**
   * One update from the mean over the batches, which are run one after the other (gradient
   * accumulation); the loss in nats and the gradient's norm before clipping.
   */
  step(batches: readonly WeightedBatch[], learningRate: number): Promise<{ loss: number; gradientNorm: number }>;
  /** The loss without an update. */
  evaluate(batch: WeightedBatch): Promise<number>;
  /** Log-probabilities (M) of a batch's targets under the parameters as they are, or under the base model. */
  logProbabilities(batch: Batch, under: "theta" | "base"): Promise<Float32Array>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TrainerOptions {
  readonly trained: Trained;
  readonly objective: Objective;
  readonly shape: TrainingShape;
  readonly adamW: AdamWOptions;
  /** Uniform in [0, 1), seeded. */
  readonly random: () => number;
  readonly threads: number;
  /**
   * Compute each block again in the backward pass instead of keeping its activations: less memory, a
   * third more time. Unless given, when they would not have room.
   */
  readonly recompute?: boolean;
  /** Where the graphs run, as long as the device lasts; the CPU unless given. */
  readonly provider?: Provider;
}

export async function createTrainer(
  checkpoint: { readonly config: DecoderConfig; readonly weights: Weights },
  options: TrainerOptions,
): Promise<Trainer> {
  const { config, weights } = checkpoint;
  const slots = parameterSlots(config, options.trained);
  const theta = initialParameters(slots, weights, options.random);
  const optimizer = createAdamWState(theta.length);
  const gradient = new Float32Array(theta.length);
  const adamW = await createAdamW(options.adamW, options.threads);
  let part: Float32Array | null = null;
  const pipeline = await createPipeline({
    config,
    weights,
    trained: options.trained,
    objective: options.objective,
    shape: options.shape,
    threads: options.threads,
    ...(options.recompute === undefined
      ? {}
      : { keep: options.recompute ? ("nothing" as const) : ("everything" as const) }),
    provider: options.provider ?? "cpu",
  });

  return {
    slots,
    theta,
    optimizer,
    async step(batches, learningRate) {
      const totalWeight = batches.reduce((sum, { weight }) => sum + weight, 0);
      let loss = 0;
      for (const [i, { batch, loss: inputs, weight }] of batches.entries()) {
        const share = weight / totalWeight;
        if (i > 0) part ??= new Float32Array(theta.length);
        const into = i === 0 ? gradient : part!;
        loss += share * (await pipeline.differentiate(theta, into, batch, inputs)).loss;
        if (batches.length > 1) accumulate(gradient, into, share, i === 0);
      }
      return { loss, gradientNorm: await adamW.step(theta, gradient, optimizer, learningRate) };
    },
    evaluate: ({ batch, loss }) => pipeline.evaluate(theta, batch, loss),
    logProbabilities: (batch, under) =>
      pipeline.logProbabilities(under === "theta" ? theta : null, batch) as Promise<Float32Array>,
    async [Symbol.asyncDispose]() {
      await pipeline[Symbol.asyncDispose]();
      await adamW[Symbol.asyncDispose]();
    },
  };
}

/** sum = share part, or sum += share part. */
function accumulate(sum: Float32Array, part: Float32Array, share: number, isFirst: boolean): void {
  if (isFirst) for (let i = 0; i < sum.length; i++) sum[i] = share * part[i]!;
  else for (let i = 0; i < sum.length; i++) sum[i]! += share * part[i]!;
}

/** Mean of the losses of batches, each counting by its weight. */
export async function meanLoss(trainer: Trainer, batches: readonly WeightedBatch[]): Promise<number> {
  let total = 0;
  let weight = 0;
  for (const batch of batches) {
    total += batch.weight * (await trainer.evaluate(batch));
    weight += batch.weight;
  }
  return total / weight;
}
