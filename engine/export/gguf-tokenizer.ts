import { EngineError } from "../engine-error.ts";
import type { GgufValue } from "./gguf-file.ts";

/** What is read of a parsed `tokenizer.json`: a byte-level BPE vocabulary. */
export interface TokenizerDefinition {
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean }[];
  readonly pre_tokenizer?: unknown;
  readonly model?: {
    readonly type?: string;
    readonly vocab?: Readonly<Record<string, number>>;
    readonly merges?: readonly (string | readonly [string, string])[];
  };
}

/** llama.cpp's token types. */
const NORMAL = 1;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

/** The metadata under which llama.cpp finds the tokens that prompts are made of, by their text. */
const NAMED_TOKENS: Readonly<Record<string, readonly string[]>> = {
  "<|endoftext|>": ["eos_token_id", "eot_token_id"],
  "<|fim_prefix|>": ["fim_pre_token_id"],
  "<|fim_suffix|>": ["fim_suf_token_id"],
  "<|fim_middle|>": ["fim_mid_token_id"],
  "<|fim_pad|>": ["fim_pad_token_id", "padding_token_id"],
  "<|repo_name|>": ["fim_rep_token_id"],
  "<|file_sep|>": ["fim_sep_token_id"],
};

/** Split patterns by llama.cpp's name for them: how digits are grouped tells the common ones apart. */
const SPLITS: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: "llama-bpe", pattern: /\\p\{N\}\{1,3\}\|/ },
  { name: "qwen2", pattern: /\[\^\\r\\n\\p\{L\}\\p\{N\}\]\?\\p\{L\}\+\|\\p\{N\}\|/ },
];

/** `tokenizer.ggml.*` of a byte-level BPE tokenizer. Throws export-unsupported for another kind. */
export function ggufTokenizer(definition: TokenizerDefinition, vocabSize: number): [string, GgufValue][] {
  const { vocab, merges, type } = definition.model ?? {};
  if (type !== "BPE" || !vocab || !merges)
    throw new EngineError("export-unsupported", "Only byte-level BPE tokenizers can be written to GGUF.");
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`);
  const types = Array.from({ length: vocabSize }, () => UNUSED);
  const place = (id: number, text: string, kind: number): void => {
    if (id >= vocabSize)
      throw new EngineError("export-unsupported", `The tokenizer has token ${id}; the model has ${vocabSize}.`);
    tokens[id] = text;
    types[id] = kind;
  };
  for (const [text, id] of Object.entries(vocab)) place(id, text, NORMAL);
  const named: [string, GgufValue][] = [];
  for (const { id, content, special } of definition.added_tokens ?? []) {
    place(id, content, special === false ? USER_DEFINED : CONTROL);
    for (const key of NAMED_TOKENS[content] ?? []) named.push([`tokenizer.ggml.${key}`, { kind: "uint32", value: id }]);
  }
  return [
    ["tokenizer.ggml.model", { kind: "string", value: "gpt2" }],
    ["tokenizer.ggml.pre", { kind: "string", value: splitName(definition.pre_tokenizer) }],
    ["tokenizer.ggml.tokens", { kind: "strings", value: tokens }],
    ["tokenizer.ggml.token_type", { kind: "int32s", value: types }],
    [
      "tokenizer.ggml.merges",
      { kind: "strings", value: merges.map((pair) => (typeof pair === "string" ? pair : pair.join(" "))) },
    ],
    ["tokenizer.ggml.add_bos_token", { kind: "bool", value: false }],
    ...named,
  ];
}

function splitName(preTokenizer: unknown): string {
  const text = JSON.stringify(preTokenizer ?? null);
  const pattern = /"Regex":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  if (pattern === undefined && text.includes('"ByteLevel"')) return "gpt-2";
  const found = SPLITS.find(
    (split) => pattern !== undefined && split.pattern.test(JSON.parse(`"${pattern}"`) as string),
  );
  if (!found) throw new EngineError("export-unsupported", "llama.cpp has no name for this tokenizer's split pattern.");
  return found.name;
}
