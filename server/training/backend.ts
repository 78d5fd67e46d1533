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
  /** For `kto`: false for a completion to write no more. */
  readonly isDesirable?: boolean;
  /** For `dpo`: the completion that was liked less in the same place. */
  readonly rejected?: string;
  /** Replayed against forgetting: of it the completion alone is learnt. */
  readonly isGeneral?: boolean;
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
  /** Tokens of a batch that are learnt, at most. */
  readonly targetTokens: number;
  readonly seed: number;
}

/** What is trained: an adapter, the last blocks with the final norm and the head, or every weight. */
export type Strategy = "lora" | "top-layers" | "full";

export interface TrainingJob {
  readonly runId: string;
  readonly modelDir: string;
  readonly train: readonly TrainingRow[];
  readonly validation: readonly TrainingRow[];
  /** Folder for checkpoints and, at the end, for what was trained. */
  readonly runDir: string;
  /** Rank and alpha count for the strategy `lora` alone. */
  readonly lora: LoraHyperParameters;
  /** `lora` unless given. */
  readonly strategy?: Strategy;
  /** Blocks that `top-layers` trains; 2 unless given. */
  readonly topLayers?: number;
  /** To imitate completions, to learn from judged ones, or from pairs; `sft` unless given. */
  readonly objective?: "sft" | "kto" | "dpo";
  /** Batches whose gradients make one step; 1 unless given. */
  readonly accumulation?: number;
}

export interface TrainingResult {
  /**
   * PEFT folder: `adapter_config.json`, `adapter_model.safetensors`, `README.md`. With the strategies
   * `top-layers` and `full` a model in the Hugging Face layout.
   */
  readonly adapterDir: string;
  /** Mean loss on the training rows before and after: nats a target token, or the loss of `kto` and `dpo`. */
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
