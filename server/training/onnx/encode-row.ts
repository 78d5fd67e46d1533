import { healPrefix } from "../../../engine/generate/healing.ts";
import { buildPrompt, type Prompt, type PromptBudget } from "../../../engine/generate/prompt.ts";
import type { TrainingDocument } from "../../../engine/optim/packing.ts";
import type { Tokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import type { TrainingRow } from "../backend.ts";

/** Shares of a row's prompt, as in serving; see `SERVING_BUDGET`. */
const EXAMPLE_SHARE = 0.4;
const SUFFIX_SHARE = 0.15;

/** A prompt takes at most this part of a row. */
const PROMPT_SHARE = 3 / 4;

/** What a target counts for that is not in the completion's first line, the one that a suggestion is judged by. */
const LATER_WEIGHT = 0.5;

/** Lines that were learnt from already, by their text without white space around it. */
export type KnownLines = Set<string>;

/**
 * A dataset row as a document whose completion, and its end, are to be learnt. The prompt is built as for a
 * suggestion, only shorter. Without its end an adapter learns to write on and on: the first one did, and the gate
 * refused it.
 *
 * Completions are a twentieth of what rows show. With `lines`, lines of the file before the cursor that stand
 * in no earlier row are learnt too, with half the weight: in as many steps that takes twice as much off the loss
 * of later first lines as completions alone (docs/learning-quality.md). `maxTargets` of it is for both together.
 */
export function encodeRow(
  tokenizer: Tokenizer,
  row: TrainingRow,
  rowTokens: number,
  maxTargets: number,
  lines: { readonly known: KnownLines; readonly maxTargets: number } | null = null,
): TrainingDocument {
  const { documents, prompt, owed } = encodePlace(tokenizer, row, [row.completion], rowTokens, maxTargets);
  const [document] = documents as [TrainingDocument];
  const after = document.ids.slice(prompt.ids.length);
  const weights = completionWeights(tokenizer, after, owed);
  if (lines === null) return { ...document, targetWeights: weights };
  const fresh = newLines(tokenizer, prompt, lines.known);
  for (const line of row.completion.split("\n")) lines.known.add(line.trim());
  const room = Math.max(0, lines.maxTargets - document.targets.length);
  const earlier = room === 0 ? [] : fresh.slice(-room);
  return {
    ...document,
    targets: [...earlier, ...document.targets],
    targetWeights: [...earlier.map(() => LATER_WEIGHT), ...weights],
  };
}

/** Several completions of a row's place, each after the same prompt, which leaves room for the longest. */
export function encodeCompletions(
  tokenizer: Tokenizer,
  row: TrainingRow,
  completions: readonly string[],
  rowTokens: number,
  maxTargets: number,
): readonly TrainingDocument[] {
  return encodePlace(tokenizer, row, completions, Math.floor(rowTokens / 2 / PROMPT_SHARE), maxTargets).documents;
}

function encodePlace(
  tokenizer: Tokenizer,
  row: TrainingRow,
  completions: readonly string[],
  rowTokens: number,
  maxTargets: number,
): { readonly documents: readonly TrainingDocument[]; readonly prompt: Prompt; readonly owed: string } {
  const { kept, owed } = healPrefix(row.prefix, tokenizer);
  const encoded = completions.map((text) => targetIds(tokenizer, owed, text, row.suffix).slice(0, maxTargets));
  const longest = Math.max(...encoded.map((ids) => ids.length));
  const budget: PromptBudget = {
    total: Math.min(Math.floor(rowTokens * PROMPT_SHARE), rowTokens - longest),
    examples: EXAMPLE_SHARE,
    suffix: SUFFIX_SHARE,
  };
  const prompt = buildPrompt(tokenizer, { ...row, prefix: kept }, budget);
  const documents = encoded.map((ids) => ({
    ids: [...prompt.ids, ...ids],
    targets: ids.map((_, i) => prompt.ids.length + i),
    weight: row.weight,
  }));
  return { documents, prompt, owed };
}

/** 1 for the tokens of the first line that has anything on it, with its end, and less for what follows. */
function completionWeights(tokenizer: Tokenizer, ids: readonly number[], owed: string): number[] {
  let text = "";
  return ids.map((id) => {
    const isFirst = !text.slice(owed.length).trimStart().includes("\n");
    text += tokenizer.textOf(id);
    return isFirst ? 1 : LATER_WEIGHT;
  });
}

/** Tokens of the prefix's whole lines that are not known, which then are. */
function newLines(tokenizer: Tokenizer, { ids, prefix }: Prompt, known: KnownLines): number[] {
  const found: number[] = [];
  let text = "";
  let first = prefix.start;
  for (let at = prefix.start; at < prefix.end; at++) {
    text += tokenizer.textOf(ids[at]!);
    if (!text.includes("\n")) continue;
    const line = text.trim();
    if (line !== "" && !known.has(line)) {
      known.add(line);
      for (let token = Math.max(1, first); token <= at; token++) found.push(token);
    }
    text = "";
    first = at + 1;
  }
  return found;
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
