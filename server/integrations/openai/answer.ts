import type { WrittenToken } from "../../../engine/generate/completion.ts";
import type { LoadedModel, ServedCompletion } from "../../../engine/process/messages.ts";
import type { CompletionBody, OpenAiModel, TextCompletion } from "../../../protocol/openai.ts";
import type { Problem } from "../../../protocol/api.ts";
import { untilStop } from "./asked.ts";

export type Choice = TextCompletion["choices"][number];

/** What an answer says of itself, before there is any text. */
export function answerHead(
  id: string,
  createdMs: number,
  body: CompletionBody,
  model: LoadedModel,
  version: string | null,
): Omit<TextCompletion, "choices" | "usage"> {
  return {
    id: `cmpl-${id}`,
    object: "text_completion",
    created: Math.floor(createdMs / 1_000),
    model: body.model,
    system_fingerprint: `kept-${model.sha256.slice(0, 12)}-${version ?? "base"}`,
  };
}

/** A choice, cut off where the request says so; tokens behind the cut are left out with their text. */
export function choiceOf(
  completion: ServedCompletion,
  index: number,
  stops: readonly string[],
  model: LoadedModel,
): Choice {
  const { text, isStopped } = untilStop(completion.text, stops);
  return {
    index,
    text,
    logprobs: completion.tokens ? logprobsOf(completion.tokens, text.length) : null,
    finish_reason: completion.finish === "length" && !isStopped ? "length" : "stop",
    kept: {
      base: model.sha256,
      adapter: completion.adapter,
      mean_log_probability: completion.meanLogProbability,
      ...(completion.doubt ? { doubt: completion.doubt } : {}),
      example_ids: [...completion.exampleIds],
      examples_used: completion.nExamplesUsed,
      prefill_ms: completion.prefillMs,
      decode_ms: completion.decodeMs,
    },
  };
}

/** Tokens read once for each prompt, and written for each choice. */
export function usageOf(prompts: readonly (readonly ServedCompletion[])[]): NonNullable<TextCompletion["usage"]> {
  const read = prompts.reduce((sum, [first]) => sum + (first?.nPromptTokens ?? 0), 0);
  const written = prompts.flat().reduce((sum, { nTokens }) => sum + nTokens, 0);
  return { prompt_tokens: read, completion_tokens: written, total_tokens: read + written };
}

function logprobsOf(tokens: readonly WrittenToken[], length: number): NonNullable<Choice["logprobs"]> {
  const shown: WrittenToken[] = [];
  const offsets: number[] = [];
  let at = 0;
  for (const token of tokens) {
    if (at >= length) break;
    offsets.push(at);
    shown.push({ ...token, text: token.text.slice(0, length - at) });
    at += token.text.length;
  }
  return {
    tokens: shown.map(({ text }) => text),
    token_logprobs: shown.map(({ logProbability }) => logProbability),
    top_logprobs: shown.map(({ likely }) =>
      Object.fromEntries(likely.toReversed().map(({ text, logProbability }) => [text, logProbability])),
    ),
    text_offset: offsets,
  };
}

/** The names that can be asked for: what serves, the base model alone, and every version. */
export const MOVING_NAMES = ["kept", "kept-base"] as const;

export function openAiModels(versions: readonly { readonly id: string; readonly createdAt: string }[]): OpenAiModel[] {
  return [
    ...MOVING_NAMES.map((id) => toModel(id, 0)),
    ...versions.map(({ id, createdAt }) => toModel(id, Math.floor(Date.parse(createdAt) / 1_000))),
  ];
}

export const toModel = (id: string, created: number): OpenAiModel => ({
  id,
  object: "model",
  created,
  owned_by: "kept",
});

/** OpenAI's form of a failure, which its clients read. */
export const errorEnvelope = ({ status, code, title, detail }: Problem) => ({
  message: detail ?? title,
  type: ERROR_TYPES[status] ?? (status >= 500 ? "server_error" : "invalid_request_error"),
  // The first word of a detail about a field is the field's name.
  param: code === "invalid" ? (/^([\w.]+): /.exec(detail ?? "")?.[1] ?? null) : null,
  code: code === "not-found" ? "model_not_found" : code,
});

const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  429: "rate_limit_error",
};
