import { linearLayers } from "../architectures/decoder-config.ts";
import { buildTrainingGraph, parameterSlots } from "../architectures/training-graph.ts";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { sizeOf } from "../graph/graph.ts";
import { compileGraph, floats, int64s } from "../graph/session.ts";
import { adamWStep, createAdamWState, type AdamWOptions, type AdamWState } from "../optim/adamw.ts";
import { attentionMask, type Batch } from "../optim/batch.ts";
import type { BatchShape } from "../optim/packing.ts";
import { uniformAdapter, type LoraAdapter } from "./adapter.ts";

/** Trains a LoRA adapter on batches. Deterministic on the CPU: equal seed and batches give equal bytes. */
export interface LoraTrainer {
  /** Flat parameters; what a checkpoint stores together with `optimizer`. */
  readonly theta: Float32Array;
  readonly optimizer: AdamWState;
  /** One update; the batch's loss in nats per unit of weight, and the gradient's norm before clipping. */
  step(batch: Batch, learningRate: number): Promise<{ loss: number; gradientNorm: number }>;
  /** The batch's loss without an update. */
  evaluate(batch: Batch): Promise<number>;
  adapter(): LoraAdapter;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface LoraTrainerOptions {
  readonly rank: number;
  readonly alpha: number;
  readonly shape: BatchShape;
  readonly adamW: AdamWOptions;
  /** Uniform in [0, 1), seeded. */
  readonly random: () => number;
  readonly threads: number;
}

export async function createLoraTrainer(checkpoint: Checkpoint, options: LoraTrainerOptions): Promise<LoraTrainer> {
  const trained = { kind: "lora", rank: options.rank, alpha: options.alpha } as const;
  const { shape } = options;
  const slots = parameterSlots(checkpoint.config, trained);
  const last = slots.at(-1)!;
  const theta = new Float32Array(last.offset + sizeOf(last.shape));
  // A is uniform as in PEFT (Kaiming with a = sqrt 5, bound 1 / sqrt(in)); B is 0, so training starts at the base model.
  for (const { name, shape: matrix, offset } of slots) {
    if (!name.endsWith("lora_A.weight")) continue;
    const bound = 1 / Math.sqrt(matrix[1]!);
    for (let i = 0; i < sizeOf(matrix); i++) theta[offset + i] = (2 * options.random() - 1) * bound;
  }
  const optimizer = createAdamWState(theta.length);
  const compile = (mode: "loss" | "gradient") =>
    compileGraph(buildTrainingGraph(checkpoint.config, checkpoint.weights, trained, shape, "float32", mode), {
      threads: options.threads,
      prepack: false,
    });
  const session = await compile("gradient");
  const lossSession = await compile("loss");

  const feeds = (batch: Batch) => ({
    theta: floats(theta, [theta.length]),
    ids: int64s(batch.ids, [batch.ids.length]),
    mask: floats(attentionMask(batch.documents, shape.nRows, shape.rowTokens), [
      shape.nRows,
      1,
      1,
      shape.rowTokens,
      shape.rowTokens,
    ]),
    positions: int64s(batch.positions, [shape.nTargets]),
    targets: int64s(batch.targets, [shape.nTargets, 1]),
    weights: floats(batch.weights, [shape.nTargets, 1]),
  });

  return {
    theta,
    optimizer,
    async step(batch, learningRate) {
      const outputs = await session.run(feeds(batch));
      const gradient = outputs["gradient"]!.data as Float32Array;
      const gradientNorm = adamWStep(theta, gradient, optimizer, learningRate, options.adamW);
      return { loss: outputs["loss"]!.data[0] as number, gradientNorm };
    },
    async evaluate(batch) {
      return (await lossSession.run(feeds(batch)))["loss"]!.data[0] as number;
    },
    adapter() {
      const matrix = new Map(
        slots.map(({ name, shape: s, offset }) => [name, theta.slice(offset, offset + sizeOf(s))]),
      );
      return uniformAdapter(
        options.rank,
        options.alpha,
        linearLayers(checkpoint.config).map(({ name }) => [
          name,
          { a: matrix.get(`${name}.lora_A.weight`)!, b: matrix.get(`${name}.lora_B.weight`)! },
        ]),
      );
    },
    async [Symbol.asyncDispose]() {
      await session.release();
      await lossSession.release();
    },
  };
}
