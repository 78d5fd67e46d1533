import { weightShapes, type DecoderConfig } from "../architectures/decoder-config.ts";
import type { Weights } from "../architectures/weights.ts";
import { createAdamW, createAdamWState, type AdamWOptions, type AdamWState } from "../optim/adamw.ts";
import type { Provider } from "../devices/device.ts";
import type { Batch } from "../optim/batch.ts";
import type { TrainingShape } from "../architectures/training-graph.ts";
import { sizeOf } from "../graph/graph.ts";
import { createLanes } from "./lanes.ts";
import type { Objective } from "./objective.ts";
import { initialParameters, parameterSlots, type ParameterSlot, type Trained } from "./parameters.ts";
import { createPipeline, type LossInputs, type PipelineOptions } from "./pipeline.ts";

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
  /** The loss of each batch without an update. */
  evaluate(batches: readonly WeightedBatch[]): Promise<readonly number[]>;
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
  /**
   * File of `lane-thread.ts`, or of a bundle of it: on the CPU the batches of a step then run side by side,
   * one a core, where the model is small enough for a copy of its weights in each thread.
   */
  readonly laneEntry?: string;
}

/** A larger model's operators keep all cores busy by themselves; bytes of its weights. */
const MAX_LANE_BYTES = 256 * 2 ** 20;

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
  const parts: Float32Array[] = [];
  const pipelineOptions: PipelineOptions = {
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
  };
  const isSmall =
    [...weightShapes(config).values()].reduce((sum, shape) => sum + 4 * sizeOf(shape), 0) <= MAX_LANE_BYTES;
  const { laneEntry: entry, threads: nLanes } = options;
  const hasLanes = entry !== undefined && nLanes > 1 && isSmall && pipelineOptions.provider === "cpu";
  const pipeline = await (hasLanes
    ? createLanes({ ...pipelineOptions, nLanes, entry })
    : createPipeline(pipelineOptions));
  /** One pipeline has one place for what it keeps between the passes. */
  const nAtOnce = hasLanes ? nLanes : 1;
  const waves = (batches: readonly WeightedBatch[]) =>
    Array.from({ length: Math.ceil(batches.length / nAtOnce) }, (_, i) =>
      batches.slice(i * nAtOnce, (i + 1) * nAtOnce),
    );

  return {
    slots,
    theta,
    optimizer,
    async step(batches, learningRate) {
      const totalWeight = batches.reduce((sum, { weight }) => sum + weight, 0);
      let loss = 0;
      let nDone = 0;
      for (const wave of waves(batches)) {
        const places = wave.map((_, i) => (nDone + i === 0 ? gradient : (parts[i] ??= new Float32Array(theta.length))));
        const results = await Promise.all(
          wave.map(({ batch, loss: inputs }, i) => pipeline.differentiate(theta, places[i]!, batch, inputs)),
        );
        // In their order: the sum does not depend on which was ready first.
        for (const [i, result] of results.entries()) {
          const share = wave[i]!.weight / totalWeight;
          loss += share * result.loss;
          if (batches.length > 1) accumulate(gradient, places[i]!, share, nDone + i === 0);
        }
        nDone += wave.length;
      }
      return { loss, gradientNorm: await adamW.step(theta, gradient, optimizer, learningRate) };
    },
    async evaluate(batches) {
      const losses: number[] = [];
      for (const wave of waves(batches))
        losses.push(...(await Promise.all(wave.map(({ batch, loss }) => pipeline.evaluate(theta, batch, loss)))));
      return losses;
    },
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
  const losses = await trainer.evaluate(batches);
  const weight = batches.reduce((sum, batch) => sum + batch.weight, 0);
  return batches.reduce((sum, batch, i) => sum + batch.weight * losses[i]!, 0) / weight;
}
