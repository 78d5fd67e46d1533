import type { CompletionRequest } from "../../../engine/generate/completion.ts";
import type { PreparedRequest, Retrieval } from "../../../engine/process/messages.ts";
import type { Dialect } from "../../../engine/tokenizer/dialect.ts";
import { keptChoice } from "../../../protocol/openai.ts";
import { z } from "zod";

/** How model servers are asked to fill in the middle. */
export const PROTOCOLS = ["kept", "infill", "suffix", "markers"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface EndpointModel {
  readonly protocol: Protocol;
  /** Name that the server calls it by. */
  readonly name: string;
  readonly dialect: Dialect["name"];
}

export interface EndpointCall {
  readonly route: `/${string}`;
  readonly body: unknown;
}

/** What a server wrote, before it is cut off where a suggestion ends. */
export interface Written {
  readonly text: string;
  readonly isCut: boolean;
  /** Natural-log probabilities of its tokens; empty where the server says none. */
  readonly logProbabilities: readonly number[];
  readonly nPromptTokens: number;
  readonly nTokens: number;
  /** Only Kept's own server says these: then the text is the suggestion. */
  readonly kept?: z.infer<typeof keptChoice> | undefined;
}

const modelList = z.looseObject({
  data: z.array(z.looseObject({ id: z.string(), owned_by: z.string().nullish() })).min(1),
});

/** The model and the way to ask it, from `GET /v1/models`; what the person set comes first. Null when it is no list. */
export function modelOf(
  answer: unknown,
  wanted: { readonly model: string; readonly protocol: Protocol | "auto" },
): EndpointModel | null {
  const list = modelList.safeParse(answer);
  if (!list.success) return null;
  const entry = list.data.data.find(({ id }) => id === wanted.model) ?? list.data.data[0]!;
  const name = wanted.model === "" ? entry.id : wanted.model;
  const dialect = dialectFor(name);
  const usual: Protocol = PROTOCOL_OF_OWNER[entry.owned_by ?? ""] ?? (dialect === "none" ? "suffix" : "markers");
  return { name, dialect, protocol: wanted.protocol === "auto" ? usual : wanted.protocol };
}

/**
 * What servers call themselves in their lists: llama.cpp, Ollama (its library) and Kept take parts, not markers. vLLM
 * refuses `suffix` for most models: without markers it is asked for what follows.
 */
const PROTOCOL_OF_OWNER: Readonly<Record<string, Protocol>> = {
  kept: "kept",
  llamacpp: "infill",
  library: "suffix",
  vllm: "markers",
};

const FAMILIES: readonly (readonly [RegExp, Dialect["name"]])[] = [
  [/qwen|kept/i, "qwen2.5-coder"],
  [/starcoder|granite/i, "starcoder2"],
  [/code-?llama/i, "code-llama"],
  [/deepseek/i, "deepseek-coder"],
  [/codestral|mistral/i, "mistral"],
];

const dialectFor = (name: string): Dialect["name"] => FAMILIES.find(([family]) => family.test(name))?.[1] ?? "none";

/** What is sent for a request. Greedy everywhere: the same text for the same prompt. */
export function callFor(
  { protocol, name }: EndpointModel,
  request: CompletionRequest,
  prepared: PreparedRequest,
  retrieve: Retrieval | undefined,
): EndpointCall {
  const { maxTokens, prefix, suffix, path, repository, head, lines } = request;
  const common = { model: name, max_tokens: maxTokens, temperature: 0, seed: 0, stream: false };
  const stop = lines === "single" ? { stop: ["\n"] } : {};
  switch (protocol) {
    case "kept": {
      const memory = retrieve
        ? { language: retrieve.language, root: retrieve.root, limit: Math.min(16, retrieve.limit) }
        : {};
      const examples = prepared.examples.map(({ path, text }) => ({ path, text }));
      const kept = {
        path,
        repository,
        lines,
        ...(head === undefined ? {} : { head: head.slice(0, 64_000) }),
        ...memory,
        examples,
      };
      return { route: "/v1/completions", body: { ...common, prompt: prefix, suffix, kept } };
    }
    case "infill":
      return {
        route: "/infill",
        body: {
          input_prefix: prefix,
          input_suffix: suffix,
          input_extra: prepared.examples
            .slice(prepared.examples.length - prepared.nInText)
            .map((one) => ({ filename: one.path, text: `${one.text}\n` })),
          prompt: "",
          n_predict: maxTokens,
          temperature: 0,
          seed: 0,
          n_probs: 1,
          cache_prompt: true,
          stream: false,
        },
      };
    case "suffix":
      return { route: "/v1/completions", body: { ...common, prompt: prepared.text, suffix, logprobs: 1, ...stop } };
    case "markers":
      return { route: "/v1/completions", body: { ...common, prompt: prepared.text, logprobs: 1, ...stop } };
  }
}

/** The dialect of the prompt's text: markers only where the server does not write them itself. */
export const textDialect = ({ protocol, dialect }: EndpointModel): Dialect["name"] =>
  protocol === "markers" ? dialect : "none";

const completionAnswer = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        text: z.string(),
        finish_reason: z.string().nullish(),
        logprobs: z
          .looseObject({
            token_logprobs: z.array(z.number().nullable()).nullish(),
            // llama.cpp answers them as in chats.
            content: z.array(z.looseObject({ logprob: z.number().nullish() })).nullish(),
          })
          .nullish(),
        kept: keptChoice.optional(),
      }),
    )
    .min(1),
  usage: z.looseObject({ prompt_tokens: z.number().nullish(), completion_tokens: z.number().nullish() }).nullish(),
});

const infillAnswer = z.looseObject({
  content: z.string(),
  stop_type: z.string().nullish(),
  tokens_evaluated: z.number().nullish(),
  tokens_predicted: z.number().nullish(),
  completion_probabilities: z.array(z.looseObject({ logprob: z.number().nullish() })).nullish(),
});

/** Reads an answer of the protocol; null when it has another shape. */
export function writtenIn(protocol: Protocol, answer: unknown): Written | null {
  if (protocol === "infill") {
    const read = infillAnswer.safeParse(answer);
    if (!read.success) return null;
    const { content, stop_type, tokens_evaluated, tokens_predicted, completion_probabilities } = read.data;
    return {
      text: content,
      isCut: stop_type === "limit",
      logProbabilities: (completion_probabilities ?? []).flatMap(({ logprob }) => finite(logprob)),
      nPromptTokens: count(tokens_evaluated),
      nTokens: count(tokens_predicted),
    };
  }
  const read = completionAnswer.safeParse(answer);
  if (!read.success) return null;
  const { text, finish_reason, logprobs, kept } = read.data.choices[0]!;
  return {
    text,
    isCut: finish_reason === "length",
    logProbabilities: (logprobs?.token_logprobs ?? logprobs?.content?.map(({ logprob }) => logprob) ?? []).flatMap(
      finite,
    ),
    nPromptTokens: count(read.data.usage?.prompt_tokens),
    nTokens: count(read.data.usage?.completion_tokens),
    ...(protocol === "kept" ? { kept } : {}),
  };
}

const finite = (value: number | null | undefined): number[] =>
  typeof value === "number" && Number.isFinite(value) ? [Math.min(0, value)] : [];
const count = (value: number | null | undefined): number => Math.max(0, Math.trunc(value ?? 0)) || 0;
