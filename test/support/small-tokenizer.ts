import { writeFileSync } from "node:fs";
import path from "node:path";

/** A `tokenizer.json` in the making; tests change what they are about. */
export interface SmallTokenizer {
  added_tokens: { id: number; content: string; special: boolean }[];
  normalizer: unknown;
  pre_tokenizer: unknown;
  post_processor: unknown;
  decoder: unknown;
  model: { type: "BPE"; vocab: Record<string, number>; merges: string[][]; [key: string]: unknown };
}

/** Merges of a few words of code, so that tokens are longer than a character. */
const MERGES = [
  ["c", "o"],
  ["n", "s"],
  ["co", "ns"],
  ["cons", "t"],
  ["r", "e"],
  ["f", "i"],
  ["fi", "m"],
];

/** Byte-level BPE as of GPT-2, Llama 3 and Qwen, whose vocabulary begins with the special tokens. */
export function byteLevelTokenizer(specials: readonly string[]): SmallTokenizer {
  const merges = [...MERGES, ["Ġ", "Ġ"], ["ĠĠ", "ĠĠ"], ["Ġ", "re"]];
  const vocabulary = [...specials, ...byteAlphabet(), ...merges.map((pair) => pair.join(""))];
  return {
    added_tokens: specials.map((content, id) => ({ id, content, special: true })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: "BPE", unk_token: null, byte_fallback: false, vocab: ids(vocabulary), merges },
  };
}

/**
 * What converters make of SentencePiece, in the form of Llama 2 (`Prepend`, `Replace`) or the later one
 * (`Metaspace`): `<unk>`, `<s>`, `</s>`, one token a byte, some characters and words, then the special tokens.
 */
export function sentencePieceTokenizer(
  specials: readonly string[],
  form: "normalizer" | "pre-tokenizer" = "normalizer",
): SmallTokenizer {
  const merges = [...MERGES, ["▁", "▁"], ["▁▁", "▁▁"], ["▁", "re"]];
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const characters = ["▁", ...Array.from("abcdefghijklmnopqrstuvwxyzPSM<>|[](){}=;0Ax_é")];
  const controls = ["<unk>", "<s>", "</s>"];
  const vocabulary = [...controls, ...bytes, ...characters, ...merges.map((pair) => pair.join("")), ...specials];
  const vocab = ids(vocabulary);
  const replace = { type: "Replace", pattern: { String: " " }, content: "▁" };
  return {
    added_tokens: [...controls, ...specials].map((content) => ({ id: vocab[content]!, content, special: true })),
    normalizer:
      form === "normalizer" ? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, replace] } : null,
    pre_tokenizer:
      form === "pre-tokenizer" ? { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: false } : null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: { type: "BPE", unk_token: "<unk>", fuse_unk: true, byte_fallback: true, vocab, merges },
  };
}

export function writeTokenizer(dir: string, tokenizer: SmallTokenizer, settings: object = {}): void {
  writeFileSync(path.join(dir, "tokenizer.json"), JSON.stringify(tokenizer));
  writeFileSync(path.join(dir, "tokenizer_config.json"), JSON.stringify(settings));
}

const ids = (vocabulary: readonly string[]): Record<string, number> =>
  Object.fromEntries(vocabulary.map((token, id) => [token, id]));

/** The printable stand-ins of GPT-2's byte-level alphabet, in the order of the bytes (Radford et al. 2019). */
export function byteAlphabet(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let shifted = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + shifted++));
}
