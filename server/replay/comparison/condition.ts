/** A way to serve that a replay measures: with or without in-context examples, and with which adapter. */
export interface Condition {
  readonly name: ConditionName;
  readonly examples: "none" | "earlier-commits";
  /** Trained on the earlier part of this history, or of another one. */
  readonly adapter: "none" | "own" | "foreign";
}

export type ConditionName = "base" | "in-context" | "lora" | "both" | "wrong-lora";

/** In the order of the table. */
export const CONDITIONS: readonly Condition[] = [
  { name: "base", examples: "none", adapter: "none" },
  { name: "in-context", examples: "earlier-commits", adapter: "none" },
  { name: "lora", examples: "none", adapter: "own" },
  { name: "both", examples: "earlier-commits", adapter: "own" },
  { name: "wrong-lora", examples: "none", adapter: "foreign" },
];

/** What a condition made of one point. */
export interface ConditionCase {
  readonly condition: ConditionName;
  readonly pointId: string;
  readonly commit: string;
  /** Whether its hunk removed lines too. */
  readonly isRewrite: boolean;
  /** Whether the first line was suggested exactly. */
  readonly accepted: boolean;
  /** 0 to 1 over the first lines. */
  readonly similarity: number;
}
