import type { Region } from "../lifecycle/region.ts";
import { readableText, type Syntax } from "./markdown-text.ts";
import { isSignificant } from "./tokens.ts";
import { readSpans, type TokenSpans } from "./token-spans.ts";

/** Which tokens a snippet is followed by: the significant ones, of code or of Markdown, or all of a text that has none. */
export type TokenKind = "significant" | "markdown" | "strict";

/** The significant tokens of a text in some syntax. */
export const kindOf = (syntax: Syntax): TokenKind => (syntax === "markdown" ? "markdown" : "significant");

/** The syntax that tokens of a kind are read in; of strict ones none bears on them. */
export const syntaxOfKind = (kind: TokenKind): Syntax => (kind === "markdown" ? "markdown" : "code");

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
  const put = (token: string, start: number, end: number): void => {
    if (nFound === room) {
      room *= 2;
      starts = grown(starts, room);
      ends = grown(ends, room);
    }
    found[nFound] = token;
    starts[nFound] = start;
    ends[nFound] = end;
    nFound += 1;
  };
  /** Whether a token counts is told by those beside it, across lines too: the last ones wait for the next step. */
  let held: Held = NOTHING_HELD;
  for (let from = 0; from < text.length;) {
    const end = stepEnd(text, from);
    const part = readableText(text.slice(from, end), syntaxOfKind(kind));
    const spans = readSpans(part, kind === "strict" ? "strict" : "written", at + from);
    if (kind === "strict")
      for (const [k, token] of spans.tokens.entries()) put(token, spans.starts[k] as number, spans.ends[k] as number);
    else held = putSignificant(held, spans, end === text.length, put);
    from = end;
    yield;
  }
  found.length = nFound;
  return { tokens: found, starts: starts.subarray(0, nFound), ends: ends.subarray(0, nFound) };
}

/** The tokens of a part of a text, with their places in it all: what stands before it on its line says what a number is in Markdown. */
export const tokensWithin = (text: string, { start, end }: Region, kind: TokenKind): TokenTable => {
  if (kind !== "markdown") return tokenTable(text.slice(start, end), kind, start);
  const from = Math.max(text.lastIndexOf("\n", start - 1) + 1, start - MAX_STEP_CHARS, 0);
  const { tokens, starts, ends } = tokenTable(text.slice(from, end), kind, from);
  const inside = starts.findIndex((at) => at >= start);
  const first = inside === -1 ? tokens.length : inside;
  return { tokens: tokens.slice(first), starts: starts.subarray(first), ends: ends.subarray(first) };
};

/** Tokens before and behind one that bear on it. */
const N_BESIDE = 3;

/** Tokens that were read last, of which the first were put already. */
interface Held extends TokenSpans {
  readonly nPut: number;
}

const NOTHING_HELD: Held = { tokens: [], starts: [], ends: [], nPut: 0 };

const putSignificant = (
  held: Held,
  read: TokenSpans,
  isLast: boolean,
  put: (token: string, start: number, end: number) => void,
): Held => {
  const isFirst = held.tokens.length === 0;
  const tokens = isFirst ? read.tokens : [...held.tokens, ...read.tokens];
  const starts = isFirst ? read.starts : [...held.starts, ...read.starts];
  const ends = isFirst ? read.ends : [...held.ends, ...read.ends];
  const nDecided = isLast ? tokens.length : Math.max(held.nPut, tokens.length - N_BESIDE);
  for (let k = held.nPut; k < nDecided; k += 1)
    if (isSignificant(tokens, k)) put(tokens[k] as string, starts[k] as number, ends[k] as number);
  const first = Math.max(0, nDecided - N_BESIDE);
  return { tokens: tokens.slice(first), starts: starts.slice(first), ends: ends.slice(first), nPut: nDecided - first };
};

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
