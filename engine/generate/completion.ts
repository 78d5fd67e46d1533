/** What a caller asks of the model, and what it gets. Plain data: it crosses a process boundary. */

export interface PromptExample {
  readonly path: string;
  readonly text: string;
}

export interface CompletionRequest {
  readonly prefix: string;
  readonly suffix: string;
  /** Path shown to the model, relative to the repository. */
  readonly path: string;
  /** Name of the repository without its owner; empty when unknown. */
  readonly repository: string;
  /** In-context examples, most useful last. Left out from the front when they do not fit. */
  readonly examples: readonly PromptExample[];
  /** The file's beginning, where `prefix` does not reach it: its imports are shown. */
  readonly head?: string;
  /** Upper bound of generated tokens. */
  readonly maxTokens: number;
  /** Stop after the first line, or let indentation and brackets decide. */
  readonly lines: "single" | "block";
  /** Draw tokens instead of taking the likeliest ones. */
  readonly sampling?: Sampling;
  /** Say each token's probability, and as many other tokens that were likely. */
  readonly nLikely?: number;
}

export interface Sampling {
  /** Above 0: at 1 tokens are drawn as likely as the model finds them. */
  readonly temperature: number;
  /** Only of the likeliest tokens that together have this probability. */
  readonly topP: number;
  readonly seed: number;
}

/** A token of a completion, as far as it is part of the text. */
export interface WrittenToken {
  readonly text: string;
  /** Natural-log probability. */
  readonly logProbability: number;
  /** The likeliest tokens at its place, most likely first; only itself where nothing else was looked at. */
  readonly likely: readonly { readonly text: string; readonly logProbability: number }[];
}

export type FinishReason = "stop" | "length" | "cancelled";

/** Where the model was least sure. */
export interface Doubt {
  /** Natural-log probability of the least likely token, and of the first. */
  readonly lowest: number;
  readonly first: number;
  /** Tokens less likely than even odds. */
  readonly unlikely: number;
  /** Natural-log probability of the second and the third least likely token, 0 where there is none, and of the last. */
  readonly second: number;
  readonly third: number;
  readonly last: number;
}

export interface Completion {
  readonly text: string;
  readonly finish: FinishReason;
  /** Mean natural-log probability of the generated tokens. */
  readonly meanLogProbability: number;
  /** Where the model was least sure, when it wrote anything. */
  readonly doubt?: Doubt;
  readonly nPromptTokens: number;
  readonly nTokens: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** Adapter that every token was made with, or null for the base model alone. */
  readonly adapter: string | null;
  /** How many of the request's examples fitted into the prompt (the last ones). */
  readonly nExamplesUsed: number;
  /** Id of the remembered example that its first line was copied from, where one was. */
  readonly copiedFrom?: string;
  /** The tokens of the text, where they were asked for. */
  readonly tokens?: readonly WrittenToken[];
}
