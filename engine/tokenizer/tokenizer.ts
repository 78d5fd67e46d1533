import { Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import { EngineError } from "../engine-error.ts";
import { tokenRanges, type TokenRange } from "./offsets.ts";
import { readTokenizerFile, readTokenizerSettings, type TokenizerFile } from "./tokenizer-definition.ts";

/** Special tokens of Qwen2.5-Coder (Hui et al. 2024, table 1) that prompts are made of. */
export const SPECIAL_TOKENS = {
  endOfText: "<|endoftext|>",
  fimPrefix: "<|fim_prefix|>",
  fimMiddle: "<|fim_middle|>",
  fimSuffix: "<|fim_suffix|>",
  fimPad: "<|fim_pad|>",
  repositoryName: "<|repo_name|>",
  fileSeparator: "<|file_sep|>",
} as const;
export type SpecialTokenName = keyof typeof SPECIAL_TOKENS;

export interface Tokenizer {
  /** Token ids of plain text. What looks like an added token in it is encoded as the characters that it is. */
  encode(text: string): number[];
  /** The same ids, and where each token lies in the text. Throws tokenizer-invalid for a tokenizer that rewrites text. */
  encodeWithRanges(text: string): { readonly ids: number[]; readonly ranges: TokenRange[] };
  decode(ids: readonly number[]): string;
  /** Text of one token; empty for a special token. */
  textOf(id: number): string;
  /**
   * Order of a fill-in-the-middle prompt that the model was trained on, `fim_order` of
   * `tokenizer_config.json`: prefix-suffix-middle (the default) or suffix-prefix-middle.
   */
  readonly fimOrder: "psm" | "spm";
  readonly special: Readonly<Record<SpecialTokenName, number>>;
  /** Ids that `encode` never gives: those of every added token but runs of white space. */
  readonly reserved: ReadonlySet<number>;
  readonly vocabSize: number;
}

/** Load `tokenizer.json` of a model folder. Throws tokenizer-invalid. */
export function loadTokenizer(folder: string): Tokenizer {
  const file = readTokenizerFile(folder);
  const settings = readTokenizerSettings(folder);
  const reserved = new Set(
    file.added.filter(({ content, special }) => special || !isBlank(content)).map(({ id }) => id),
  );
  const { plain, form } = openPlain(file, reserved, folder);
  const ids = new Map(file.added.map(({ content, id }) => [content, id]));
  const special = Object.fromEntries(
    Object.entries(SPECIAL_TOKENS).map(([name, content]) => {
      const id = ids.get(content);
      if (id === undefined)
        throw new EngineError("tokenizer-invalid", `tokenizer.json in ${folder} has no token ${content}.`);
      return [name, id];
    }),
  ) as Record<SpecialTokenName, number>;
  const blanks = new Set(file.added.filter(({ id }) => !reserved.has(id)).map(({ content }) => content));

  const encode = (text: string): { readonly ids: (number | undefined)[]; readonly tokens: string[] } =>
    plain.encode(text, { add_special_tokens: false });
  const literals = new Map(file.added.filter(({ special }) => !special).map(({ id, content }) => [id, content]));
  const decode = (tokens: readonly number[]): string => {
    const pieces: string[] = [];
    let run: number[] = [];
    const flush = (): void => {
      if (run.length > 0) pieces.push(plain.decode(run, { clean_up_tokenization_spaces: false }));
      run = [];
    };
    for (const id of tokens) {
      if (!reserved.has(id)) run.push(id);
      // A special token has no text, and does not part the bytes of a character around it.
      else if (literals.has(id)) {
        flush();
        pieces.push(literals.get(id)!);
      }
    }
    flush();
    return pieces.join("");
  };
  const texts: string[] = [];
  // A tokenizer without a token for every byte answers an unknown token, which may be an added one.
  const isPlain = (id: number | undefined): id is number => id !== undefined && !reserved.has(id);

  return {
    encode: (text) => encode(text).ids.filter(isPlain),
    encodeWithRanges(text) {
      const { ids: all, tokens } = encode(text);
      // A token of the byte-level alphabet has one character for each byte.
      const bytes = tokens.map((token) => (blanks.has(token) ? Buffer.byteLength(token) : token.length));
      const ranges = tokenRanges(text, bytes, form);
      if (!ranges)
        throw new EngineError("tokenizer-invalid", "The tokenizer rewrites text: its tokens have no place in it.");
      return { ids: all.filter(isPlain), ranges: ranges.filter((_, i) => isPlain(all[i])) };
    },
    decode,
    textOf: (id) => (texts[id] ??= decode([id])),
    fimOrder: settings["fim_order"] === "spm" ? "spm" : "psm",
    special,
    reserved,
    vocabSize: Object.keys(file.vocab).length,
  };
}

/**
 * The library's tokenizer without the reserved tokens: it has never heard of them, so code that contains
 * `<|fim_middle|>` cannot steer the model.
 */
function openPlain(
  { definition, vocab }: TokenizerFile,
  reserved: ReadonlySet<number>,
  folder: string,
): { plain: HubTokenizer; form: "NFC" | "as is" } {
  const known = Object.fromEntries(Object.entries(vocab).filter(([, id]) => !reserved.has(id)));
  const added = (definition["added_tokens"] ?? []) as readonly { readonly id: number }[];
  const withoutReserved = {
    ...definition,
    added_tokens: added.filter(({ id }) => !reserved.has(id)),
    model: { ...(definition["model"] as object), vocab: known },
  };
  try {
    const form = JSON.stringify(definition["normalizer"] ?? null).includes('"NFC"') ? "NFC" : "as is";
    return { plain: new HubTokenizer(withoutReserved, { clean_up_tokenization_spaces: false }), form };
  } catch (cause) {
    throw new EngineError("tokenizer-invalid", `tokenizer.json in ${folder} cannot be used.`, { cause });
  }
}

/** Some vocabularies hold runs of white space as added tokens; in code they are just that. */
const isBlank = (text: string): boolean => text.trim() === "";
