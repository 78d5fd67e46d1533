import type { MinedLoss } from "./datasets/history-verdict.ts";

/** One row of a dataset: a place in code, what belongs there, and how much the row counts. */
export interface DatasetRow {
  readonly id: string;
  /** Suggestion that the row came from; null when it was mined from git history. */
  readonly suggestionId: string | null;
  readonly source: "feedback" | "history";
  readonly root: string;
  readonly path: string;
  readonly language: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly examples: readonly { readonly path: string; readonly text: string }[];
  readonly completion: string;
  /** False for what was suggested and turned out bad; such rows never enter supervised training. */
  readonly good: boolean;
  readonly weight: number;
  /** When the code was written, milliseconds since 1970: what the split goes by. */
  readonly writtenAt: number;
  /** Why code from git history is bad: what took it away, and when; absent otherwise. */
  readonly loss?: MinedLoss;
  /** Who else than the owner of the store it came from, such as `tool:claude`; absent for the owner's own. */
  readonly person?: string;
  /** Commit for mined rows. Cases of one commit are resampled together. */
  readonly group: string;
}

export type SplitName = "train" | "validation" | "test";
