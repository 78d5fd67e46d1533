import type { Syntax } from "./markdown-text.ts";
import { keepRuns } from "./token-runs.ts";
import type { TokenKind } from "./token-table.ts";
import { significantTokens, strictTokens } from "./tokens.ts";

/**
 * Fraction of the accepted text's significant tokens that stand in the current text, 0 to 1.
 *
 * A token counts when it lies in a run of at least 4 equal tokens (or when the whole snippet is found), or
 * within 2 tokens of such a run. So it is exactly 1 after any reformatting, and 0 where no run of 4 is left.
 * Parts that were moved out of order count when they hold at least 20 letters or digits, and so does the whole
 * of what is found (or half of the snippet's own): common phrases alone are not survival. A text without
 * significant tokens is compared by its strict ones, and an empty text is retained.
 */
export const retainedFraction = (accepted: string, current: string, syntax: Syntax = "code"): number =>
  retentionIn(current)(accepted, syntax);

/** Retained fraction of a snippet in some text. Both are read in the syntax of the file that it was accepted in. */
export type RetentionIn = (accepted: string, syntax?: Syntax) => number;

/** {@link retainedFraction} of many snippets in one text, whose tokens are read once. */
export const retentionIn = (current: string): RetentionIn => {
  const read = new Map<Syntax, readonly string[]>();
  return (accepted, syntax = "code") => {
    const tokens = significantTokens(accepted, syntax);
    if (tokens.length === 0) return retained(strictTokens(accepted), strictTokens(current), "strict");
    const significant = read.get(syntax) ?? significantTokens(current, syntax);
    read.set(syntax, significant);
    return retained(tokens, significant, "significant");
  };
};

/** The same over all tokens, punctuation too; never above {@link retainedFraction}. */
export const strictRetainedFraction = (accepted: string, current: string, syntax: Syntax = "code"): number =>
  Math.min(
    retained(strictTokens(accepted), strictTokens(current), "strict"),
    retainedFraction(accepted, current, syntax),
  );

/**
 * Share of the accepted text's overlapping groups of 4 significant tokens that occur in the current text,
 * each at most as often as it occurs there. A shorter text is one group.
 */
export const fourGramRecall = (accepted: string, current: string, syntax: Syntax = "code"): number => {
  const tokens = significantTokens(accepted, syntax);
  const size = Math.min(GRAM_TOKENS, tokens.length);
  if (size === 0) return 1;
  const available = new Map<string, number>();
  for (const gram of grams(significantTokens(current, syntax), size))
    available.set(gram, (available.get(gram) ?? 0) + 1);
  let nFound = 0;
  const wanted = grams(tokens, size);
  for (const gram of wanted) {
    const left = available.get(gram) ?? 0;
    if (left === 0) continue;
    available.set(gram, left - 1);
    nFound += 1;
  }
  return nFound / wanted.length;
};

const GRAM_TOKENS = 4;

const grams = (tokens: readonly string[], size: number): string[] => {
  const found: string[] = [];
  for (let at = 0; at + size <= tokens.length; at += 1) found.push(tokens.slice(at, at + size).join(" "));
  return found;
};

const retained = (accepted: readonly string[], current: readonly string[], kind: TokenKind): number => {
  if (accepted.length === 0) return 1;
  const nRetained = keepRuns(accepted, current, kind).reduce((sum, run) => sum + run.length, 0);
  return nRetained / accepted.length;
};
