/**
 * Tokens that carry meaning, for comparing code across formatters: words of letters, numbers, `_` and `$`,
 * and every other visible character except `, ; ( ) ' " \``, which formatters add, drop and swap. A backslash
 * before a quote goes with the quote. Carriage returns and byte order marks fall away with the other white
 * space, and texts are compared in Unicode normal form C.
 */
export const significantTokens = (text: string): string[] => {
  const tokens = strictTokens(text);
  return tokens.filter((token, at) => !FORMATTING.has(token) && !(token === "\\" && QUOTES.has(tokens[at + 1] ?? "")));
};

/** Every token: words, and each other visible character. */
export const strictTokens = (text: string): string[] => text.normalize("NFC").match(TOKEN) ?? [];

/** How a retained fraction is weighted by length: the number of significant tokens. */
export const countSignificantTokens = (text: string): number => significantTokens(text).length;

const TOKEN = /[\p{L}\p{N}_$]+|[^\s\u200b\ufeff]/gu;
const QUOTES: ReadonlySet<string> = new Set(["'", '"', "`"]);
const FORMATTING: ReadonlySet<string> = new Set([",", ";", "(", ")", "'", '"', "`"]);
