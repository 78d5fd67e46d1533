import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * Token healing: a cursor often stands inside what the model knows as one token ("const fo|" or the
 * indentation of a line). The unfinished end is left out of the prompt, and the model must begin by
 * writing it again, in tokens of its own choice.
 */
export interface HealedPrefix {
  /** What the prompt holds: ends where a token naturally ends. */
  readonly kept: string;
  /** What the generated text has to begin with; not part of the suggestion. */
  readonly owed: string;
}

/** Longer ends are complete words more often than unfinished ones. */
const MAX_OWED_CHARS = 24;

/** A run of indentation, or the last word or punctuation with the space that its token carries. */
const UNFINISHED_END = /(?:[ \t]+| ?[\p{L}\p{N}_$]+| ?[^\s\p{L}\p{N}_$]+)$/u;

export function healPrefix(prefix: string, tokenizer: Pick<Tokenizer, "encode" | "textOf">): HealedPrefix {
  const owed = writableEnd(UNFINISHED_END.exec(prefix.slice(-4 * MAX_OWED_CHARS))?.[0] ?? "", tokenizer);
  if (owed.length > MAX_OWED_CHARS && owed.trim() !== "") return { kept: prefix, owed: "" };
  return { kept: prefix.slice(0, prefix.length - owed.length), owed };
}

/**
 * What comes after the last character that has no token of its own: its bytes are spread over tokens, none of
 * which is a beginning of it as text. Every ASCII character has one, if only that of its byte.
 */
function writableEnd(owed: string, { encode, textOf }: Pick<Tokenizer, "encode" | "textOf">): string {
  const characters = Array.from(owed);
  const last = characters.findLastIndex((character) => {
    if (character < "\x80") return false;
    const ids = encode(character);
    return ids.length !== 1 || textOf(ids[0]!) !== character;
  });
  return characters.slice(last + 1).join("");
}

/** The most likely token that begins with what is owed, or is a beginning of it. */
export function argmaxWithin(tokenizer: Tokenizer, logits: Float32Array, owed: string): number {
  let best = -1;
  for (let id = 0; id < logits.length; id++) {
    if (best >= 0 && logits[id]! <= logits[best]!) continue;
    if (writes(tokenizer, id, owed)) best = id;
  }
  return best;
}

/** Whether a token begins with what is owed, or is a beginning of it. */
export function writes(tokenizer: Tokenizer, id: number, owed: string): boolean {
  const text = tokenizer.textOf(id);
  return text !== "" && (text.startsWith(owed) || owed.startsWith(text));
}
