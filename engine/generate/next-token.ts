import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { argmaxWithin } from "./healing.ts";
import { argmax } from "./logits.ts";

/**
 * Chooses the token that follows `generated`, from the model's logits (V) at that position. It depends
 * on its arguments alone: a token that was read ahead is verified by calling it again, in order, with
 * what stood before that token. It may change `logits`, which no one reads after it but as the scores
 * of the chosen token.
 */
export type TokenChoice = (logits: Float32Array, generated: readonly number[]) => number;

export interface ChoiceContext {
  readonly tokenizer: Tokenizer;
  readonly promptIds: readonly number[];
  /** What the generated text has to begin with; see `healing.ts`. */
  readonly owed: string;
}

/** Greedy: the most likely token, of those that write what is owed while anything is. */
export function greedyChoice({ tokenizer, owed }: ChoiceContext): TokenChoice {
  return (logits, generated) => {
    const owes = owed === "" ? "" : owed.slice(tokenizer.decode(generated).length);
    return owes === "" ? argmax(logits) : argmaxWithin(tokenizer, logits, owes);
  };
}
