import { isObject } from "./tokenizer-definition.ts";

/**
 * What a `tokenizer.json` made from SentencePiece does to text (Llama 2, Mistral, Code Llama): blanks are
 * written as U+2581, and a character without a token of its own as one token for each of its UTF-8 bytes.
 */
export const BLANK = "\u2581";

/** Token of a byte, as the conversion from SentencePiece names it. */
const BYTE_TOKEN = /^<0x([0-9A-F]{2})>$/;

/** Tokens that U+2581 in somebody's text is written with, since its own means a blank. */
export const BLANK_BYTES = ["<0xE2>", "<0x96>", "<0x81>"] as const;

export const isSentencePieces = ({ normalizer, pre_tokenizer, decoder }: Readonly<Record<string, unknown>>): boolean =>
  JSON.stringify([normalizer, pre_tokenizer]).includes(BLANK) &&
  !JSON.stringify([pre_tokenizer, decoder]).includes('"ByteLevel"');

/** Bytes of the text that a token stands for. */
export function bytesOfPiece(piece: string): Uint8Array {
  const byte = BYTE_TOKEN.exec(piece)?.[1];
  return byte === undefined ? encoder.encode(piece.replaceAll(BLANK, " ")) : Uint8Array.of(Number.parseInt(byte, 16));
}

const encoder = new TextEncoder();

/**
 * A normalizer or pre-tokenizer without the blank that it would put before every text. A prompt is encoded
 * in pieces, most of which begin in the middle of a file: the blank would be read as one of the code's.
 */
export function withoutLeadingBlank(step: unknown): unknown {
  if (!isObject(step)) return step;
  if (step["type"] === "Prepend" && step["prepend"] === BLANK) return { type: "Sequence", normalizers: [] };
  if (step["type"] === "Metaspace") return { ...step, prepend_scheme: "never", add_prefix_space: false };
  if (step["type"] === "ByteLevel") return { ...step, add_prefix_space: false };
  const kept = { ...step };
  for (const key of ["normalizers", "pretokenizers"])
    if (Array.isArray(step[key])) kept[key] = (step[key] as unknown[]).map(withoutLeadingBlank);
  return kept;
}

/** Blanks with what follows them, lines apart. */
const WORD = / *[^ \n]+| +|\n/g;

/** Some thousands of words make up a repository's code; a full cache is emptied. */
const MAX_CACHED_WORDS = 20_000;

/**
 * Tokens of a text by its words, each encoded once. Where no token has a blank behind another character or a
 * line end beside one, no merge crosses the border of a word, and the tokens are those of the whole text: so
 * it is for every vocabulary that SentencePiece made with its defaults. Otherwise `encode` takes the text whole.
 */
export function encodeByWords(
  encode: (text: string) => readonly string[],
  definition: Readonly<Record<string, unknown>>,
  pieces: readonly string[],
): (text: string) => readonly string[] {
  if (!isLocal(definition["normalizer"]) || pieces.some((piece) => /[^\u2581]\u2581|.\n|\n./s.test(piece)))
    return encode;
  const cache = new Map<string, readonly string[]>();
  const tokensOf = (word: string): readonly string[] => {
    let tokens = cache.get(word);
    if (tokens) return tokens;
    if (cache.size >= MAX_CACHED_WORDS) cache.clear();
    tokens = encode(word);
    cache.set(word, tokens);
    return tokens;
  };
  return (text) => (text.match(WORD) ?? []).flatMap(tokensOf);
}

/** Whether a normalizer does to a text what it does to its words. */
function isLocal(step: unknown): boolean {
  if (!isObject(step)) return true;
  if (step["type"] === "Sequence" && Array.isArray(step["normalizers"])) return step["normalizers"].every(isLocal);
  if (step["type"] === "Prepend") return step["prepend"] === BLANK;
  const { pattern, content } = step;
  return step["type"] === "Replace" && isObject(pattern) && pattern["String"] === " " && content === BLANK;
}
