import { healPrefix } from "../../../engine/generate/healing.ts";
import { buildPrompt, type PromptBudget } from "../../../engine/generate/prompt.ts";
import type { TrainingDocument } from "../../../engine/optim/packing.ts";
import type { Tokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import type { TrainingRow } from "../backend.ts";

/** Shares of a row's prompt, as in serving; see `SERVING_BUDGET`. */
const EXAMPLE_SHARE = 0.25;
const SUFFIX_SHARE = 0.15;

/**
 * A dataset row as a document whose completion is to be learnt. The prompt is built as for a
 * suggestion, only shorter: it takes what the row leaves to it, at most half, so that two fit.
 * The end of the completion is not a target: what follows it in the file is mostly unknown.
 */
export function encodeRow(
  tokenizer: Tokenizer,
  row: TrainingRow,
  rowTokens: number,
  maxTargets: number,
): TrainingDocument {
  const { kept, owed } = healPrefix(row.prefix);
  const completion = tokenizer.encode(owed + row.completion).slice(0, maxTargets);
  const budget: PromptBudget = {
    total: Math.max(Math.floor(rowTokens / 2) - completion.length, Math.floor(rowTokens / 4)),
    examples: EXAMPLE_SHARE,
    suffix: SUFFIX_SHARE,
  };
  const prompt = buildPrompt(tokenizer, { ...row, prefix: kept }, budget);
  return {
    ids: [...prompt.ids, ...completion],
    targets: completion.map((_, i) => prompt.ids.length + i),
    weight: row.weight,
  };
}
