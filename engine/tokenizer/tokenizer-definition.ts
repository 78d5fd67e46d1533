import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../engine-error.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/** A parsed `tokenizer.json`: checked where Kept reads it, the rest for the library. */
export interface TokenizerFile {
  readonly definition: Readonly<Record<string, unknown>>;
  readonly added: readonly AddedToken[];
  readonly vocab: Readonly<Record<string, number>>;
}

/** The largest in use have 35 MB. */
const MAX_TOKENIZER_BYTES = 64 * 2 ** 20;
const MAX_SETTINGS_BYTES = 2 ** 20;

/** More tokens than any vocabulary, so that a hostile id allocates nothing. */
const MAX_TOKEN_ID = 2 ** 22;

/** Read `tokenizer.json` of a model folder. Throws tokenizer-invalid. */
export function readTokenizerFile(folder: string): TokenizerFile {
  const definition = readObject(folder, "tokenizer.json", MAX_TOKENIZER_BYTES);
  const model = definition["model"];
  const vocab = isObject(model) ? model["vocab"] : undefined;
  if (!isObject(model) || model["type"] !== "BPE" || !isObject(vocab))
    throw invalid(folder, "has no byte pair encoding (model.type BPE with a vocabulary)");
  for (const [token, id] of Object.entries(vocab))
    if (!isTokenId(id)) throw invalid(folder, `gives ${JSON.stringify(token.slice(0, 40))} no proper id`);
  const added = definition["added_tokens"] ?? [];
  if (!Array.isArray(added)) throw invalid(folder, "has added_tokens that are no list");
  return {
    definition,
    vocab: vocab as Record<string, number>,
    added: added.map((token: unknown) => {
      if (
        !isObject(token) ||
        !isTokenId(token["id"]) ||
        typeof token["content"] !== "string" ||
        token["content"] === ""
      )
        throw invalid(folder, "has an added token without a proper id or text");
      return { id: token["id"], content: token["content"], special: token["special"] === true };
    }),
  };
}

/**
 * Read a JSON object beside `tokenizer.json`; empty when there is none. Throws tokenizer-invalid for a damaged
 * one, unless that is to be ignored.
 */
export function readSettings(
  folder: string,
  name: string,
  damage: "refuse damage" | "ignore damage" = "refuse damage",
): Readonly<Record<string, unknown>> {
  if (!existsSync(path.join(folder, name))) return {};
  try {
    return readObject(folder, name, MAX_SETTINGS_BYTES);
  } catch (error) {
    if (damage === "refuse damage") throw error;
    return {};
  }
}

function readObject(folder: string, name: string, maxBytes: number): Record<string, unknown> {
  const file = path.join(folder, name);
  if (!existsSync(file)) throw new EngineError("tokenizer-invalid", `There is no ${name} in ${folder}.`);
  if (statSync(file).size > maxBytes)
    throw new EngineError("tokenizer-invalid", `${name} in ${folder} is larger than ${maxBytes / 2 ** 20} MB.`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file)));
  } catch {
    // The parser's own message would quote the file.
    throw new EngineError("tokenizer-invalid", `${name} in ${folder} is not JSON.`);
  }
  if (!isObject(value)) throw new EngineError("tokenizer-invalid", `${name} in ${folder} is not an object.`);
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTokenId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < MAX_TOKEN_ID;
}

const invalid = (folder: string, what: string) =>
  new EngineError("tokenizer-invalid", `tokenizer.json in ${folder} ${what}.`);
