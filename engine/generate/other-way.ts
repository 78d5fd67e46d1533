import { argmaxWithin } from "./healing.ts";
import { argmax } from "./logits.ts";
import type { ChoiceContext, TokenChoice } from "./next-token.ts";

/** A choice of tokens that remembers what it nearly chose. */
export interface WatchedChoice {
  readonly choose: TokenChoice;
  /**
   * How to begin the most likely text that is another one: the tokens chosen up to the closest call, then
   * the runner-up there. Null when there was no second choice anywhere.
   */
  otherWay(): readonly number[] | null;
}

/** Watches `inner`. `begun` are tokens that were not chosen but given. */
export function watchChoices(
  { tokenizer, owed }: Pick<ChoiceContext, "tokenizer" | "owed">,
  inner: TokenChoice,
  begun: readonly number[],
): WatchedChoice {
  const taken: { readonly id: number; readonly runnerUp: number; readonly gap: number }[] = [];
  return {
    choose(logits, generated) {
      const id = inner(logits, generated);
      const score = logits[id]!;
      logits[id] = -Infinity;
      const owes = owed.slice(generated.text.length);
      const runnerUp = owes === "" ? argmax(logits) : argmaxWithin(tokenizer, logits, owes);
      const gap = runnerUp < 0 || runnerUp === id ? Infinity : score - logits[runnerUp]!;
      logits[id] = score;
      taken.push({ id, runnerUp, gap });
      return id;
    },
    otherWay() {
      let closest = -1;
      for (const [at, { gap }] of taken.entries()) {
        if (gap < (closest < 0 ? Infinity : taken[closest]!.gap)) closest = at;
      }
      if (closest < 0) return null;
      return [...begun, ...taken.slice(0, closest).map(({ id }) => id), taken[closest]!.runnerUp];
    },
  };
}
