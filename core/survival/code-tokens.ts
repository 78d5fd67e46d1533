import { FORMATTING_TOKENS, isDroppedBehind, TOKEN } from "./tokens.ts";

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
  let previous: string | undefined;
  /** A backslash whose next token decides whether it counts. */
  let isBackslashLast = false;
  for (let index = 0; index < lines.length; index += 1) {
    let ordinal = 0;
    for (const token of (lines[index] as string).normalize("NFC").match(TOKEN) ?? []) {
      if (isBackslashLast && isQuote(token)) drop();
      isBackslashLast = false;
      if (!FORMATTING_TOKENS.has(token)) {
        if (!isDroppedBehind(previous, token)) {
          tokens.push(token);
          line.push(index);
          at.push(ordinal);
          isBackslashLast = token === "\\";
        }
        ordinal += 1;
      }
      previous = token;
    }
  }
  return { tokens, line: Int32Array.from(line), at: Int32Array.from(at) };

  function drop(): void {
    tokens.pop();
    line.pop();
    at.pop();
  }
};

const isQuote = (token: string): boolean => token === "'" || token === '"' || token === "`";
