import type { TrainingProgress } from "../../protocol/api.ts";

/** One row to learn from, as the dataset holds it. */
export interface TrainingRow {
  readonly suggestionId: string;
  readonly repository: string;
  readonly path: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly examples: readonly { readonly path: string; readonly text: string }[];
  /** The text to learn to write at the cursor. */
  readonly completion: string;
  /** Weight of the row's loss, above 0. */
  readonly weight: number;
}

export interface LoraHyperParameters {
  readonly rank: number;
  readonly alpha: number;
  readonly learningRate: number;
  readonly steps: number;
  readonly warmupSteps: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  readonly batchRows: number;
  readonly rowTokens: number;
  /** Loss positions of a row that get a target. */
  readonly targetTokens: number;
  readonly seed: number;
}

export interface TrainingJob {
  readonly runId: string;
  readonly modelDir: string;
  readonly train: readonly TrainingRow[];
  readonly validation: readonly TrainingRow[];
  /** Folder for checkpoints and, at the end, the PEFT adapter. */
  readonly runDir: string;
  readonly lora: LoraHyperParameters;
}

export interface TrainingResult {
  /** PEFT folder: `adapter_config.json`, `adapter_model.safetensors`, `README.md`. */
  readonly adapterDir: string;
  /** Mean loss on the training rows before and after, nats per target token. */
  readonly trainLoss: { readonly first: number; readonly last: number };
  readonly validationLoss: { readonly first: number; readonly last: number } | null;
  /** Loss of every step: equal bytes for an equal seed on the CPU. */
  readonly curve: readonly number[];
}

/** A way to train. `onnx` is embedded; `torch` starts Python. */
export interface TrainingBackend {
  readonly name: "onnx" | "torch";
  train(
    job: TrainingJob,
    onProgress: (progress: TrainingProgress) => void,
    signal: AbortSignal,
  ): Promise<TrainingResult>;
}
