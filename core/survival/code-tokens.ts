import { FORMATTING_TOKENS, isDroppedBehind, isQuotedSpace, TOKEN } from "./tokens.ts";

/** The significant tokens of some lines, and where each stands. */
export interface CodeTokens {
  readonly tokens: readonly string[];
  /** Line of each token, as an index into the lines given. */
  readonly line: Int32Array;
  /** Its ordinal on that line, counting every token that is not plain punctuation, so that no other line bears on it. */
  readonly at: Int32Array;
}

/** {@link significantTokens} of lines that follow each other, with their places. */
export const codeTokens = (lines: readonly string[]): CodeTokens => {
  const tokens: string[] = [];
  const line: number[] = [];
  const at: number[] = [];
  /** The last three tokens, the latest first. */
  let last: string | undefined;
  let second: string | undefined;
  let third: string | undefined;
  /** A backslash whose next token decides whether it counts. */
  let isBackslashLast = false;
  for (let index = 0; index < lines.length; index += 1) {
    let ordinal = 0;
    for (const token of tokensOfLine(lines[index] as string)) {
      if (isBackslashLast && isQuote(token)) drop();
      isBackslashLast = false;
      if (!FORMATTING_TOKENS.has(token)) {
        if (token === "}" && isQuotedSpace(third, second, last, token)) drop();
        // Of a bar that the lines begin with nobody can say whether it introduces a union or joins two of its members.
        else if (last === undefined || !isDroppedBehind(second, last, token)) {
          tokens.push(token);
          line.push(index);
          at.push(ordinal);
          isBackslashLast = token === "\\";
        }
        ordinal += 1;
      }
      third = second;
      second = last;
      last = token;
    }
  }
  return { tokens, line: Int32Array.from(line), at: Int32Array.from(at) };

  function drop(): void {
    tokens.pop();
    line.pop();
    at.pop();
  }
};

/** {@link strictTokens} of a line, by its characters: most lines of most files are plain ASCII. */
const tokensOfLine = (line: string): readonly string[] => {
  const tokens: string[] = [];
  let start = -1;
  let hash = 0;
  for (let at = 0; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code >= 128) return line.normalize("NFC").match(TOKEN) ?? [];
    if (IS_WORD[code] === 1) {
      if (start === -1) [start, hash] = [at, 0];
      hash = (Math.imul(hash, 31) + code) | 0;
      continue;
    }
    if (start !== -1) tokens.push(wordIn(line, start, at, hash));
    start = -1;
    if (code > 32 || (code < 9 && code >= 0) || (code > 13 && code < 32)) tokens.push(ASCII[code] as string);
  }
  if (start !== -1) tokens.push(wordIn(line, start, line.length, hash));
  return tokens;
};

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
const IS_WORD = Uint8Array.from(ASCII, (character) => (/[A-Za-z0-9_$]/.test(character) ? 1 : 0));

const isQuote = (token: string): boolean => token === "'" || token === '"' || token === "`";
