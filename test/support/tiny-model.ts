import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { weightShapes } from "../../engine/architectures/decoder-config.ts";
import { float32Tensor, writeSafetensors } from "../../engine/checkpoint/safetensors.ts";
import { SPECIAL_TOKENS } from "../../engine/tokenizer/dialect.ts";
import { hubConfig } from "./hub-config.ts";
import { randomWeights, TINY } from "./tiny-decoder.ts";

/** A folder with an untrained model over single bytes: everything of a real one but knowledge. */
export function createTinyModel(): { readonly dir: string; [Symbol.dispose](): void } {
  const dir = mkdtempSync(path.join(os.tmpdir(), "kept-tiny-model-"));
  writeTinyModel(dir);
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

export function writeTinyModel(dir: string): void {
  mkdirSync(dir, { recursive: true });
  const specials = Object.values(SPECIAL_TOKENS);
  const vocabulary = [...specials, ...byteAlphabet()];
  const config = { ...TINY, headDim: 16, contextTokens: 256, vocabSize: vocabulary.length };
  writeFileSync(path.join(dir, "config.json"), JSON.stringify(hubConfig(config)));
  const weights = randomWeights(config);
  const tensors = new Map(
    [...weightShapes(config)].map(([name, shape]) => [name, float32Tensor(weights.get(name)!, shape)]),
  );
  writeFileSync(path.join(dir, "model.safetensors"), writeSafetensors(tensors));
  writeFileSync(path.join(dir, "tokenizer.json"), JSON.stringify(byteTokenizer(vocabulary, specials)));
}

/** A byte-level BPE tokenizer without merges: one token a byte. */
function byteTokenizer(vocabulary: readonly string[], specials: readonly string[]): object {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: [],
    },
  };
}

/** The printable stand-ins of GPT-2's byte-level alphabet, in the order of the bytes (Radford et al. 2019). */
function byteAlphabet(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let shifted = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + shifted++));
}
