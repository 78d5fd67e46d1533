import { MARK, readableText, type Syntax } from "./markdown-text.ts";
import { isNumeralStart, numeralEnd, numeralKey } from "./numerals.ts";

/**
 * Tokens that carry meaning, for comparing code across formatters: words of letters, numbers, `_` and `$`,
 * and every other visible character except `, ; ( ) ' " \``, which formatters add, drop and swap. A backslash
 * before a quote goes with the quote, as `&quot;` and `&apos;` do, the bar or ampersand before the first member of a
 * union goes too, and so do the slash of `/>` and the braces of `{" "}`, which is how JSX writes a space at the end of
 * a line. A number is one token, compared by its value ({@link numeralKey}), and so is a colour.
 * Carriage returns and byte order marks fall away with the other white space, and texts are compared in
 * Unicode normal form C.
 */
export const significantTokens = (text: string, syntax: Syntax = "code"): string[] => {
  const tokens = writtenTokens(readableText(text, syntax));
  return tokens.filter((_, at) => isSignificant(tokens, at));
};

/** Raised when a text gives other significant tokens than before: places that were counted by the old ones are void. */
export const TOKEN_RULE_VERSION = 3;

/**
 * Whether the token at this place of a text's {@link writtenTokens} is a significant one. What the text's own ends
 * leave open is decided against the token: a bar at its start, a slash or a backslash at its end.
 */
export const isSignificant = (tokens: readonly string[], at: number): boolean => {
  const token = tokens[at] as string;
  switch (token) {
    case ",":
    case ";":
    case "(":
    case ")":
    case "'":
    case '"':
    case "`":
    case MARK:
      return false;
    case "\\":
      return !QUOTES.has(tokens[at + 1] ?? "'");
    case "/":
      return (tokens[at + 1] ?? ">") !== ">";
    case "{":
      return !isQuotedSpace(token, tokens[at + 1], tokens[at + 2], tokens[at + 3]);
    case "}":
      return !isQuotedSpace(tokens[at - 3], tokens[at - 2], tokens[at - 1], token);
    case "|":
      return !isLeading(tokens[at - 2], tokens[at - 1]);
    case "&":
      return !isLeading(tokens[at - 2], tokens[at - 1]) && !isQuoteEntity(token, tokens[at + 1], tokens[at + 2]);
    case "quot":
    case "apos":
      return !isQuoteEntity(tokens[at - 1], token, tokens[at + 1]);
    case "DOCTYPE":
    case "doctype":
      return tokens[at - 1] !== "!";
    default:
      return true;
  }
};

/** Every token: words, and each other visible character. */
export const strictTokens = (text: string): string[] => text.normalize("NFC").match(TOKEN) ?? [];

/** How a retained fraction is weighted by length: the number of significant tokens. */
export const countSignificantTokens = (text: string, syntax: Syntax = "code"): number =>
  significantTokens(text, syntax).length;

/** Words, numbers and each other visible character, as they are compared. */
export const writtenTokens = (text: string): string[] => {
  const composed = text.normalize("NFC");
  const tokens: string[] = [];
  const pattern = new RegExp(TOKEN);
  for (let match = pattern.exec(composed); match !== null; match = pattern.exec(composed)) {
    const { index: start } = match;
    const end = isNumeralStart(composed, start) ? numeralEnd(composed, start) : pattern.lastIndex;
    pattern.lastIndex = end;
    tokens.push(tokenKey(composed, start, end));
  }
  return tokens;
};

/** What the token between two places of a text is compared by. A number beside a quote or behind a dot is text. */
export const tokenKey = (text: string, start: number, end: number): string => {
  const token = text.slice(start, end);
  const before = text.charAt(start - 1);
  if (before === "#") return COLOUR.test(token) ? token.toLowerCase() : token;
  if (!NUMERAL.test(token) || before === "." || QUOTES.has(before) || QUOTES.has(text.charAt(end))) return token;
  return numeralKey(token);
};

/** No operand ends with these, so a bar or an ampersand behind them joins nothing. Nothing stands before it: `undefined`. */
export const isLeading = (beforeLast: string | undefined, last: string | undefined): boolean =>
  OPENERS.has(last ?? "=") || (last === ">" && beforeLast === "=");

/** Whether four tokens are `{" "}`. */
export const isQuotedSpace = (
  opening: string | undefined,
  quote: string | undefined,
  other: string | undefined,
  closing: string | undefined,
): boolean => opening === "{" && closing === "}" && quote === other && QUOTES.has(quote ?? "");

/** Whether three tokens are a quote as HTML writes it within quotes. */
const isQuoteEntity = (first: string | undefined, name: string | undefined, last: string | undefined): boolean =>
  first === "&" && last === ";" && (name === "quot" || name === "apos");

/** A word, or one other visible character. Stateful: only for `match` and `matchAll`. */
export const TOKEN = /[\p{L}\p{N}_$]+|[^\s\u200b\ufeff]/gu;
const NUMERAL = /^(?:\d|\.\d)/;
const COLOUR = /^(?:[\da-f]{3,4}|[\da-f]{6}|[\da-f]{8})$/i;
const QUOTES: ReadonlySet<string> = new Set(["'", '"', "`"]);
const OPENERS: ReadonlySet<string> = new Set([
  "=",
  ":",
  "<",
  "(",
  "[",
  ",",
  "?",
  "as",
  "in",
  "satisfies",
  "extends",
  "is",
  "implements",
]);
