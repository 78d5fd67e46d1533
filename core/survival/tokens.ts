/**
 * Tokens that carry meaning, for comparing code across formatters: words of letters, numbers, `_` and `$`,
 * and every other visible character except `, ; ( ) ' " \``, which formatters add, drop and swap. A backslash
 * before a quote goes with the quote, the bar or ampersand before the first member of a union goes too, and so do
 * the braces of `{" "}`, which is how JSX writes a space at the end of a line.
 * Carriage returns and byte order marks fall away with the other white space, and texts are compared in
 * Unicode normal form C.
 */
export const significantTokens = (text: string): string[] => {
  const tokens = strictTokens(text);
  return tokens.filter((_, at) => isSignificant(tokens, at));
};

/** Whether the token at this place of a text's strict tokens is a significant one. */
export const isSignificant = (strict: readonly string[], at: number): boolean => {
  const token = strict[at] as string;
  if (FORMATTING_TOKENS.has(token)) return false;
  if (token === "\\") return !QUOTES.has(strict[at + 1] ?? "");
  if (token === "{") return !isQuotedSpace(token, strict[at + 1], strict[at + 2], strict[at + 3]);
  if (token === "}") return !isQuotedSpace(strict[at - 3], strict[at - 2], strict[at - 1], token);
  return !isDroppedBehind(strict[at - 2], strict[at - 1], token);
};

/** Every token: words, and each other visible character. */
export const strictTokens = (text: string): string[] => text.normalize("NFC").match(TOKEN) ?? [];

/** How a retained fraction is weighted by length: the number of significant tokens. */
export const countSignificantTokens = (text: string): number => significantTokens(text).length;

/** Whether a bar or an ampersand only introduces the first member of a union: no operand stands before it. */
export const isDroppedBehind = (beforeLast: string | undefined, last: string | undefined, token: string): boolean =>
  (token === "|" || token === "&") && (OPENERS.has(last ?? "=") || (last === ">" && beforeLast === "="));

/** Whether four tokens are `{" "}`. */
export const isQuotedSpace = (
  opening: string | undefined,
  quote: string | undefined,
  other: string | undefined,
  closing: string | undefined,
): boolean => opening === "{" && closing === "}" && quote === other && QUOTES.has(quote ?? "");

/** A word, or one other visible character. Stateful: only for `match` and `matchAll`. */
export const TOKEN = /[\p{L}\p{N}_$]+|[^\s\u200b\ufeff]/gu;
const QUOTES: ReadonlySet<string> = new Set(["'", '"', "`"]);
/** What formatters add, drop and swap. */
export const FORMATTING_TOKENS: ReadonlySet<string> = new Set([",", ";", "(", ")", "'", '"', "`"]);
/** No operand ends with these, so a bar or an ampersand behind them joins nothing. */
const OPENERS: ReadonlySet<string> = new Set(["=", ":", "<", "(", "[", ","]);
