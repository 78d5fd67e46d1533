import { Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../engine-error.ts";

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
  /** Token ids of plain text. Special tokens written out in the text are not special. */
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
  /** Text of one token; empty for a special token. */
  textOf(id: number): string;
  /**
   * Order of a fill-in-the-middle prompt that the model was trained on, `fim_order` of
   * `tokenizer_config.json`: prefix-suffix-middle (the default) or suffix-prefix-middle.
   */
  readonly fimOrder: "psm" | "spm";
  readonly special: Readonly<Record<SpecialTokenName, number>>;
  readonly vocabSize: number;
}

/** Load `tokenizer.json` of a model folder. Throws tokenizer-invalid. */
export function loadTokenizer(folder: string): Tokenizer {
  let inner: HubTokenizer;
  let settings: { fim_order?: string } = {};
  let definition: { added_tokens?: { content: string; id: number }[]; model?: { vocab?: Record<string, number> } };
  try {
    definition = JSON.parse(readFileSync(path.join(folder, "tokenizer.json"), "utf8")) as typeof definition;
    const settingsFile = path.join(folder, "tokenizer_config.json");
    if (existsSync(settingsFile)) settings = JSON.parse(readFileSync(settingsFile, "utf8")) as typeof settings;
    inner = new HubTokenizer(definition, { clean_up_tokenization_spaces: false });
  } catch (cause) {
    throw new EngineError("tokenizer-invalid", `tokenizer.json in ${folder} cannot be read.`, { cause });
  }
  const ids = new Map(definition.added_tokens?.map(({ content, id }) => [content, id]));
  const special = Object.fromEntries(
    Object.entries(SPECIAL_TOKENS).map(([name, content]) => {
      const id = ids.get(content);
      if (id === undefined)
        throw new EngineError("tokenizer-invalid", `tokenizer.json in ${folder} has no token ${content}.`);
      return [name, id];
    }),
  ) as Record<SpecialTokenName, number>;
  const specialText = new RegExp([...ids.keys()].map((content) => content.replaceAll("|", "\\|")).join("|"), "g");

  const decode = (tokens: readonly number[]) =>
    inner.decode([...tokens], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  const texts: string[] = [];

  return {
    encode: (text) => inner.encode(text.replace(specialText, breakApart), { add_special_tokens: false }).ids,
    decode,
    textOf: (id) => (texts[id] ??= decode([id])),
    fimOrder: settings.fim_order === "spm" ? "spm" : "psm",
    special,
    vocabSize: Object.keys(definition.model?.vocab ?? {}).length,
  };
}

/** Code that contains a special token's text must not steer the model: "<|x|>" becomes "<| x|>". */
const breakApart = (token: string): string => `${token.slice(0, 2)} ${token.slice(2)}`;
