import { isSignificant } from "./tokens.ts";
import { strictSpans } from "./token-spans.ts";

/** Which tokens a snippet is followed by: the significant ones, or all of a text that has none. */
export type TokenKind = "significant" | "strict";

/** Tokens of a text with their places: half-open ranges of UTF-16 offsets, ascending. */
export interface TokenTable {
  readonly tokens: readonly string[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Lines whose tokens are read in one step: about a millisecond's worth. */
const LINES_PER_STEP = 100;
/** A line of a minified file is cut after this many UTF-16 units, though that may part a word. */
const MAX_STEP_CHARS = 20_000;

/** The tokens of a text, `at` added to their places. */
export const tokenTable = (text: string, kind: TokenKind, at = 0): TokenTable => {
  const steps = readTokens(text, kind, at);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
};

/** The same in steps, for a long text. Lines are read apart: no token crosses a line. */
export function* readTokens(text: string, kind: TokenKind, at = 0): Generator<void, TokenTable> {
  const table = { tokens: [] as string[], starts: [] as number[], ends: [] as number[] };
  /** Whether a bar joins two types is told by the token before it, on the line before too. */
  let last: string | null = null;
  for (let from = 0; from < text.length;) {
    const end = stepEnd(text, from);
    const { tokens, starts, ends } = strictSpans(text.slice(from, end), at + from);
    const context: readonly string[] = last === null ? tokens : [last, ...tokens];
    const shift = context.length - tokens.length;
    for (let k = 0; k < tokens.length; k += 1) {
      if (kind === "significant" && !isSignificant(context, k + shift)) continue;
      table.tokens.push(tokens[k] as string);
      table.starts.push(starts[k] as number);
      table.ends.push(ends[k] as number);
    }
    last = tokens.at(-1) ?? last;
    from = end;
    yield;
  }
  return table;
}

const stepEnd = (text: string, from: number): number => {
  const limit = from + MAX_STEP_CHARS;
  let end = from;
  for (let line = 0; line < LINES_PER_STEP; line += 1) {
    const next = text.indexOf("\n", end);
    if (next === -1 || next >= limit) return end > from ? end : Math.min(text.length, next === -1 ? limit : next + 1);
    end = next + 1;
    if (end >= text.length) return text.length;
  }
  return end;
};
