import { readSpans } from "./token-spans.ts";

/** Text on either side of a border, UTF-16 units, in which a token that reaches over it is looked for. */
const BORDER_CHARS = 120;

/**
 * What stands before and behind an accepted text and belongs to the tokens that it begins and ends with: the rest of a
 * word or a number, and the sign beside a number that says how it is compared.
 */
export const completedTokens = (before: string, text: string, after: string): readonly [string, string] => {
  const head = before.slice(-BORDER_CHARS);
  const tail = after.slice(0, BORDER_CHARS);
  if (text === "") return ["", ""];
  const first = head + (text + tail).slice(0, BORDER_CHARS);
  const last = (head + text).slice(-BORDER_CHARS) + tail;
  return [
    head.slice(beginOf(first, head.length)),
    tail.slice(0, endOf(last, last.length - tail.length) - last.length + tail.length),
  ];
};

/** Where the token begins that a border stands in, or that begins at it with a sign before it. */
const beginOf = (text: string, border: number): number => {
  const { tokens, starts, ends } = readSpans(text, "written");
  for (let at = 0; at < tokens.length; at += 1) {
    const start = starts[at] as number;
    if ((ends[at] as number) <= border) continue;
    if (start > border) return border;
    return IS_NUMERAL.test(text.slice(start)) && MARKS.has(text.charAt(start - 1)) ? start - 1 : start;
  }
  return border;
};

const endOf = (text: string, border: number): number => {
  const { tokens, starts, ends } = readSpans(text, "written");
  for (let at = tokens.length - 1; at >= 0; at -= 1) {
    const start = starts[at] as number;
    const end = ends[at] as number;
    if (start >= border) continue;
    if (end < border) return border;
    return IS_NUMERAL.test(text.slice(start, end)) && QUOTES.has(text.charAt(end)) ? end + 1 : end;
  }
  return border;
};

/** A number, or a colour behind its sign. */
const IS_NUMERAL = /^(?:\.?\d|[\da-f]{3,8}(?![\p{L}\p{N}_$]))/iu;
const QUOTES: ReadonlySet<string> = new Set(["'", '"', "`"]);
const MARKS: ReadonlySet<string> = new Set([...QUOTES, "#", "."]);
