import { isSignificant } from "./tokens.ts";
import { strictSpans } from "./token-spans.ts";

/** Which tokens a snippet is followed by: the significant ones, or all of a text that has none. */
export type TokenKind = "significant" | "strict";

/** Tokens of a text with their places: half-open ranges of UTF-16 offsets, ascending. */
export interface TokenTable {
  readonly tokens: readonly string[];
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Lines whose tokens are read in one step: about a millisecond's worth. */
const LINES_PER_STEP = 100;
/** Code has about one token for so many UTF-16 units; a text with more of them takes more room as it is read. */
const CHARS_PER_TOKEN = 3;
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
  // With their room from the start: a long list that grows is copied in one turn.
  let room = Math.ceil(text.length / CHARS_PER_TOKEN) + 1;
  const found: string[] = [];
  found.length = room;
  let starts = new Int32Array(room);
  let ends = new Int32Array(room);
  let nFound = 0;
  /** Whether a bar joins two types is told by the two tokens before it, on the line before too. */
  let last: readonly string[] = [];
  for (let from = 0; from < text.length;) {
    const end = stepEnd(text, from);
    const spans = strictSpans(text.slice(from, end), at + from);
    const { tokens } = spans;
    const context: readonly string[] = last.length === 0 ? tokens : [...last, ...tokens];
    const shift = context.length - tokens.length;
    for (let k = 0; k < tokens.length; k += 1) {
      if (kind === "significant" && !isSignificant(context, k + shift)) continue;
      if (nFound === room) {
        room *= 2;
        starts = grown(starts, room);
        ends = grown(ends, room);
      }
      found[nFound] = tokens[k] as string;
      starts[nFound] = spans.starts[k] as number;
      ends[nFound] = spans.ends[k] as number;
      nFound += 1;
    }
    last = context.slice(-2);
    from = end;
    yield;
  }
  found.length = nFound;
  return { tokens: found, starts: starts.subarray(0, nFound), ends: ends.subarray(0, nFound) };
}

const grown = (values: Int32Array, room: number): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(room);
  larger.set(values);
  return larger;
};

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
