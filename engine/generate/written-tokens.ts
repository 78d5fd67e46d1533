import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { WrittenToken } from "./completion.ts";
import type { Decoded } from "./decode.ts";

/**
 * The tokens that wrote a text, each with its part of it: without what healing owed, and without what was cut
 * off at the end. A token that wrote half a character has no text, and the one that ends it has it whole.
 */
export function writtenTokens(
  tokenizer: Tokenizer,
  { ids, likely = [] }: Decoded,
  shown: string,
  nOwedChars: number,
): WrittenToken[] {
  const tokens: WrittenToken[] = [];
  let written = 0;
  for (let n = 1; n <= ids.length && written < shown.length; n++) {
    const sofar = wholeCharacters(tokenizer.decode(ids.slice(0, n)));
    const end = Math.min(shown.length, Math.max(0, sofar.length - nOwedChars));
    const at = likely[n - 1] ?? [];
    const logProbability = at[0]?.logProbability ?? 0;
    const others = at.slice(1).map((one) => ({ text: tokenizer.textOf(one.id), logProbability: one.logProbability }));
    const piece = shown.slice(written, end);
    if (piece !== "" || end > 0)
      tokens.push({
        text: piece,
        logProbability,
        likely: others.length > 0 ? others : [{ text: piece, logProbability }],
      });
    written = Math.max(written, end);
  }
  return tokens;
}

/** Without the replacement character that stands for a character not yet whole. */
const wholeCharacters = (text: string): string => text.replace(/\uFFFD+$/u, "");
