import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { CopyPrior } from "./copy-prior.ts";
import { argmaxWithin, writes } from "./healing.ts";
import { argmax, isEnd } from "./logits.ts";

/**
 * Chooses the token that follows `generated`, from the model's logits (V) at that position. It depends
 * on its arguments alone: a token that was read ahead is verified by calling it again, in order, with
 * what stood before that token. It may change `logits`: nothing reads them after it but the scores of
 * the chosen token.
 */
export type TokenChoice = (logits: Float32Array, generated: GeneratedTokens) => number;

export interface GeneratedTokens {
  readonly ids: readonly number[];
  /** Their text, with what is owed. */
  readonly text: string;
}

export interface ChoiceContext {
  readonly tokenizer: Tokenizer;
  /** Tokens before the cursor, as the prior sees them. */
  readonly prefixIds: readonly number[];
  /** Null when the model has no weights for one. */
  readonly prior: CopyPrior | null;
  /** What the generated text has to begin with; see `healing.ts`. */
  readonly owed: string;
}

/** Greedy: the most likely token after the prior's say, of those that write what is owed while anything is. */
export function greedyChoice({ tokenizer, owed, prefixIds, prior }: ChoiceContext): TokenChoice {
  return (logits, { ids, text }) => {
    prior?.mix(logits, [...prefixIds, ...ids]);
    const owes = owed.slice(text.length);
    return owes === "" ? argmax(logits) : argmaxWithin(tokenizer, logits, owes);
  };
}

/** The `count` most likely first tokens that end nothing and write what is owed, most likely first. */
export function likeliest({ tokenizer, owed }: ChoiceContext, logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    const least = best.at(-1);
    if (best.length >= count && logits[id]! <= logits[least!]!) continue;
    if (isEnd(tokenizer, id) || (owed !== "" && !writes(tokenizer, id, owed))) continue;
    const at = best.findIndex((other) => logits[other]! < logits[id]!);
    best.splice(at < 0 ? best.length : at, 0, id);
    best.length = Math.min(best.length, count);
  }
  return best;
}
