import { modelPage, modelVersionRow } from "./api.ts";
import { z } from "zod";

/**
 * OpenAI's text completions, as other editors ask for them. Fields that are not named here are accepted and
 * have no effect; those that would change the answer and are not supported are refused by name.
 */

/** Longest prompt and suffix, characters: the model sees the last and the first of them anyway. */
const MAX_TEXT_CHARS = 400_000;
const text = z.string().max(MAX_TEXT_CHARS);

/** What a suggestion of the editor knows beside the text: Kept's own clients send it. */
export const keptContext = z.object({
  /** Path of the file in its repository. */
  path: z.string().max(4_096).default(""),
  repository: z.string().max(256).default(""),
  language: z.string().max(64).default(""),
  /** The file's beginning, where the prompt does not reach it. */
  head: z.string().max(64_000).optional(),
  lines: z.enum(["single", "block"]).optional(),
  /** Excerpts for the prompt, the most useful last. */
  examples: z
    .array(z.object({ path: z.string().max(4_096), text: z.string().max(64_000) }))
    .max(64)
    .optional(),
  /** Workspace folder whose examples on the server are remembered, and looked up unless `examples` are given. */
  root: z.string().max(4_096).optional(),
  /** Most examples that are looked up. */
  limit: z.int().min(0).max(16).default(3),
});
export type KeptContext = z.infer<typeof keptContext>;

export const completionBody = z.looseObject({
  model: z.string().max(200).default("kept"),
  prompt: z.union([text, z.array(text).min(1).max(16)]),
  /** What follows the cursor: the server makes a fill-in-the-middle prompt of both. */
  suffix: text.nullish(),
  max_tokens: z.int().min(1).nullish(),
  /** 0, the default, takes the likeliest tokens. */
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.int().nullish(),
  n: z.int().min(1).max(8).nullish(),
  stop: z.union([z.string().min(1).max(256), z.array(z.string().min(1).max(256)).max(8)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  logprobs: z.int().min(0).max(5).nullish(),
  echo: z.literal(false, { error: "is not supported" }).nullish(),
  best_of: z.literal(1, { error: "is not supported: ask for n" }).nullish(),
  presence_penalty: z.literal(0, { error: "is not supported" }).nullish(),
  frequency_penalty: z.literal(0, { error: "is not supported" }).nullish(),
  logit_bias: z.strictObject({}, { error: "is not supported" }).nullish(),
  kept: keptContext.optional(),
});
export type CompletionBody = z.infer<typeof completionBody>;

export const completionLogprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number()),
  top_logprobs: z.array(z.record(z.string(), z.number())),
  /** UTF-16 offsets into the choice's text. */
  text_offset: z.array(z.int()),
});

export const completionUsage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
});

/** Where the model was least sure: natural-log probabilities, and how many tokens were less likely than even odds. */
const modelDoubt = z.object({
  lowest: z.number(),
  second: z.number(),
  third: z.number(),
  first: z.number(),
  last: z.number(),
  unlikely: z.int(),
});

/** What Kept's own clients read of a choice: what an event of a suggestion says of the model. */
export const keptChoice = z.object({
  /** sha256 of the base model. */
  base: z.string(),
  adapter: z.string().nullable(),
  mean_log_probability: z.number(),
  doubt: modelDoubt.optional(),
  example_ids: z.array(z.string()),
  examples_used: z.int(),
  prefill_ms: z.number(),
  decode_ms: z.number(),
});

export const textCompletion = z.object({
  id: z.string(),
  object: z.literal("text_completion"),
  /** Unix time, seconds. */
  created: z.int(),
  model: z.string(),
  system_fingerprint: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      text: z.string(),
      logprobs: completionLogprobs.nullable(),
      finish_reason: z.enum(["stop", "length"]).nullable(),
      kept: keptChoice.optional(),
    }),
  ),
  usage: completionUsage.nullish(),
});
export type TextCompletion = z.infer<typeof textCompletion>;

export const openAiModel = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
});
export type OpenAiModel = z.infer<typeof openAiModel>;

/** `GET /v1/models`: what can be asked for, in OpenAI's list, beside the versions. */
export const servedModelPage = modelPage.extend({ object: z.literal("list"), data: z.array(openAiModel) });
/** `GET /v1/models/:id`: a version, which is one of OpenAI's models too, or one of the names that move. */
export const servedModel = z.union([openAiModel.extend(modelVersionRow.shape), openAiModel]);
