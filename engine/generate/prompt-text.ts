import type { CompletionRequest } from "./completion.ts";
import { pathComment } from "./path-comment.ts";
import type { Dialect, FimOrder } from "../tokenizer/dialect.ts";

/**
 * The prompt of a suggestion as text, its markers written out, for trainers outside of Kept: the order is that of
 * `buildPrompt`, and nothing is cut to a budget. A tokenizer of transformers reads the markers as what they are; code
 * that has one in it has to be left out before.
 */
export function promptText(
  { tokens, layouts, path: pathPlace }: Dialect,
  order: FimOrder,
  {
    prefix,
    suffix,
    path,
    repository,
    examples,
  }: Pick<CompletionRequest, "prefix" | "suffix" | "path" | "repository" | "examples">,
): string {
  const excerpt = (file: string, text: string): string =>
    tokens.fileSeparator === undefined ? `${pathComment(file)}\n${text}` : `${tokens.fileSeparator}${file}\n${text}`;
  const name =
    repository === "" || tokens.repositoryName === undefined ? "" : `${tokens.repositoryName}${repository}\n`;
  const context = name + examples.map((example) => excerpt(example.path, `${example.text}\n`)).join("");
  const file = excerpt(path, "");
  const [before, within] =
    tokens.fileSeparator === undefined
      ? ["", context + file]
      : pathPlace === "in the prefix"
        ? [context + tokens.fileSeparator, file.slice(tokens.fileSeparator.length)]
        : [context + file, ""];
  const body = layouts[order].map((part) =>
    part === "prefix" ? within + prefix : part === "suffix" ? suffix : (tokens[part] ?? ""),
  );
  return before + body.join("");
}
