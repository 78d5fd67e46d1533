import { healPrefix } from "../../../engine/generate/healing.ts";
import { buildPrompt, type PromptBudget } from "../../../engine/generate/prompt.ts";
import type { TrainingDocument } from "../../../engine/optim/packing.ts";
import type { Tokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import type { TrainingRow } from "../backend.ts";

/** Shares of a row's prompt, as in serving; see `SERVING_BUDGET`. */
const EXAMPLE_SHARE = 0.25;
const SUFFIX_SHARE = 0.15;

/**
 * A dataset row as a document whose completion, and its end, are to be learnt. The prompt is built as
 * for a suggestion, only shorter: it takes what the row leaves to it, at most half, so that two fit.
 * Without its end an adapter learns to write on and on: the first one did, and the gate refused it.
 */
export function encodeRow(
  tokenizer: Tokenizer,
  row: TrainingRow,
  rowTokens: number,
  maxTargets: number,
): TrainingDocument {
  return encodeCompletions(tokenizer, row, [row.completion], rowTokens, maxTargets)[0]!;
}

/** Several completions of a row's place, each after the same prompt, which leaves room for the longest. */
export function encodeCompletions(
  tokenizer: Tokenizer,
  row: TrainingRow,
  completions: readonly string[],
  rowTokens: number,
  maxTargets: number,
): TrainingDocument[] {
  const { kept, owed } = healPrefix(row.prefix, tokenizer);
  const encoded = completions.map((text) => targetIds(tokenizer, owed, text, row.suffix).slice(0, maxTargets));
  const longest = Math.max(...encoded.map((ids) => ids.length));
  const budget: PromptBudget = {
    total: Math.max(Math.floor(rowTokens / 2) - longest, Math.floor(rowTokens / 4)),
    examples: EXAMPLE_SHARE,
    suffix: SUFFIX_SHARE,
  };
  const prompt = buildPrompt(tokenizer, { ...row, prefix: kept }, budget);
  return encoded.map((ids) => ({
    ids: [...prompt.ids, ...ids],
    targets: ids.map((_, i) => prompt.ids.length + i),
    weight: row.weight,
  }));
}

/** Rest of a line that a cursor stands before: nothing, or what closes it. */
const CLOSERS_ONLY = /^[\s)\]}>'"`;,]*$/;

/**
 * The completion with what comes after it. In an editor the suffix goes on with the line, so the middle
 * just ends. Mined from history, the suffix begins with the next line, so the middle has the line end
 * before it, tokenised with the completion: ";" and its line end are one token to the model.
 */
function targetIds(tokenizer: Tokenizer, owed: string, completion: string, suffix: string): number[] {
  const firstLine = suffix.slice(0, Math.max(0, suffix.indexOf("\n")));
  const { endOfText } = tokenizer.special;
  return CLOSERS_ONLY.test(firstLine) && endOfText !== undefined
    ? [...tokenizer.encode(owed + completion), endOfText]
    : tokenizer.encode(`${owed}${completion}\n`);
}
