import type { LineIndex } from "../retrieve/line-index.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Completion, CompletionRequest } from "./completion.ts";
import type { CodeMemory } from "./code-memory.ts";
import { createCopyPrior, type CopyPrior, type CopyWeight } from "./copy-prior.ts";
import { decode, type Decoded, NO_DOUBT } from "./decode.ts";
import { createDraft } from "./draft.ts";
import { healPrefix } from "./healing.ts";
import { linesLike, readLines } from "./line-options.ts";
import { logProbabilityOf } from "./logits.ts";
import { greedyChoice, likeliest, type ChoiceContext, type TokenChoice } from "./next-token.ts";
import { sampledChoice } from "./sampling.ts";
import { writtenTokens } from "./written-tokens.ts";
import { watchChoices } from "./other-way.ts";
import { buildPrompt, SERVING_BUDGET, type Prompt } from "./prompt.ts";
import { rememberedLine } from "./remembered-line.ts";
import { repeatsLineAbove, trimCompletion } from "./stop.ts";
import type { TokenReader } from "./token-reader.ts";

/** Turns requests into completions with one reader. One call at a time. */
export interface Generator {
  /** Greedy completion. An aborted signal ends it as `cancelled`. */
  complete(request: CompletionRequest, signal: AbortSignal, options?: WriteOptions): Promise<Completion>;
  /**
   * At most `count` different completions, the most probable first: each begins with another of the most
   * likely first tokens and goes on greedily. Empty when the signal ended it.
   */
  candidates(
    request: CompletionRequest,
    count: number,
    signal: AbortSignal,
    options?: WriteOptions,
  ): Promise<readonly Completion[]>;
  score(request: CompletionRequest, completion: string, options?: Pick<WriteOptions, "memory">): Promise<TextScore>;
}

/** Negative log-likelihood of a text, summed over its tokens. */
export interface TextScore {
  /** Of the model alone. */
  readonly nats: number;
  /** As it is served: mixed with what is copied from the visible and the remembered code. */
  readonly servedNats: number;
  readonly nTokens: number;
}

/** Told the text after each token, as it would be shown if that were the last; a later text may be shorter. */
export type OnText = (text: string) => void;

/** Code of a repository that was seen before, as tokens and as lines. */
export interface RepositoryMemory {
  readonly tokens: CodeMemory;
  readonly lines: LineIndex;
}

export interface WriteOptions {
  /** Told the text as it grows. */
  readonly onText?: OnText;
  /** Code beside the prompt to copy from, such as all examples of the workspace folder. */
  readonly memory?: RepositoryMemory | null;
}

export interface GeneratorOptions {
  readonly tokenizer: Tokenizer;
  readonly reader: TokenReader;
  readonly contextTokens: number;
  readonly copyPriorWeights: readonly CopyWeight[];
  readonly memoryPriorWeights: readonly CopyWeight[];
  /** Weights of `line-choice.ts`; empty for a model that always writes what is likeliest token by token. */
  readonly lineChoiceWeights: readonly number[];
  /** Guess tokens from the prompt and read them ahead. */
  readonly speculation: "prompt-lookup" | "none";
  /** Version of the adapter that the reader reads with. */
  adapter(): string | null;
}

/** Ways to go on that are tried before the suggestion is none. */
const MAX_ATTEMPTS = 3;

const NOTHING: Decoded = { text: "", finish: "stop", ids: [], logProbability: 0, doubt: NO_DOUBT };

export function createGenerator(options: GeneratorOptions): Generator {
  const { tokenizer, reader, contextTokens, copyPriorWeights, memoryPriorWeights, lineChoiceWeights } = options;

  function prepare(request: CompletionRequest, nMore: number): { prompt: Prompt; owed: string } {
    const { kept, owed } = healPrefix(request.prefix, tokenizer);
    const total = Math.min(SERVING_BUDGET.total, contextTokens - nMore);
    return { prompt: buildPrompt(tokenizer, { ...request, prefix: kept }, { ...SERVING_BUDGET, total }), owed };
  }

  function priorOf({ visible }: Prompt, memory: RepositoryMemory | null): CopyPrior | null {
    const isUsed = memory !== null && memoryPriorWeights.length > 0;
    const remembered = isUsed ? { memory: memory.tokens, weights: memoryPriorWeights } : null;
    if (copyPriorWeights.length === 0 && remembered === null) return null;
    return createCopyPrior(visible.elsewhere, copyPriorWeights, remembered);
  }

  const contextOf = (prompt: Prompt, owed: string, memory: RepositoryMemory | null): ChoiceContext => ({
    tokenizer,
    owed,
    prefixIds: prompt.visible.prefix,
    prior: priorOf(prompt, memory),
  });

  const write = (
    request: CompletionRequest,
    prompt: Prompt,
    context: ChoiceContext,
    firstLogits: Float32Array,
    signal: AbortSignal,
    how: { readonly begun: readonly number[]; readonly choose: TokenChoice; onText?(text: string): void },
  ): Promise<Decoded> =>
    decode({
      ...how,
      tokenizer,
      request,
      owed: context.owed,
      firstLogits,
      draft: options.speculation === "none" ? null : createDraft(prompt.ids),
      read: (nKept, ids) => reader.readAfter(prompt.ids.length + nKept, ids),
      signal,
    });

  /** Writes something other than the line above once more, or nothing. */
  async function writeNew(
    request: CompletionRequest,
    prompt: Prompt,
    owed: string,
    firstLogits: Float32Array,
    signal: AbortSignal,
    { onText, memory }: WriteOptions,
  ): Promise<Decoded> {
    const context = contextOf(prompt, owed, memory ?? null);
    let logits: Float32Array | null = firstLogits;
    let begun: readonly number[] | null = [];
    let decoded: Decoded = NOTHING;
    for (let attempt = 0; attempt < MAX_ATTEMPTS && logits && begun; attempt++) {
      const watched = watchChoices(context, choiceOf(request, context), begun);
      decoded = await write(request, prompt, context, logits, signal, {
        begun,
        choose: watched.choose,
        ...(onText && { onText }),
      });
      if (signal.aborted || !repeatsLineAbove(decoded.text, request.prefix)) return decoded;
      begun = watched.otherWay();
      logits = await reader.prefill(prompt.ids, signal);
    }
    return { ...decoded, text: "" };
  }

  /** What was written, or a remembered line in its place, from which a block goes on. */
  async function writeOrRemember(
    request: CompletionRequest,
    prompt: Prompt,
    owed: string,
    firstLogits: Float32Array,
    signal: AbortSignal,
    options: WriteOptions,
  ): Promise<Decoded> {
    const { memory } = options;
    // Who draws wants what the model would write, not the one best line.
    const isAlone = !memory || lineChoiceWeights.length === 0 || request.sampling !== undefined;
    // Writing changes them.
    const first = isAlone ? firstLogits : firstLogits.slice();
    const written = await writeNew(request, prompt, owed, firstLogits, signal, options);
    if (isAlone || signal.aborted) return written;
    const context = contextOf(prompt, owed, memory);
    const reading = readLines(reader, prompt, first, context);
    const line = await rememberedLine({
      request,
      written,
      found: linesLike(request, memory.lines),
      reading,
      encode: (text) => tokenizer.encode(`${owed}${text}\n`),
      weights: lineChoiceWeights,
      signal,
    });
    if (line === null || request.lines === "single") return line ?? written;
    const logits = await reader.prefill(prompt.ids, signal);
    if (logits === null) return written;
    const choose = greedyChoice(context);
    const block = await write(request, prompt, context, logits, signal, { begun: line.ids, choose });
    return { ...block, ...(line.copiedFrom !== undefined && { copiedFrom: line.copiedFrom }) };
  }

  function completed(
    request: CompletionRequest,
    prompt: Prompt,
    decoded: Decoded | null,
    times: { readonly prefillMs: number; readonly decodeMs: number },
  ): Completion {
    const nTokens = decoded?.ids.length ?? 0;
    const text = decoded ? trimCompletion(decoded.text, request.suffix) : "";
    return {
      text,
      finish: decoded?.finish ?? "cancelled",
      meanLogProbability: decoded && nTokens > 0 ? decoded.logProbability / nTokens : 0,
      ...(decoded && nTokens > 0 ? { doubt: decoded.doubt } : {}),
      nPromptTokens: prompt.ids.length,
      nTokens,
      ...times,
      adapter: options.adapter(),
      nExamplesUsed: prompt.nExamplesUsed,
      ...(decoded?.copiedFrom !== undefined && { copiedFrom: decoded.copiedFrom }),
      ...(decoded &&
        request.nLikely !== undefined && {
          tokens: writtenTokens(tokenizer, decoded, text, healPrefix(request.prefix, tokenizer).owed.length),
        }),
    };
  }

  return {
    async complete(request, signal, writing = {}) {
      const startedAt = performance.now();
      if (signal.aborted) return cancelled(options.adapter());
      const { prompt, owed } = prepare(request, request.maxTokens);
      const firstLogits = await reader.prefill(prompt.ids, signal);
      const decodeFrom = performance.now();
      const decoded = firstLogits ? await writeOrRemember(request, prompt, owed, firstLogits, signal, writing) : null;
      const times = { prefillMs: decodeFrom - startedAt, decodeMs: performance.now() - decodeFrom };
      if (!signal.aborted) return completed(request, prompt, decoded, times);
      const nTokens = decoded?.ids.length ?? 0;
      return { ...completed(request, prompt, null, times), nTokens };
    },

    async candidates(request, count, signal, { memory } = {}) {
      const startedAt = performance.now();
      if (signal.aborted) return [];
      const { prompt, owed } = prepare(request, request.maxTokens);
      const firstLogits = await reader.prefill(prompt.ids, signal);
      const prefillMs = performance.now() - startedAt;
      if (!firstLogits) return [];
      const context = contextOf(prompt, owed, memory ?? null);
      const choose = greedyChoice(context);
      choose(firstLogits, { ids: [], text: "" });
      const made = new Map<string, Completion>();
      for (const firstId of likeliest(context, firstLogits, count)) {
        const decodeFrom = performance.now();
        const decoded = await write(request, prompt, context, firstLogits, signal, { begun: [firstId], choose });
        if (signal.aborted) return [];
        const times = { prefillMs, decodeMs: performance.now() - decodeFrom };
        const completion = completed(request, prompt, decoded, times);
        if (repeatsLineAbove(completion.text, request.prefix)) continue;
        if (completion.text !== "" && !made.has(completion.text)) made.set(completion.text, completion);
      }
      return [...made.values()].toSorted((a, b) => b.meanLogProbability - a.meanLogProbability);
    },

    async score(request, completion, { memory } = {}) {
      const { owed } = healPrefix(request.prefix, tokenizer);
      const target = tokenizer.encode(owed + completion).slice(0, contextTokens / 2);
      const { prompt } = prepare(request, target.length);
      const ids = [...prompt.ids, ...target.slice(0, -1)];
      const logits = await reader.readAll(ids, target.length);
      const prior = priorOf(prompt, memory ?? null);
      const { prefix } = prompt.visible;
      const nats = target.map((id, i) => -logProbabilityOf(logits[i]!, id));
      const served = (id: number, i: number): number =>
        prior === null ? nats[i]! : -prior.logProbability(logits[i]!, [...prefix, ...target.slice(0, i)], id);
      return { nats: sumOf(nats), servedNats: sumOf(target.map(served)), nTokens: target.length };
    },
  };
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

const choiceOf = ({ sampling }: CompletionRequest, context: ChoiceContext): TokenChoice =>
  sampling ? sampledChoice(context, sampling) : greedyChoice(context);

const cancelled = (adapter: string | null): Completion => ({
  text: "",
  finish: "cancelled",
  meanLogProbability: 0,
  nPromptTokens: 0,
  nTokens: 0,
  prefillMs: 0,
  decodeMs: 0,
  adapter,
  nExamplesUsed: 0,
});
