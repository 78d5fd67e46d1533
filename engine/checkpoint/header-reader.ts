/** Reads the subset of JSON that a safetensors header is written in. Everything else throws. */
export interface HeaderReader {
  /** An object whose values `member` reads. */
  object(member: (key: string) => void): void;
  string(): string;
  /** An array of at most `limit` whole numbers that a float64 holds; `message` says what else was there. */
  integers(limit: number, message: string): number[];
  /** Nothing but padding follows. */
  end(): void;
}

/** Read `text` from its start, once through: a header can have tens of thousands of tensors. */
export function createHeaderReader(text: string, invalid: (message: string) => Error): HeaderReader {
  let at = 0;
  const malformed = () => invalid(`the header is not JSON of the format, at character ${at}`);
  const skipSpace = () => {
    while (isSpace(text.charCodeAt(at))) at++;
  };
  /** Skip white space, then take the character if it is next. */
  const take = (character: string): boolean => {
    skipSpace();
    if (text[at] !== character) return false;
    at++;
    return true;
  };
  const string = (): string => {
    if (!take('"')) throw malformed();
    const from = at - 1;
    let nBackslashes: number;
    // The end is the first quote after an even number of backslashes.
    do {
      at = text.indexOf('"', at) + 1;
      if (at === 0) throw malformed();
      nBackslashes = 0;
      while (text[at - 2 - nBackslashes] === "\\") nBackslashes++;
    } while (nBackslashes % 2 === 1);
    const literal = text.slice(from, at);
    if (!NEEDS_PARSING.test(literal)) return literal.slice(1, -1);
    try {
      return JSON.parse(literal) as string;
    } catch {
      throw malformed();
    }
  };
  /** A whole number in its only spelling; NaN for anything else. */
  const integer = (): number => {
    skipSpace();
    const from = at;
    let value = 0;
    while (isDigit(text.charCodeAt(at))) value = value * 10 + text.charCodeAt(at++) - DIGIT_ZERO;
    const isCanonical = at > from && (text[from] !== "0" || at === from + 1) && at - from <= MAX_DIGITS;
    return isCanonical && Number.isSafeInteger(value) ? value : NaN;
  };
  return {
    string,
    object(member) {
      if (!take("{")) throw malformed();
      if (take("}")) return;
      do {
        const key = string();
        if (!take(":")) throw malformed();
        member(key);
      } while (take(","));
      if (!take("}")) throw malformed();
    },
    integers(limit, message) {
      const values: number[] = [];
      if (!take("[")) throw invalid(message);
      if (take("]")) return values;
      do {
        const value = integer();
        if (Number.isNaN(value) || values.length === limit) throw invalid(message);
        values.push(value);
      } while (take(","));
      if (!take("]")) throw invalid(message);
      return values;
    },
    end() {
      skipSpace();
      if (at !== text.length) throw malformed();
    },
  };
}

/** Escapes to resolve, or control characters, which a string may not hold. */
const NEEDS_PARSING = /[\\\u0000-\u001f]/;

const DIGIT_ZERO = 48;
/** Digits of the largest whole number that a float64 tells from its neighbours. */
const MAX_DIGITS = 16;

const isDigit = (code: number): boolean => code >= DIGIT_ZERO && code < DIGIT_ZERO + 10;
const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;
