/** Tokens that prompts are made of, by what they mean; each tokenizer writes them in its own way. */
export type SpecialTokenName =
  | "endOfText"
  | "fimPrefix"
  | "fimMiddle"
  | "fimSuffix"
  | "fimPad"
  | "repositoryName"
  | "fileSeparator";

/** What a prompt is put together from: a special token, or the file's text before and after the cursor. */
export type PromptPart = "prefix" | "suffix" | SpecialTokenName;

export type FimOrder = "psm" | "spm";

/** How a family of models was trained to fill in the middle. */
export interface Dialect {
  readonly name: "qwen2.5-coder" | "starcoder2" | "code-llama" | "deepseek-coder" | "mistral" | "none";
  /** As `tokenizer.json` writes them. Those that the layouts do not need may be absent. */
  readonly tokens: Readonly<Partial<Record<SpecialTokenName, string>>>;
  /** Prefix, suffix, middle; and suffix, prefix, middle, where the middle goes on from the prefix. */
  readonly layouts: Readonly<Record<FimOrder, readonly PromptPart[]>>;
  /** The order that models of the family know best. */
  readonly order: FimOrder;
  /** Where the path of the file stands when there is a file separator. */
  readonly path: "before the markers" | "in the prefix";
}

const PREFIX_FIRST: readonly PromptPart[] = ["fimPrefix", "prefix", "fimSuffix", "suffix", "fimMiddle"];

/** The suffix in the place of the prefix, as in the second of the two modes of Bavarian et al. 2022, section 3. */
const SUFFIX_FIRST: readonly PromptPart[] = ["fimPrefix", "fimSuffix", "suffix", "fimMiddle", "prefix"];

const BOTH_ORDERS = { psm: PREFIX_FIRST, spm: SUFFIX_FIRST } as const;

/** `[SUFFIX]suffix[PREFIX]prefix` is the only order there is; nothing marks the middle. */
const MISTRAL: readonly PromptPart[] = ["fimSuffix", "suffix", "fimPrefix", "prefix"];

/** Special tokens of Qwen2.5-Coder (Hui et al. 2024, table 1); the shipped model has the same. */
export const SPECIAL_TOKENS = {
  endOfText: "<|endoftext|>",
  fimPrefix: "<|fim_prefix|>",
  fimMiddle: "<|fim_middle|>",
  fimSuffix: "<|fim_suffix|>",
  fimPad: "<|fim_pad|>",
  repositoryName: "<|repo_name|>",
  fileSeparator: "<|file_sep|>",
} as const;

export const DIALECTS: readonly Dialect[] = [
  {
    name: "qwen2.5-coder",
    tokens: SPECIAL_TOKENS,
    layouts: BOTH_ORDERS,
    order: "psm",
    path: "before the markers",
  },
  {
    // Lozhkov et al. 2024, section 5.1: <repo_name>name<file_sep>path\ncode<file_sep><fim_prefix>path\ncode ...
    name: "starcoder2",
    tokens: {
      endOfText: "<|endoftext|>",
      fimPrefix: "<fim_prefix>",
      fimMiddle: "<fim_middle>",
      fimSuffix: "<fim_suffix>",
      fimPad: "<fim_pad>",
      repositoryName: "<repo_name>",
      fileSeparator: "<file_sep>",
    },
    layouts: BOTH_ORDERS,
    order: "psm",
    path: "in the prefix",
  },
  {
    // Rozière et al. 2023, section 2.3, and CodeLlamaTokenizer of transformers: both orders, <EOT> ends the middle.
    name: "code-llama",
    tokens: { endOfText: "▁<EOT>", fimPrefix: "▁<PRE>", fimMiddle: "▁<MID>", fimSuffix: "▁<SUF>" },
    layouts: BOTH_ORDERS,
    order: "psm",
    path: "in the prefix",
  },
  {
    // The README of DeepSeek-Coder, "Code Insertion" and "Repository Level Code Completion" (files under comment lines).
    name: "deepseek-coder",
    tokens: {
      endOfText: "<｜end▁of▁sentence｜>",
      fimPrefix: "<｜fim▁begin｜>",
      fimSuffix: "<｜fim▁hole｜>",
      fimMiddle: "<｜fim▁end｜>",
    },
    layouts: { psm: PREFIX_FIRST, spm: PREFIX_FIRST },
    order: "psm",
    path: "in the prefix",
  },
  {
    // Codestral: `encode_fim` of mistral-common, and the page on tokenization of Mistral's cookbook.
    name: "mistral",
    tokens: { endOfText: "</s>", fimPrefix: "[PREFIX]", fimSuffix: "[SUFFIX]" },
    layouts: { psm: MISTRAL, spm: MISTRAL },
    order: "spm",
    path: "in the prefix",
  },
];

/** Of a model that was never trained to fill in: it goes on from the prefix, and the suffix is not shown. */
export const LEFT_TO_RIGHT: Dialect = {
  name: "none",
  tokens: {},
  layouts: { psm: ["prefix"], spm: ["prefix"] },
  order: "psm",
  path: "in the prefix",
};

/** The first dialect whose layouts a vocabulary has all tokens for, by what `has` says of a token's text. */
export function dialectOf(has: (token: string) => boolean): Dialect {
  const isComplete = ({ tokens, layouts }: Dialect): boolean =>
    layouts.psm.every((part) => part === "prefix" || part === "suffix" || has(tokens[part]!));
  return DIALECTS.find(isComplete) ?? LEFT_TO_RIGHT;
}
