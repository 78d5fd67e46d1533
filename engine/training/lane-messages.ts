import type { Batch } from "../optim/batch.ts";
import type { LossInputs, PipelineOptions } from "./pipeline.ts";

/** What a lane's thread is started with. Its parameters and gradient lie in memory that both sides see. */
export interface LaneData {
  readonly options: PipelineOptions;
  readonly theta: SharedArrayBuffer;
  readonly gradient: SharedArrayBuffer;
}

/** One pass over a batch. `base`: log-probabilities of the base model, with no parameters. */
export type LaneTask =
  | { readonly kind: "differentiate" | "evaluate"; readonly batch: Batch; readonly loss: LossInputs }
  | { readonly kind: "log-probabilities"; readonly batch: Batch; readonly under: "theta" | "base" };

export type ToLane = { readonly id: number; readonly task: LaneTask } | { readonly kind: "close" };

export type FromLane =
  | { readonly kind: "ready" }
  /** The loss and what the pass gives beside it; the gradient stands in the shared memory. */
  | { readonly id: number; readonly loss: number; readonly logProbabilities: Float32Array }
  | { readonly id: number; readonly error: Error };
