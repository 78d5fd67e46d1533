import type { Region, TextChange } from "../lifecycle/region.ts";
import type { Syntax } from "./markdown-text.ts";
import { kindOf, type TokenKind } from "./token-table.ts";
import { significantTokens, strictTokens } from "./tokens.ts";

/** Tokens of a snippet that stand side by side in a text: half-open range of UTF-16 offsets. */
export interface OwnedInterval extends Region {
  /** Index of the first owned token among the snippet's own tokens, and how many there are. */
  readonly token: number;
  readonly nTokens: number;
}

/** Accepted code and where its tokens stand in one text. No place belongs to two tokens or two snippets. */
export interface SnippetPlaces {
  readonly suggestionId: string;
  /** What was accepted, widened to whole words of the document. */
  readonly text: string;
  /** By token. */
  readonly intervals: readonly OwnedInterval[];
  /** Where the code was accepted, moved along with its text; empty when that text is gone. */
  readonly home: Region;
}

/** A snippet's text, read once. */
export interface SnippetText {
  readonly text: string;
  readonly kind: TokenKind;
  readonly tokens: readonly string[];
}

/** The tokens that a snippet is followed by: the significant ones, or all of a text that has none. */
export const readSnippet = (text: string, syntax: Syntax): SnippetText => {
  const significant = significantTokens(text, syntax);
  return significant.length > 0
    ? { text, kind: kindOf(syntax), tokens: significant }
    : { text, kind: "strict", tokens: strictTokens(text) };
};

export const countOwned = (intervals: readonly OwnedInterval[]): number =>
  intervals.reduce((sum, { nTokens }) => sum + nTokens, 0);

/** Part of the snippet's tokens that stand in the text, 0 to 1; a snippet without tokens is retained. */
export const ownedFraction = (
  { text, intervals }: Pick<SnippetPlaces, "text" | "intervals">,
  syntax: Syntax = "code",
): number => {
  const total = readSnippet(text, syntax).tokens.length;
  return total === 0 ? 1 : countOwned(intervals) / total;
};

/** Where a range stands after a change that does not overlap it, or null when the change does. */
export const shiftClean = <R extends Region>(range: R, { offset, deleted, text }: TextChange): R | null => {
  if (offset >= range.end) return range;
  if (offset + deleted > range.start) return null;
  const growth = text.length - deleted;
  return { ...range, start: range.start + growth, end: range.end + growth };
};

/** A region with this many more lines on either side, cut at line breaks; `text` may be very long. */
export const withLines = (text: string, { start, end }: Region, nLines: number): Region => {
  let from = Math.min(start, text.length);
  for (let line = 0; line <= nLines && from > 0; line += 1) from = text.lastIndexOf("\n", from - 1);
  let to = Math.min(end, text.length);
  for (let line = 0; line <= nLines && to !== -1; line += 1) to = text.indexOf("\n", line === 0 ? to : to + 1);
  const first = from <= 0 ? 0 : from + 1;
  return {
    start: Math.max(first, start - MAX_MARGIN_CHARS, 0),
    end: Math.min(to === -1 ? text.length : to, end + MAX_MARGIN_CHARS),
  };
};

/** Lines of a minified file are as long as the file: the margin ends here, UTF-16 units. */
const MAX_MARGIN_CHARS = 2_000;

/** Ascending, without overlaps. */
export const mergeRegions = (regions: readonly Region[]): Region[] => {
  const merged: { start: number; end: number }[] = [];
  for (const region of [...regions].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && region.start <= last.end) last.end = Math.max(last.end, region.end);
    else merged.push({ start: region.start, end: region.end });
  }
  return merged;
};
