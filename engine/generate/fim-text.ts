import { DIALECTS, type Dialect } from "../tokenizer/dialect.ts";
import type { CompletionRequest, PromptExample } from "./completion.ts";
import { pathComment } from "./path-comment.ts";

/** What a server that is given a prompt as text may be shown, characters: about 2,000 tokens. */
const BUDGET = { prefix: 4_500, suffix: 1_200, examples: 2_400 } as const;

/**
 * A fill-in-the-middle prompt as text, for a model on another server whose tokenizer reads the markers: as
 * `prompt.ts` lays it out, counted in characters. Null for a dialect without markers.
 */
export function fimText(name: Dialect["name"], request: CompletionRequest): string | null {
  const dialect = DIALECTS.find((one) => one.name === name);
  if (!dialect) return null;
  // SentencePiece writes the space before a marker as a token of its own.
  const marker = (token: string | undefined): string => (token ?? "").replace(/^▁/, " ");
  const { tokens } = dialect;
  const examples = exampleTexts(request.examples);
  const separator = marker(tokens.fileSeparator);
  const excerpt = ({ path, text }: PromptExample): string =>
    separator === "" ? `${pathComment(path)}\n${text}\n` : `${separator}${path}\n${text}\n`;
  const repository =
    tokens.repositoryName && request.repository !== "" ? `${marker(tokens.repositoryName)}${request.repository}\n` : "";
  const context = repository + examples.map(excerpt).join("");
  const file = request.path === "" ? "" : separator === "" ? `${pathComment(request.path)}\n` : `${request.path}\n`;
  const isBefore = separator !== "" && dialect.path === "before the markers";
  const before = separator === "" ? "" : `${context}${separator}${isBefore ? file : ""}`;
  const inPrefix = `${separator === "" ? context : ""}${isBefore ? "" : file}`;
  const body = dialect.layouts[dialect.order].map((part) => {
    if (part === "prefix") return inPrefix + lastLines(request.prefix, BUDGET.prefix);
    return part === "suffix" ? request.suffix.slice(0, BUDGET.suffix) : marker(tokens[part]);
  });
  // A text begins with such a space by itself.
  return (before + body.join("")).replace(/^ /, "");
}

/** A prompt without markers, for a server that takes the suffix by itself: examples stand before the file. */
export function plainText(request: CompletionRequest): string {
  const examples = exampleTexts(request.examples).map(({ path, text }) => `${pathComment(path)}\n${text}\n\n`);
  const file = request.path === "" ? "" : `${pathComment(request.path)}\n`;
  return examples.join("") + file + lastLines(request.prefix, BUDGET.prefix);
}

/** The most useful examples, which are the last, as far as there is room. */
export function exampleTexts(examples: readonly PromptExample[]): readonly PromptExample[] {
  let room: number = BUDGET.examples;
  const first = examples.findLastIndex(({ path, text }) => (room -= path.length + text.length) < 0);
  return examples.slice(first + 1);
}

/** The end of a text, from a line's start where it is cut. */
function lastLines(text: string, room: number): string {
  if (text.length <= room) return text;
  const tail = text.slice(-room);
  return tail.slice(tail.indexOf("\n") + 1);
}
