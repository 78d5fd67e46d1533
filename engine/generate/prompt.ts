import type { CompletionRequest, PromptExample } from "./completion.ts";
import { importsUsedIn } from "../retrieve/import-lines.ts";
import type { PromptPart } from "../tokenizer/dialect.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { pathComment } from "./path-comment.ts";

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
 *
 * So it is for Qwen2.5-Coder; the tokenizer's dialect says what the markers are and where they stand. A
 * model without a file separator is shown each path as a comment line, at the start of the prefix, and no
 * repository name unless it has a token for that. One that cannot fill in sees all but the suffix.
 */
export interface Prompt {
  readonly ids: readonly number[];
  /** Where in `ids` the file's text before the cursor stands: from `start` up to `end`. */
  readonly prefix: { readonly start: number; readonly end: number };
  /** How many examples fitted: the last ones of the request. */
  readonly nExamplesUsed: number;
  /** What can be copied from, also where the budget cut it from the prompt. */
  readonly visible: VisibleCode;
}

export interface VisibleCode {
  /** Ends where the model goes on writing. */
  readonly prefix: readonly number[];
  /** Examples, then the suffix. */
  readonly elsewhere: readonly (readonly number[])[];
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

type PromptParts = Pick<CompletionRequest, "prefix" | "suffix" | "path" | "repository" | "examples" | "head">;

export function buildPrompt(tokenizer: Tokenizer, request: PromptParts, budget: PromptBudget): Prompt {
  const head = repositoryHeader(tokenizer, request.repository);
  const file = excerptOf(tokenizer, request.path, "");
  const layout = tokenizer.dialect.layouts[tokenizer.fimOrder];
  const nMarkers = tokenizer.startOfText.length + layout.filter((part) => !isText(part)).length;
  const visibleSuffix = headTokens(tokenizer, request.suffix, Math.floor(budget.total * budget.suffix));
  const nSuffix = layout.includes("suffix") ? Math.floor(budget.total * budget.suffix) : 0;
  const suffix = visibleSuffix.slice(0, nSuffix);
  const prefixMinimum = Math.floor(budget.total * (1 - budget.examples - budget.suffix));
  const room = budget.total - head.length - file.length - nMarkers - suffix.length;
  const visiblePrefix = tailTokens(tokenizer, request.prefix, room);
  const forExamples = Math.min(
    Math.floor(budget.total * budget.examples),
    room - Math.min(visiblePrefix.length, prefixMinimum),
  );
  const examples = fitExamples(tokenizer, request.examples, forExamples);
  const prefixRoom = room - examples.fitted.flat().length;
  const uncut = cutToFit(tokenizer, visiblePrefix, prefixRoom);
  const imports = fitImports(tokenizer, request, uncut, Math.floor(budget.total * IMPORT_SHARE));
  const prefix = cutToFit(tokenizer, uncut, prefixRoom - imports.length);
  const context = [...head, ...examples.fitted.flat(), ...imports];
  const { ids, start } = arrange(tokenizer, layout, { context, file, prefix, suffix });
  return {
    ids,
    prefix: { start, end: start + prefix.length },
    nExamplesUsed: examples.fitted.length,
    visible: { prefix: visiblePrefix, elsewhere: [...examples.fitted, visibleSuffix] },
  };
}

interface PromptTexts {
  readonly context: readonly number[];
  /** Separator, where there is one, and path of the file that is being written. */
  readonly file: readonly number[];
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
}

function arrange(
  { special, startOfText, dialect }: Tokenizer,
  layout: readonly PromptPart[],
  { context, file, prefix, suffix }: PromptTexts,
): { readonly ids: number[]; readonly start: number } {
  const all = [...context, ...file];
  // How much of it stands before the markers; the rest opens the prefix.
  const nBefore =
    special.fileSeparator === undefined ? 0 : dialect.path === "in the prefix" ? context.length + 1 : all.length;
  const ids = [...startOfText, ...all.slice(0, nBefore)];
  let start = 0;
  for (const part of layout) {
    if (part === "prefix") {
      ids.push(...all.slice(nBefore));
      start = ids.length;
      ids.push(...prefix);
    } else if (part === "suffix") ids.push(...suffix);
    else ids.push(special[part]!);
  }
  return { ids, start };
}

const isText = (part: PromptPart): boolean => part === "prefix" || part === "suffix";

function repositoryHeader(tokenizer: Tokenizer, name: string): number[] {
  const { repositoryName } = tokenizer.special;
  return name === "" || repositoryName === undefined ? [] : [repositoryName, ...tokenizer.encode(`${name}\n`)];
}

/** The path of a file and its text, as an excerpt of the prompt. */
function excerptOf(tokenizer: Tokenizer, path: string, text: string): number[] {
  const { fileSeparator } = tokenizer.special;
  return fileSeparator === undefined
    ? tokenizer.encode(`${pathComment(path)}\n${text}`)
    : [fileSeparator, ...tokenizer.encode(`${path}\n${text}`)];
}

/** The last examples that fit, in their order: the most useful one stands nearest to the file. */
function fitExamples(
  tokenizer: Tokenizer,
  examples: readonly PromptExample[],
  room: number,
): { readonly fitted: readonly (readonly number[])[] } {
  const fitted: number[][] = [];
  let nTokens = 0;
  for (const { path, text } of examples.toReversed()) {
    const next = excerptOf(tokenizer, path, `${text}\n`);
    const isWhole = nTokens + next.length <= room;
    if (isWhole) fitted.unshift(next);
    // The most useful one is worth its beginning; what would come before it is not.
    else if (nTokens === 0 && room >= MIN_CUT_EXAMPLE) fitted.unshift(next.slice(0, room));
    if (!isWhole) break;
    nTokens += next.length;
  }
  return { fitted };
}

/** Fewer tokens of an example that does not fit say nothing. */
const MIN_CUT_EXAMPLE = 32;

/** What imports may take of a prompt whose file does not fit. */
const IMPORT_SHARE = 1 / 10;

/** The imports, as an excerpt of the file, that the kept prefix uses and that were cut off with its beginning. */
function fitImports(tokenizer: Tokenizer, request: PromptParts, kept: readonly number[], room: number): number[] {
  const keptText = kept.length === 0 ? "" : tokenizer.decode(kept);
  const cutOff = request.prefix.slice(0, Math.max(0, request.prefix.length - keptText.length));
  // Names of the line that is being written would change the beginning of the prompt at every keystroke.
  const written = keptText.slice(0, keptText.lastIndexOf("\n") + 1);
  const used = importsUsedIn(`${request.head ?? ""}\n${cutOff}`, written).map((statement) =>
    tokenizer.encode(`${statement}\n`),
  );
  const ids: number[] = [];
  for (const statement of used) if (ids.length + statement.length <= room) ids.push(...statement);
  if (ids.length === 0) return [];
  return [...excerptOf(tokenizer, request.path, ""), ...ids];
}

/** At least the last `room` tokens of a text, where it has them, from a line's start where one is near. */
function tailTokens(tokenizer: Tokenizer, text: string, room: number): number[] {
  let tail = text.slice(-room * MAX_CHARS_PER_TOKEN);
  if (tail.length < text.length) tail = tail.slice(tail.indexOf("\n") + 1);
  return tokenizer.encode(tail);
}

/** At least the first `room` tokens of a text, where it has them. */
function headTokens(tokenizer: Tokenizer, text: string, room: number): number[] {
  return tokenizer.encode(text.slice(0, room * MAX_CHARS_PER_TOKEN));
}

/** Share of the room given away so that the cut falls on the same line from keystroke to keystroke. */
const CUT_SLACK = 1 / 8;

/**
 * The last tokens that fit, from a line's start. Of the line starts near the limit the one is taken whose
 * line looks most unlike the others (has the smallest hash): as the text grows it stays the choice for many
 * keystrokes, wherever the text that the editor sends begins, and so the key-value cache stays valid.
 */
function cutToFit(tokenizer: Tokenizer, ids: readonly number[], room: number): readonly number[] {
  if (ids.length <= room) return ids;
  const first = ids.length - room;
  const last = first + Math.floor(room * CUT_SLACK);
  let cut = -1;
  let least = Infinity;
  for (let start = first; start <= last; start++) {
    if (!tokenizer.textOf(ids[start - 1]!).endsWith("\n")) continue;
    const hash = hashOfLine(tokenizer, ids, start);
    if (hash >= least) continue;
    least = hash;
    cut = start;
  }
  return ids.slice(cut < 0 ? first : cut);
}

/** FNV-1a over the tokens of one line. */
function hashOfLine(tokenizer: Tokenizer, ids: readonly number[], start: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < ids.length; at++) {
    hash = Math.imul(hash ^ ids[at]!, 0x01000193);
    if (tokenizer.textOf(ids[at]!).endsWith("\n")) break;
  }
  return hash >>> 0;
}
