import { MARK, readableText, type Syntax } from "./markdown-text.ts";
import { isNumeralStart, numeralEnd } from "./numerals.ts";
import { isSignificant, tokenKey, writtenTokens } from "./tokens.ts";

/** The significant tokens of some lines, and where each stands. */
export interface CodeTokens {
  readonly tokens: readonly string[];
  /** Line of each token, as an index into the lines given. */
  readonly line: Int32Array;
  /** Its ordinal on that line, counting every token that is not plain punctuation, so that no other line bears on it. */
  readonly at: Int32Array;
}

/** {@link significantTokens} of lines that follow each other, with their places; of a part of a text that may go on. */
export const codeTokens = (
  lines: readonly string[],
  extent: "part" | "whole" = "part",
  syntax: Syntax = "code",
): CodeTokens => {
  written.length = 0;
  if (nWritten.length < lines.length) nWritten = new Int32Array(2 * lines.length);
  for (let index = 0; index < lines.length; index += 1) {
    readLine(readableText(lines[index] as string, syntax), written);
    nWritten[index] = written.length;
  }
  if (lineOf.length < written.length) {
    lineOf = new Int32Array(2 * written.length);
    ordinals = new Int32Array(2 * written.length);
  }
  let nKept = 0;
  let place = 0;
  for (let index = 0; index < lines.length; index += 1) {
    let ordinal = 0;
    for (const end = nWritten[index] as number; place < end; place += 1) {
      const token = written[place] as string;
      const kind =
        token.length === 1
          ? (KINDS[token.charCodeAt(0)] ?? (token === MARK ? ASKED : PLAIN))
          : LENGTHS[token.length] === 1
            ? ASKED
            : PLAIN;
      if (kind === FORMATTING) continue;
      if (kind === PLAIN || isSignificant(written, place) || (extent === "part" && isOpen(place))) {
        kept[nKept] = token;
        lineOf[nKept] = index;
        ordinals[nKept] = ordinal;
        nKept += 1;
      }
      ordinal += 1;
    }
  }
  return { tokens: kept.slice(0, nKept), line: lineOf.slice(0, nKept), at: ordinals.slice(0, nKept) };
};

/** Whether what is beyond the lines would say if a token counts: then it does. */
const isOpen = (place: number): boolean =>
  (place === 0 && LEADING.has(written[place] as string)) ||
  (place === written.length - 1 && TRAILING.has(written[place] as string));
/** Signs that the tokens before, or behind, make significant. */
const LEADING: ReadonlySet<string> = new Set(["|", "&"]);
const TRAILING: ReadonlySet<string> = new Set(["\\", "/"]);

/** The tokens of the lines that are read, and how many there are by the end of each line. Lists that all calls share. */
const written: string[] = [];
let nWritten = new Int32Array(256);
/** Those that count, with their places. */
const kept: string[] = [];
let lineOf = new Int32Array(1_024);
let ordinals = new Int32Array(1_024);

/** Adds the tokens of a line ({@link writtenTokens}), by its characters: most lines of most files are plain ASCII. */
const readLine = (line: string, tokens: string[]): void => {
  const nBefore = tokens.length;
  let start = -1;
  let hash = 0;
  for (let at = 0; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code >= 128) {
      if (code === MARK_CODE) {
        if (start !== -1) putWord(line, start, at, hash, tokens);
        start = -1;
        tokens.push(MARK);
        continue;
      }
      tokens.length = nBefore;
      for (const token of writtenTokens(line)) tokens.push(token);
      return;
    }
    if (IS_WORD[code] === 1) {
      if (start === -1) {
        if (code < 58 && isNumeralStart(line, at)) {
          at = putNumeral(line, at, tokens);
          continue;
        }
        [start, hash] = [at, 0];
      }
      hash = (Math.imul(hash, 31) + code) | 0;
      continue;
    }
    if (start !== -1) putWord(line, start, at, hash, tokens);
    start = -1;
    if (code === DOT && isNumeralStart(line, at)) at = putNumeral(line, at, tokens);
    else if (code > 32 || (code < 9 && code >= 0) || (code > 13 && code < 32)) tokens.push(ASCII[code] as string);
  }
  if (start !== -1) putWord(line, start, line.length, hash, tokens);
};

const putWord = (line: string, start: number, end: number, hash: number, tokens: string[]): void => {
  tokens.push(line.charCodeAt(start - 1) === HASH ? tokenKey(line, start, end) : wordIn(line, start, end, hash));
};

/** Gives the place of the number's last character. */
const putNumeral = (line: string, start: number, tokens: string[]): number => {
  const end = numeralEnd(line, start);
  let hash = 0;
  let isPlain = end - start === 1 || line.charCodeAt(start) !== ZERO;
  for (let at = start; at < end; at += 1) {
    const code = line.charCodeAt(at);
    hash = (Math.imul(hash, 31) + code) | 0;
    if (code < ZERO || code > NINE) isPlain = false;
  }
  // Most numbers are compared as they are written.
  const isWritten = isPlain && end - start <= MAX_COPIED_CHARS;
  tokens.push(isWritten ? wordIn(line, start, end, hash) : tokenKey(line, start, end));
  return end - 1;
};

const MARK_CODE = 0xffff;
const HASH = 0x23;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** Words that were met last, by their hash: most of a text are among them, and need no string of their own. */
const WORD_SLOTS = 16_384;
const words: string[] = Array.from({ length: WORD_SLOTS }, () => "");
/** A longer part of a text may hold on to all of it. */
const MAX_COPIED_CHARS = 12;

const wordIn = (line: string, start: number, end: number, hash: number): string => {
  const slot = (hash ^ (hash >>> 15)) & (WORD_SLOTS - 1);
  const known = words[slot] as string;
  if (known.length === end - start && isAt(known, line, start)) return known;
  const part = line.slice(start, end);
  const word = part.length <= MAX_COPIED_CHARS ? part : ` ${part}`.slice(1);
  words[slot] = word;
  return word;
};

const isAt = (word: string, line: string, start: number): boolean => {
  for (let at = 0; at < word.length; at += 1) if (word.charCodeAt(at) !== line.charCodeAt(start + at)) return false;
  return true;
};

const ASCII = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
/** What formatters add, drop and swap, whatever is beside it; tokens whose neighbours say whether they count; others. */
const FORMATTING = 2;
const ASKED = 1;
const PLAIN = 0;
const KINDS = Uint8Array.from(ASCII, (character) =>
  ",;()'\"`".includes(character) ? FORMATTING : "\\/{}|&".includes(character) ? ASKED : PLAIN,
);
/** 1 for the lengths of words that are asked about. */
const LENGTHS = Uint8Array.from({ length: 8 }, (_, length) => (length === 4 || length === 7 ? 1 : 0));
const IS_WORD = Uint8Array.from(ASCII, (character) => (/[A-Za-z0-9_$]/.test(character) ? 1 : 0));
