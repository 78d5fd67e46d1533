import { isSignificant, TOKEN } from "./tokens.ts";

/** Tokens of a text and where they stand in it: half-open ranges of UTF-16 offsets, ascending. */
export interface TokenSpans {
  readonly tokens: readonly string[];
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** {@link significantTokens} with their places in the text as it is, before normalization; `at` is added to each. */
export const significantSpans = (text: string, at = 0): TokenSpans => spansOf(text, at, "significant");

/** {@link strictTokens} with their places. */
export const strictSpans = (text: string, at = 0): TokenSpans => spansOf(text, at, "strict");

const spansOf = (text: string, at: number, which: "significant" | "strict"): TokenSpans => {
  const composed = text.normalize("NFC");
  const matches = [...composed.matchAll(TOKEN)];
  const all = matches.map(([token]) => token);
  const kept = which === "strict" ? matches : matches.filter((_, place) => isSignificant(all, place));
  const origin = composed === text ? null : originOf(text, composed);
  const before = (offset: number): number => at + (origin === null ? offset : (origin[offset] as number));
  return {
    tokens: kept.map(([token]) => token),
    starts: Int32Array.from(kept, ({ index }) => before(index)),
    ends: Int32Array.from(kept, ({ index, 0: token }) => before(index + token.length)),
  };
};

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
