import type { CompletionRequest } from "../../../engine/generate/completion.ts";
import type { Retrieval } from "../../../engine/process/messages.ts";
import type { CompletionBody } from "../../../protocol/openai.ts";

/** A prompt of a request, as the engine takes it. */
export interface AskedPrompt {
  readonly request: CompletionRequest;
  readonly retrieve: Retrieval | null;
}

/** As many as an editor asks for where nothing is said, and the most that make sense in the model's context. */
const DEFAULT_TOKENS = 64;
const MAX_TOKENS = 1_024;

/**
 * What the engine is asked for each prompt of a body. The prompt stands before the cursor and the suffix behind
 * it: the markers of fill-in-the-middle are the engine's to write, and text that looks like one stays text.
 */
export function askedPrompts(body: CompletionBody): readonly AskedPrompt[] {
  const prompts = typeof body.prompt === "string" ? [body.prompt] : body.prompt;
  return prompts.map((prompt) => ({ request: requestOf(body, prompt), retrieve: retrievalOf(body) }));
}

/** The seed of choice `index`: the first has the seed of the request itself. */
export function withSeedOf(request: CompletionRequest, index: number): CompletionRequest {
  const { sampling } = request;
  return sampling ? { ...request, sampling: { ...sampling, seed: sampling.seed + index } } : request;
}

/** Texts that end a completion. */
export const stopsOf = ({ stop }: CompletionBody): readonly string[] =>
  stop === undefined || stop === null ? [] : typeof stop === "string" ? [stop] : stop;

/** A text up to the first of the stops in it. */
export function untilStop(
  text: string,
  stops: readonly string[],
): { readonly text: string; readonly isStopped: boolean } {
  const ends = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return ends.length === 0 ? { text, isStopped: false } : { text: text.slice(0, Math.min(...ends)), isStopped: true };
}

function requestOf(body: CompletionBody, prompt: string): CompletionRequest {
  const { kept } = body;
  const temperature = body.temperature ?? 0;
  const sampling = { temperature, topP: body.top_p ?? 1, seed: body.seed ?? 0 };
  return {
    prefix: prompt,
    suffix: body.suffix ?? "",
    path: kept?.path ?? "",
    repository: kept?.repository ?? "",
    examples: kept?.examples ?? [],
    ...(kept?.head === undefined ? {} : { head: kept.head }),
    maxTokens: Math.min(body.max_tokens ?? DEFAULT_TOKENS, MAX_TOKENS),
    // Who stops at a line's end wants no more than that line.
    lines: kept?.lines ?? (stopsOf(body).includes("\n") ? "single" : "block"),
    ...(temperature > 0 ? { sampling } : {}),
    ...(body.logprobs === undefined || body.logprobs === null ? {} : { nLikely: body.logprobs }),
  };
}

function retrievalOf({ kept }: CompletionBody): Retrieval | null {
  if (kept?.root === undefined) return null;
  const limit = kept.examples === undefined ? kept.limit : 0;
  return { language: kept.language, root: kept.root, limit, remembers: kept.examples !== undefined && kept.limit > 0 };
}
