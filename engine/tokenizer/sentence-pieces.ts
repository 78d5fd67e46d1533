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
