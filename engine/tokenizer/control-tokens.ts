import { isObject, readSettings, type TokenizerFile } from "./tokenizer-definition.ts";

/** Tokens around a text, as a model folder's settings name them. */
export interface ControlTokens {
  /** Ids that every prompt has to begin with; mostly none or one. */
  readonly startOfText: readonly number[];
  /** Ids that end a text, the one that a model was trained to write first. */
  readonly endOfText: readonly number[];
}

/** Tokenizers of transformers that begin a text with `bos_token` unless `add_bos_token` says no. */
const STARTS_BY_DEFAULT = /^(Code)?Llama(Tokenizer|TokenizerFast)$/;

/**
 * Ids that are not tokens of the tokenizer, and ends that are ordinary text, are left out: a folder's
 * settings cannot make a word end every suggestion. `idOf` gives the id of a control token's text.
 */
export function readControlTokens(
  folder: string,
  file: TokenizerFile,
  idOf: (token: string) => number | undefined,
): ControlTokens {
  const settings = readSettings(folder, "tokenizer_config.json");
  const added = new Set(file.added.map(({ id }) => id));
  const named = (key: string): number | undefined => {
    const token = settings[key];
    const content = isObject(token) ? token["content"] : token;
    return typeof content === "string" ? idOf(content) : undefined;
  };
  const ends = ["generation_config.json", "config.json"].flatMap((name) => {
    // A damaged one is refused, under its own code, where what it is for is read.
    const ids = readSettings(folder, name, "ignore damage")["eos_token_id"];
    return (Array.isArray(ids) ? ids : [ids]) as unknown[];
  });
  return {
    startOfText: startOfText(file.definition["post_processor"], settings, named("bos_token")).filter((id) =>
      added.has(id),
    ),
    endOfText: [named("eos_token"), ...ends].filter(
      (id, i, all): id is number => typeof id === "number" && added.has(id) && all.indexOf(id) === i,
    ),
  };
}

function startOfText(
  postProcessor: unknown,
  settings: Readonly<Record<string, unknown>>,
  bos: number | undefined,
): number[] {
  const start = templateStart(postProcessor);
  const { add_bos_token: isWanted, tokenizer_class: tokenizerClass } = settings;
  if (isWanted === false) return [];
  if (start.length > 0 || bos === undefined) return start;
  if (isWanted === true) return [bos];
  const isLlama = typeof tokenizerClass === "string" && STARTS_BY_DEFAULT.test(tokenizerClass);
  return isLlama && (postProcessor ?? null) === null ? [bos] : [];
}

/** Ids of the special tokens that a TemplateProcessing, alone or in a Sequence, puts before a text. */
function templateStart(postProcessor: unknown): number[] {
  const inner = isObject(postProcessor) ? postProcessor["processors"] : undefined;
  const steps: unknown[] = Array.isArray(inner) ? inner : [postProcessor];
  const template = steps.find((step) => isObject(step) && step["type"] === "TemplateProcessing");
  if (!isObject(template) || !Array.isArray(template["single"])) return [];
  const tokens = template["special_tokens"];
  const start: number[] = [];
  for (const piece of template["single"] as unknown[]) {
    const token = isObject(piece) ? piece["SpecialToken"] : undefined;
    if (!isObject(token)) break;
    const entry = isObject(tokens) ? tokens[String(token["id"])] : undefined;
    const ids = isObject(entry) && Array.isArray(entry["ids"]) ? (entry["ids"] as unknown[]) : [];
    start.push(...ids.filter((id) => typeof id === "number"));
  }
  return start;
}
