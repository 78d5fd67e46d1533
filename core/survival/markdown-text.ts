/**
 * How the words of a text are marked up: by its file's name. Markdown has marks of its own, which formatters swap, so
 * its tokens are read by {@link readableText}; everything else is code.
 */
export type Syntax = "code" | "markdown";

/** The syntax of a file by its name; a path or a URI. */
export const syntaxOf = (path: string | null): Syntax => (path !== null && MARKDOWN.test(path) ? "markdown" : "code");

const MARKDOWN = /\.(?:md|mdx|markdown)$/i;

/** Stands for a mark of Markdown's, which is no significant token: a code point that no text holds. */
export const MARK = "\uffff";

/**
 * A text as its tokens are read: of the same length, so that places in it are the same. In Markdown the marks that
 * formatters swap, add and drop ({@link SIGNS}) are {@link MARK}, wherever they stand: one of a list is a sign of a
 * sum in an example. A mark still counts where tokens are numbered, so that a file that becomes code, or was code, has
 * its tokens at the same places.
 */
export const readableText = (text: string, syntax: Syntax): string => {
  if (syntax === "code") return text;
  // Most lines lack most of the marks: what is not there is not looked for by its neighbours.
  let read = HAS_SIGNS.test(text) ? text.replace(SIGNS, MARK) : text;
  if (read.includes("_")) read = read.replace(UNDERSCORES, underscoreMark);
  return HAS_LINE_MARKS.test(read) ? read.replace(LINE_MARKS, lineMark) : read;
};

/**
 * Of any line: signs of lists, quotations, tables, headings and emphasis, and a backslash that no letter follows. The
 * sign of an exponent belongs to its number.
 */
const SIGNS = /(?<!\d[eE])[-+]|[-+](?!\d)|[*|>]|#(?![\p{L}\p{N}_$])|\\(?![\p{L}\p{N}$])|\/(?=>)/gu;
const HAS_SIGNS = /[-+*|>#\\]/;

/** At the ends of a word. */
const UNDERSCORES = /(?<![\p{L}\p{N}$_])_+|_+(?![\p{L}\p{N}$_])/gu;

const underscoreMark = (mark: string, at: number, text: string): string => {
  const isOfWord = IS_WORD.test(text.charAt(at - 1)) || IS_WORD.test(text.charAt(at + mark.length));
  return isOfWord ? " ".repeat(mark.length) : MARK + " ".repeat(mark.length - 1);
};
const IS_WORD = /[\p{L}\p{N}$]/u;

/**
 * At the beginning of a line, behind other marks: numbers of lists, tildes of a fence, and a line of `=` under a heading.
 * A number before `)` is one of a list where a text follows, and not an operator: an expression may be broken there.
 */
const LINE_MARKS =
  /^(?:[^\S\n]|\uffff)*(?:(?:\d{1,9}(?:\.(?=\s|$)|\)(?=[^\S\n]+\uffff*[\p{L}\p{N}_$`"'[(<!]))(?:[^\S\n]|\uffff)*)+|~{3,}|={2,}[^\S\n]*$)/gmu;
const HAS_LINE_MARKS = /^(?:[^\S\n]|\uffff)*[\d~=]/m;

const lineMark = (marks: string): string =>
  marks.replace(/\d+[.)]|[~=]/g, (mark) => MARK + " ".repeat(mark.length - 1));
