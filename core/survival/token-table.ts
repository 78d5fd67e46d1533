import type { Region } from "../lifecycle/region.ts";
import { readableText, type Syntax } from "./markdown-text.ts";
import { isSignificant } from "./tokens.ts";
import { readSpans, type TokenSpans } from "./token-spans.ts";
import { grownList } from "./grown-list.ts";

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
      starts = grownList(starts, room);
      ends = grownList(ends, room);
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

/**
 * The tokens of a part of a text, with their places in it all, as they are read in the whole: what is beside the part
 * says whether a slash at its end counts, and in Markdown what a number at its start is.
 */
export const tokensWithin = (text: string, region: Region, kind: TokenKind): TokenTable => {
  const steps = readTokensWithin(text, region, kind);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
};

/** The same in steps. */
export function* readTokensWithin(text: string, { start, end }: Region, kind: TokenKind): Generator<void, TokenTable> {
  const from = Math.max(text.lastIndexOf("\n", Math.max(0, start - BESIDE_CHARS)) + 1, start - MAX_STEP_CHARS, 0);
  const to = Math.min(end + BESIDE_CHARS, text.length);
  const { tokens, starts, ends } = yield* readTokens(text.slice(from, to), kind, from);
  let first = 0;
  while (first < tokens.length && (starts[first] as number) < start) first += 1;
  let last = tokens.length;
  while (last > first && (ends[last - 1] as number) > end) last -= 1;
  return { tokens: tokens.slice(first, last), starts: starts.subarray(first, last), ends: ends.subarray(first, last) };
}

/** Text on either side that is read along, UTF-16 units: the few tokens that bear on one stand in it. */
const BESIDE_CHARS = 200;

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
