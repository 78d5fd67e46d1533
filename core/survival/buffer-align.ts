import type { Region } from "../lifecycle/region.ts";
import { mergeRegions, withLines, type OwnedInterval, type SnippetText } from "./buffer-places.ts";
import { lastAtOrBefore } from "./token-pairs.ts";
import { keepRuns } from "./token-runs.ts";
import { tokensWithin } from "./token-table.ts";

/** More text than this, UTF-16 units, is not searched for one snippet: a turn of the editor is at most 5 ms. */
export const MAX_SEARCHED_CHARS = 100_000;

/**
 * Where a snippet's tokens stand in `text`, by the token rule. Only tokens in the `open` regions are looked at:
 * what edits have put in or gone over. Text that was there before the accept is not the snippet's, however like it
 * is, and what `taken` covers (ascending, disjoint) belongs to other snippets. Null when the regions are too long to be searched.
 */
export const alignSnippet = (
  snippet: SnippetText,
  text: string,
  open: readonly Region[],
  taken: readonly Region[],
): OwnedInterval[] | null => {
  const claimable = mergeRegions(open);
  const parts = mergeRegions(claimable.map((region) => withLines(text, region, 0)));
  if (parts.reduce((sum, { start, end }) => sum + end - start, 0) > MAX_SEARCHED_CHARS) return null;
  const isOpen = overlapping(claimable);
  const isTaken = overlapping(taken);
  const tokens: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  for (const part of parts) {
    const spans = tokensWithin(text, part, snippet.kind);
    for (let at = 0; at < spans.tokens.length; at += 1) {
      const from = spans.starts[at] as number;
      const to = spans.ends[at] as number;
      tokens.push(isOpen(from, to) && !isTaken(from, to) ? (spans.tokens[at] as string) : NO_TOKEN);
      starts.push(from);
      ends.push(to);
    }
    tokens.push(NO_TOKEN);
    starts.push(part.end);
    ends.push(part.end);
  }
  return keepRuns(snippet.tokens, tokens, snippet.kind).map(({ from, to, length }) => ({
    token: from,
    nTokens: length,
    start: starts[to] as number,
    end: ends[to + length - 1] as number,
  }));
};

/** Equal to no token: it stands for what belongs to another snippet, and between two parts of a text. */
const NO_TOKEN = "\u0000";

/** Whether a range overlaps one of these ascending regions. */
const overlapping =
  (regions: readonly Region[]) =>
  (start: number, end: number): boolean => {
    const last = regions[lastAtOrBefore(regions, end - 1, (one) => one.start)];
    return last !== undefined && last.end > start;
  };
