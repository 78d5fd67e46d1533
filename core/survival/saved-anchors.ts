import type { AnchorRun } from "./anchors.ts";
import type { SnippetPlaces } from "./buffer-places.ts";
import type { Syntax } from "./markdown-text.ts";
import { codeTokens } from "./code-tokens.ts";
import { kindOf, tokenTable } from "./token-table.ts";

/**
 * Places of snippets in a text, as offsets, turned into anchors of its lines. Snippets that `numberOf` does not
 * know are left out, and so is everything when the text cannot be told token by token.
 */
export const anchorsOfPlaces = (
  places: readonly SnippetPlaces[],
  text: string,
  numberOf: (suggestionId: string) => number | undefined,
  syntax: Syntax = "code",
): AnchorRun[] => {
  const { starts, tokens } = tokenTable(text, kindOf(syntax));
  const lines = codeTokens(text.split("\n"), "whole", syntax);
  if (lines.tokens.length !== tokens.length) return [];
  const indexAt = new Map(Array.from(starts, (start, index) => [start, index]));
  const runs: AnchorRun[] = [];
  for (const { suggestionId, intervals } of places) {
    const snippet = numberOf(suggestionId);
    if (snippet === undefined) continue;
    for (const { start, token, nTokens } of intervals) {
      const first = indexAt.get(start);
      if (first === undefined) continue;
      for (let k = 0; k < nTokens && first + k < tokens.length; k += 1) {
        const line = (lines.line[first + k] as number) + 1;
        runs.push({ line, at: lines.at[first + k] as number, snippet, from: token + k, length: 1 });
      }
    }
  }
  return runs;
};
