import type { CompletionRequest, PromptExample } from "./completion.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * The prompt of a fill-in-the-middle suggestion:
 *
 *   <|repo_name|>name <|file_sep|>path, excerpt ... <|file_sep|>path
 *   psm: <|fim_prefix|>prefix <|fim_suffix|>suffix <|fim_middle|>
 *   spm: <|fim_prefix|><|fim_suffix|>suffix <|fim_middle|>prefix
 *
 * What stays the same from keystroke to keystroke stands first, so that its key-value cache is used
 * again. In the order spm that is everything but the end of the prefix, and the middle goes on from
 * the prefix as plain text, which small models do much better.
 */
export interface Prompt {
  readonly ids: readonly number[];
  /** How many examples fitted: the last ones of the request. */
  readonly nExamplesUsed: number;
}

export interface PromptBudget {
  /** Tokens of the whole prompt. */
  readonly total: number;
  /** Shares of the total that examples and suffix may take; the prefix gets what is left. */
  readonly examples: number;
  readonly suffix: number;
}

/** A prompt that a small model reads in well under 100 ms on one core. */
export const SERVING_BUDGET: PromptBudget = { total: 768, examples: 0.4, suffix: 0.15 };

/** Characters a token stands for at most, on average, in source code; bounds what is tokenised. */
const MAX_CHARS_PER_TOKEN = 6;

type PromptParts = Pick<CompletionRequest, "prefix" | "suffix" | "path" | "repository" | "examples">;

export function buildPrompt(tokenizer: Tokenizer, request: PromptParts, budget: PromptBudget): Prompt {
  const { special } = tokenizer;
  const head: number[] = [];
  if (request.repository) head.push(special.repositoryName, ...tokenizer.encode(`${request.repository}\n`));
  const file = [special.fileSeparator, ...tokenizer.encode(`${request.path}\n`)];
  const nMarkers = 3;
  const suffix = headTokens(tokenizer, request.suffix, Math.floor(budget.total * budget.suffix));
  const prefixMinimum = Math.floor(budget.total * (1 - budget.examples - budget.suffix));
  const room = budget.total - head.length - file.length - nMarkers - suffix.length;
  const wanted = tailTokens(tokenizer, request.prefix, room);
  const forExamples = Math.min(
    Math.floor(budget.total * budget.examples),
    room - Math.min(wanted.length, prefixMinimum),
  );
  const examples = fitExamples(tokenizer, request.examples, forExamples);
  const prefixRoom = room - examples.ids.length;
  const prefix = wanted.length <= prefixRoom ? wanted : tailTokens(tokenizer, request.prefix, prefixRoom);
  return {
    ids: [...head, ...examples.ids, ...file, ...arrange(tokenizer, prefix, suffix)],
    nExamplesUsed: examples.count,
  };
}

function arrange({ special, fimOrder }: Tokenizer, prefix: readonly number[], suffix: readonly number[]): number[] {
  return fimOrder === "spm"
    ? [special.fimPrefix, special.fimSuffix, ...suffix, special.fimMiddle, ...prefix]
    : [special.fimPrefix, ...prefix, special.fimSuffix, ...suffix, special.fimMiddle];
}

/** The last examples that fit, in their order: the most useful one stands nearest to the file. */
function fitExamples(
  tokenizer: Tokenizer,
  examples: readonly PromptExample[],
  room: number,
): { ids: number[]; count: number } {
  let ids: number[] = [];
  let count = 0;
  for (const { path, text } of examples.toReversed()) {
    const next = [tokenizer.special.fileSeparator, ...tokenizer.encode(`${path}\n${text}\n`)];
    if (next.length + ids.length > room) break;
    ids = [...next, ...ids];
    count++;
  }
  return { ids, count };
}

/** The last tokens of a text, from a line's start where one fits. */
function tailTokens(tokenizer: Tokenizer, text: string, room: number): number[] {
  let tail = text.slice(-room * MAX_CHARS_PER_TOKEN);
  if (tail.length < text.length) tail = tail.slice(tail.indexOf("\n") + 1);
  let ids = tokenizer.encode(tail);
  while (ids.length > room) {
    const charsOver = Math.ceil((tail.length * (ids.length - room)) / ids.length);
    const lineStart = tail.indexOf("\n", charsOver) + 1;
    if (lineStart === 0) return ids.slice(-room);
    tail = tail.slice(lineStart);
    ids = tokenizer.encode(tail);
  }
  return ids;
}

/** The first tokens of a text. */
function headTokens(tokenizer: Tokenizer, text: string, room: number): number[] {
  return tokenizer.encode(text.slice(0, room * MAX_CHARS_PER_TOKEN)).slice(0, room);
}
