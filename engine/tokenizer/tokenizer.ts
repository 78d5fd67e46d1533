import { Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import { EngineError } from "../engine-error.ts";
import { readControlTokens } from "./control-tokens.ts";
import { dialectOf, type Dialect, type FimOrder, type SpecialTokenName } from "./dialect.ts";
import { tokenRanges, type TokenRange } from "./offsets.ts";
import {
  BLANK,
  BLANK_BYTES,
  bytesOfPiece,
  encodeByWords,
  isSentencePieces,
  withoutLeadingBlank,
} from "./sentence-pieces.ts";
import { readSettings, readTokenizerFile, type TokenizerFile } from "./tokenizer-definition.ts";

export interface Tokenizer {
  /** Token ids of plain text. What looks like an added token in it is encoded as the characters that it is. */
  encode(text: string): number[];
  /** The same ids, and where each token lies in the text. Throws tokenizer-invalid for a tokenizer that rewrites text. */
  encodeWithRanges(text: string): { readonly ids: number[]; readonly ranges: TokenRange[] };
  decode(ids: readonly number[]): string;
  /** Text of one token; empty for a special token. */
  textOf(id: number): string;
  /** How the model was trained to fill in the middle, by the special tokens that the tokenizer has. */
  readonly dialect: Dialect;
  /**
   * Order of a fill-in-the-middle prompt that the model was trained on: `fim_order` of
   * `tokenizer_config.json`, else the dialect's own.
   */
  readonly fimOrder: FimOrder;
  /** What the dialect's tokens are here; `endOfText` is what the model writes when it is done. */
  readonly special: Readonly<Partial<Record<SpecialTokenName, number>>>;
  /** What every prompt begins with; empty for most. */
  readonly startOfText: readonly number[];
  /** Ids that end a suggestion: those of all special tokens, none of which belongs in code. */
  readonly ends: ReadonlySet<number>;
  /** Ids that `encode` never gives: those of every added token but runs of white space. */
  readonly reserved: ReadonlySet<number>;
  readonly vocabSize: number;
}

/** Load `tokenizer.json` of a model folder. Throws tokenizer-invalid. */
export function loadTokenizer(folder: string): Tokenizer {
  const file = readTokenizerFile(folder);
  const added = new Map(file.added.map(({ content, id }) => [content, id]));
  const idOf = (token: string): number | undefined =>
    added.get(token) ?? (Object.hasOwn(file.vocab, token) ? file.vocab[token] : undefined);
  // Some converters leave the markers in the vocabulary alone.
  const declared = dialectOf((token) => added.has(token));
  const dialect = declared.name === "none" ? dialectOf((token) => idOf(token) !== undefined) : declared;
  const special = specialTokens(dialect, idOf);
  const control = readControlTokens(folder, file, (token) => added.get(token));
  if (control.endOfText.length > 0) special.endOfText ??= control.endOfText[0]!;
  const ends = new Set([
    ...file.added.filter((token) => token.special).map(({ id }) => id),
    ...Object.values(special),
    ...control.startOfText,
    ...control.endOfText,
  ]);
  const reserved = new Set([...file.added.filter(({ content }) => !isBlank(content)).map(({ id }) => id), ...ends]);
  const { encode, decodeRun, bytesOf, form } = openPlain(file, reserved, folder);

  const literals = new Map(file.added.filter(({ id }) => !ends.has(id)).map(({ id, content }) => [id, content]));
  const decode = (tokens: readonly number[]): string => {
    const pieces: string[] = [];
    let run: number[] = [];
    const flush = (): void => {
      if (run.length > 0) pieces.push(decodeRun(run));
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
      const ranges = tokenRanges(text, tokens.map(bytesOf), form);
      if (!ranges)
        throw new EngineError("tokenizer-invalid", "The tokenizer rewrites text: its tokens have no place in it.");
      return { ids: all.filter(isPlain), ranges: ranges.filter((_, i) => isPlain(all[i])) };
    },
    decode,
    textOf: (id) => (texts[id] ??= decode([id])),
    dialect,
    fimOrder: fimOrder(readSettings(folder, "tokenizer_config.json")["fim_order"], dialect),
    special,
    startOfText: control.startOfText,
    ends,
    reserved,
    vocabSize: Object.keys(file.vocab).length,
  };
}

function specialTokens(
  { tokens }: Dialect,
  idOf: (token: string) => number | undefined,
): Partial<Record<SpecialTokenName, number>> {
  const special: Partial<Record<SpecialTokenName, number>> = {};
  for (const [name, token] of Object.entries(tokens) as [SpecialTokenName, string][]) {
    const id = idOf(token);
    if (id !== undefined) special[name] = id;
  }
  return special;
}

const fimOrder = (wanted: unknown, { order }: Dialect): FimOrder =>
  wanted === "spm" || wanted === "psm" ? wanted : order;

/** A tokenizer of plain text. */
interface PlainTokenizer {
  encode(text: string): { readonly ids: readonly (number | undefined)[]; readonly tokens: readonly string[] };
  /** Text of at least one token. */
  decodeRun(ids: readonly number[]): string;
  /** How many bytes of the encoded text a token stands for. */
  bytesOf(token: string): number;
  /** What the text is before it is encoded. */
  readonly form: "NFC" | "as is";
}

/**
 * The library's tokenizer without the reserved tokens: it has never heard of them, so code that contains
 * `<|fim_middle|>` cannot steer the model.
 */
function openPlain(file: TokenizerFile, reserved: ReadonlySet<number>, folder: string): PlainTokenizer {
  const { definition, vocab } = file;
  const known = Object.fromEntries(Object.entries(vocab).filter(([, id]) => !reserved.has(id)));
  const added = (definition["added_tokens"] ?? []) as readonly { readonly id: number }[];
  const blanks = new Set(file.added.filter(({ id }) => !reserved.has(id)).map(({ content }) => content));
  try {
    const withoutReserved = {
      ...definition,
      added_tokens: added.filter(({ id }) => !reserved.has(id)),
      normalizer: withoutLeadingBlank(definition["normalizer"] ?? null),
      pre_tokenizer: withoutLeadingBlank(definition["pre_tokenizer"] ?? null),
      // It would put control tokens around the text.
      post_processor: null,
      model: { ...(definition["model"] as object), vocab: known },
    };
    const form = JSON.stringify(definition["normalizer"] ?? null).includes('"NFC"') ? "NFC" : "as is";
    const plain = new HubTokenizer(withoutReserved, { clean_up_tokenization_spaces: false });
    if (isSentencePieces(definition)) return { ...sentencePieces(plain, definition, known, blanks), form };
    return {
      encode: (text) => plain.encode(text, { add_special_tokens: false }),
      decodeRun: (ids) => plain.decode([...ids], { clean_up_tokenization_spaces: false }),
      // A token of the byte-level alphabet has one character for each byte.
      bytesOf: (token) => (blanks.has(token) ? Buffer.byteLength(token) : token.length),
      form,
    };
  } catch (cause) {
    throw new EngineError("tokenizer-invalid", `tokenizer.json in ${folder} cannot be used.`, { cause });
  }
}

function sentencePieces(
  plain: HubTokenizer,
  definition: Readonly<Record<string, unknown>>,
  vocab: Readonly<Record<string, number>>,
  blanks: ReadonlySet<string>,
): Pick<PlainTokenizer, "encode" | "decodeRun" | "bytesOf"> {
  const bytesOf = (token: string): Uint8Array => (blanks.has(token) ? Buffer.from(token) : bytesOfPiece(token));
  const blankBytes = BLANK_BYTES.filter((token) => Object.hasOwn(vocab, token));
  const encodeWhole = (text: string): readonly string[] => plain.encode(text, { add_special_tokens: false }).tokens;
  const encode = blanks.size > 0 ? encodeWhole : encodeByWords(encodeWhole, definition, Object.keys(vocab));
  return {
    encode(text) {
      // A blank of SentencePiece in somebody's text is not a blank.
      const parts = blankBytes.length < BLANK_BYTES.length ? [text] : text.split(BLANK);
      const tokens = parts.flatMap((part, i) => (i === 0 ? encode(part) : [...BLANK_BYTES, ...encode(part)]));
      return { tokens, ids: tokens.map((token) => plain.token_to_id(token)) };
    },
    decodeRun(ids) {
      const tokens = ids.flatMap((id) => plain.id_to_token(id) ?? []);
      return utf8.decode(Buffer.concat(tokens.map(bytesOf)));
    },
    bytesOf: (token) => bytesOf(token).length,
  };
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Some vocabularies hold runs of white space as added tokens; in code they are just that. */
const isBlank = (text: string): boolean => text.trim() === "";
