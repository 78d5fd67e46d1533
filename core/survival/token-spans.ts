import { isNumeralStart, numeralEnd } from "./numerals.ts";
import { tokenKey } from "./tokens.ts";

/** Tokens of a text and where they stand in it: half-open ranges of UTF-16 offsets, ascending. */
export interface TokenSpans {
  readonly tokens: readonly string[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/**
 * The tokens that `strictTokens` gives, or `writtenTokens`, with their places in the text as it is, before
 * normalization; `at` is added to each. Scanned by hand: long files are read while somebody types, and matches of a
 * pattern are garbage.
 */
export const readSpans = (text: string, kind: "strict" | "written", at = 0): TokenSpans => {
  const composed = text.normalize("NFC");
  const tokens: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const origin = composed === text ? null : originOf(text, composed);
  const put = (start: number, end: number): void => {
    tokens.push(kind === "strict" ? composed.slice(start, end) : tokenKey(composed, start, end));
    starts.push(at + (origin === null ? start : (origin[start] as number)));
    ends.push(at + (origin === null ? end : (origin[end] as number)));
  };
  let wordStart = -1;
  for (let offset = 0; offset < composed.length;) {
    const unit = composed.charCodeAt(offset);
    if (kind === "written" && wordStart === -1 && unit < 58 && unit > 45 && isNumeralStart(composed, offset)) {
      const end = numeralEnd(composed, offset);
      put(offset, end);
      offset = end;
      continue;
    }
    const point = unit < 0xd800 || unit > 0xdbff ? unit : (composed.codePointAt(offset) as number);
    const next = offset + (point > 0xffff ? 2 : 1);
    const type = typeOf(point);
    if (type === WORD) {
      if (wordStart === -1) wordStart = offset;
    } else {
      if (wordStart !== -1) put(wordStart, offset);
      wordStart = -1;
      if (type === SIGN) put(offset, next);
    }
    offset = next;
  }
  if (wordStart !== -1) put(wordStart, composed.length);
  return { tokens, starts, ends };
};

const MARK_POINT = 0xffff;
const BLANK = 0;
const SIGN = 1;
const WORD = 2;

const typeOf = (point: number): number => {
  if (point < 128) return ASCII[point] as number;
  if (point === MARK_POINT) return SIGN;
  const text = String.fromCodePoint(point);
  if (/[\p{L}\p{N}]/u.test(text)) return WORD;
  return /[\s\u200b\ufeff]/u.test(text) ? BLANK : SIGN;
};

const ASCII = Uint8Array.from({ length: 128 }, (_, point) => {
  const text = String.fromCharCode(point);
  return /[A-Za-z0-9_$]/.test(text) ? WORD : /\s/.test(text) ? BLANK : SIGN;
});

/**
 * Offset in `text` for each offset in its composed form. Letters are composed with the marks behind them; for
 * the few scripts that compose in other ways a character goes to the end of what has the same composed length.
 */
const originOf = (text: string, composed: string): Int32Array => {
  const origin = new Int32Array(composed.length + 1);
  let reached = 0;
  for (const { 0: cluster, index } of text.matchAll(CLUSTER)) {
    const { length } = cluster.normalize("NFC");
    for (let k = 0; k < length && reached + k < composed.length; k += 1)
      origin[reached + k] = Math.min(index + k, index + cluster.length - 1);
    reached += length;
  }
  origin.fill(text.length, Math.min(reached, composed.length));
  return origin;
};

const CLUSTER = /\P{M}\p{M}*|\p{M}+/gu;
