import type { Precision } from "../architectures/inference-weights.ts";
import { loadCheckpoint } from "../checkpoint/checkpoint.ts";
import { readAdapter } from "../lora/adapter.ts";
import type { LoadedModel } from "../process/messages.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Completion, CompletionRequest } from "./completion.ts";
import { createCopyPrior, type CopyPrior } from "./copy-prior.ts";
import { decode } from "./decode.ts";
import { readGenerationConfig } from "./generation-config.ts";
import { openDecoderSessions } from "./decoder-sessions.ts";
import { healPrefix } from "./healing.ts";
import { logProbabilityOf } from "./logits.ts";
import { greedyChoice } from "./next-token.ts";
import { buildPrompt, SERVING_BUDGET, type VisibleCode } from "./prompt.ts";
import { trimCompletion } from "./stop.ts";
import { createTokenReader } from "./token-reader.ts";

/** A loaded model that completes code. Requests are served one after the other, in order. */
export interface Model {
  readonly info: LoadedModel;
  readonly tokenizer: Tokenizer;
  /** Greedy completion. An aborted signal ends it within one run of the graph, as `cancelled`. */
  complete(request: CompletionRequest, signal: AbortSignal): Promise<Completion>;
  /** Swap the adapter between two requests. Throws adapter-invalid or adapter-mismatch and keeps the old one. */
  setAdapter(adapter: { version: string; dir: string } | null): Promise<void>;
  /** Negative log-likelihood of a given completion, in nats, summed over its tokens and those that healing owes. */
  scoreCompletion(request: CompletionRequest, completion: string): Promise<{ nats: number; nTokens: number }>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ModelOptions {
  readonly threads: number;
  /** What the graph multiplies in; `auto`, the default, is int8 for all but toy models. */
  readonly precision?: Precision | "auto";
}

/** Below this many parameters int8 saves nothing that anyone would notice. */
const MIN_INT8_PARAMETERS = 1_000_000;

/** Longest context served, whatever the checkpoint allows: the cache is allocated for all of it. */
const MAX_CONTEXT_TOKENS = 2_048;

/** Load a model folder. Throws EngineError with model-not-found, model-unsupported, checkpoint-invalid or tokenizer-invalid. */
export async function openModel(modelDir: string, options: ModelOptions): Promise<Model> {
  const checkpoint = loadCheckpoint(modelDir);
  const config = { ...checkpoint.config, contextTokens: Math.min(checkpoint.config.contextTokens, MAX_CONTEXT_TOKENS) };
  const tokenizer = loadTokenizer(modelDir);
  const { nParameters } = checkpoint;
  const precision = choosePrecision(options.precision ?? "auto", nParameters);
  const sessions = await openDecoderSessions(config, checkpoint.weights, {
    threads: options.threads,
    precision,
    nParameters,
  });
  const { copyPriorWeights } = readGenerationConfig(modelDir);
  const priorOf = ({ elsewhere }: VisibleCode): CopyPrior | null =>
    copyPriorWeights.length > 0 ? createCopyPrior(elsewhere, copyPriorWeights) : null;
  const reader = createTokenReader(config, await sessions.decoderFor(null));
  let adapterVersion: string | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };

  async function generate(request: CompletionRequest, signal: AbortSignal): Promise<Completion> {
    const startedAt = performance.now();
    const total = Math.min(SERVING_BUDGET.total, config.contextTokens - request.maxTokens);
    const { kept, owed } = healPrefix(request.prefix);
    const prompt = buildPrompt(tokenizer, { ...request, prefix: kept }, { ...SERVING_BUDGET, total });
    const firstLogits = await reader.prefill(prompt.ids, signal);
    const decodeFrom = performance.now();
    const decoded = firstLogits
      ? await decode({
          tokenizer,
          request,
          owed,
          firstLogits,
          choose: greedyChoice({ tokenizer, owed, prefixIds: prompt.visible.prefix, prior: priorOf(prompt.visible) }),
          next: (id) => reader.read([id], [0]),
          signal,
        })
      : null;
    const nTokens = decoded?.ids.length ?? 0;
    const finish = signal.aborted || !decoded ? "cancelled" : decoded.finish;
    return {
      text: finish === "cancelled" ? "" : trimCompletion(decoded!.text, request.suffix),
      finish,
      meanLogProbability: nTokens > 0 ? decoded!.logProbability / nTokens : 0,
      nPromptTokens: prompt.ids.length,
      nTokens,
      prefillMs: decodeFrom - startedAt,
      decodeMs: performance.now() - decodeFrom,
      adapter: adapterVersion,
      nExamplesUsed: prompt.nExamplesUsed,
    };
  }

  async function score(request: CompletionRequest, completion: string): Promise<{ nats: number; nTokens: number }> {
    const { kept, owed } = healPrefix(request.prefix);
    const target = tokenizer.encode(owed + completion).slice(0, config.contextTokens / 2);
    const total = Math.min(SERVING_BUDGET.total, config.contextTokens - target.length);
    const prompt = buildPrompt(tokenizer, { ...request, prefix: kept }, { ...SERVING_BUDGET, total });
    const ids = [...prompt.ids, ...target.slice(0, -1)];
    const rows = target.map((_, i) => prompt.ids.length - 1 + i);
    reader.clear();
    const logits = await reader.read(ids, rows);
    const { vocabSize } = config;
    let nats = 0;
    target.forEach((id, i) => (nats -= logProbabilityOf(logits.subarray(i * vocabSize, (i + 1) * vocabSize), id)));
    return { nats, nTokens: target.length };
  }

  return {
    info: {
      name: checkpoint.name,
      sha256: checkpoint.sha256,
      nParameters,
      contextTokens: config.contextTokens,
    },
    tokenizer,
    complete: (request, signal) => inTurn(() => generate(request, signal)),
    scoreCompletion: (request, completion) => inTurn(() => score(request, completion)),
    setAdapter: (next) =>
      inTurn(async () => {
        reader.use(await sessions.decoderFor(next ? readAdapter(next.dir, config) : null));
        adapterVersion = next?.version ?? null;
      }),
    [Symbol.asyncDispose]: () => inTurn(() => sessions[Symbol.asyncDispose]()),
  };
}

function choosePrecision(wanted: Precision | "auto", nParameters: number): Precision {
  if (wanted !== "auto") return wanted;
  return nParameters < MIN_INT8_PARAMETERS ? "float32" : "int8";
}
