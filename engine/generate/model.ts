import type { Tensor } from "onnxruntime-node";
import { linearLayers, type DecoderConfig } from "../architectures/decoder-config.ts";
import { adapterInputs, buildInferenceGraph } from "../architectures/inference-graph.ts";
import { loadCheckpoint } from "../checkpoint/checkpoint.ts";
import { compileGraph, floats, int32s, int64s, type GraphSession } from "../graph/session.ts";
import { readAdapter, type LoraAdapter } from "../lora/adapter.ts";
import type { LoadedModel } from "../process/messages.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Completion, CompletionRequest, FinishReason } from "./completion.ts";
import { argmaxWithin, healPrefix } from "./healing.ts";
import { createKvCache, rewindTo, type KvCache } from "./kv-cache.ts";
import { buildPrompt, SERVING_BUDGET } from "./prompt.ts";
import { createStopCheck, dropUnfinishedWord, loopStart, trimCompletion } from "./stop.ts";

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
}

/** Tokens of one run of the graph: a run cannot be cancelled, so runs are short. */
const PREFILL_CHUNK = 128;

/** Longest context served, whatever the checkpoint allows: the cache is allocated for all of it. */
const MAX_CONTEXT_TOKENS = 2_048;

/** Load a model folder. Throws EngineError with model-not-found, model-unsupported, checkpoint-invalid or tokenizer-invalid. */
export async function openModel(modelDir: string, options: ModelOptions): Promise<Model> {
  const checkpoint = loadCheckpoint(modelDir);
  const config = { ...checkpoint.config, contextTokens: Math.min(checkpoint.config.contextTokens, MAX_CONTEXT_TOKENS) };
  const tokenizer = loadTokenizer(modelDir);
  const session = await compileGraph(buildInferenceGraph(config, checkpoint.weights), {
    threads: options.threads,
    prepack: true,
  });
  const cache = createKvCache(config);
  let adapter: { readonly version: string | null; readonly feeds: Record<string, Tensor> } = {
    version: null,
    feeds: adapterFeeds(config, null),
  };
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };
  const read = (ids: readonly number[], rows: readonly number[]) => runTokens(session, cache, adapter.feeds, ids, rows);

  async function generate(request: CompletionRequest, signal: AbortSignal): Promise<Completion> {
    const startedAt = performance.now();
    const total = Math.min(SERVING_BUDGET.total, config.contextTokens - request.maxTokens);
    const { kept, owed } = healPrefix(request.prefix);
    const prompt = buildPrompt(tokenizer, { ...request, prefix: kept }, { ...SERVING_BUDGET, total });
    const isStopped = createStopCheck(request);
    const generated: number[] = [];
    let finish: FinishReason = "length";
    let logProbability = 0;
    let decodeFrom = startedAt;
    let written = "";
    let text = "";

    // The last token is always read anew: its logits are not in the cache.
    rewindTo(cache, prompt.ids.slice(0, -1));
    let logits: Float32Array | null = null;
    for (let at = cache.ids.length; at < prompt.ids.length && !signal.aborted; at += PREFILL_CHUNK) {
      const chunk = prompt.ids.slice(at, at + PREFILL_CHUNK);
      logits = await read(chunk, [chunk.length - 1]);
    }
    decodeFrom = performance.now();
    while (logits && generated.length < request.maxTokens) {
      if (signal.aborted) break;
      const owes = owed.slice(written.length);
      const id = owes === "" ? argmax(logits) : argmaxWithin(tokenizer, logits, owes);
      if (isEnd(tokenizer, id)) {
        finish = "stop";
        break;
      }
      generated.push(id);
      logProbability += logProbabilityOf(logits, id);
      written = tokenizer.decode(generated);
      const loop = loopStart(generated);
      if (loop !== null) {
        text = dropUnfinishedWord(tokenizer.decode(generated.slice(0, loop)).slice(owed.length));
        finish = "stop";
        break;
      }
      const check = isStopped(written.slice(owed.length));
      text = check.text;
      if (check.stop) {
        finish = "stop";
        break;
      }
      logits = await read([id], [0]);
    }
    if (finish === "length") text = dropUnfinishedWord(text);
    if (signal.aborted) finish = "cancelled";
    return {
      text: finish === "cancelled" ? "" : trimCompletion(text, request.suffix),
      finish,
      meanLogProbability: generated.length > 0 ? logProbability / generated.length : 0,
      nPromptTokens: prompt.ids.length,
      nTokens: generated.length,
      prefillMs: decodeFrom - startedAt,
      decodeMs: performance.now() - decodeFrom,
      adapter: adapter.version,
      nExamplesUsed: prompt.nExamplesUsed,
    };
  }

  async function score(request: CompletionRequest, completion: string): Promise<{ nats: number; nTokens: number }> {
    const { kept, owed } = healPrefix(request.prefix);
    const target = tokenizer.encode(owed + completion).slice(0, config.contextTokens / 2);
    const total = Math.min(SERVING_BUDGET.total, config.contextTokens - target.length);
    const prompt = buildPrompt(tokenizer, { ...request, prefix: kept }, { ...SERVING_BUDGET, total });
    const ids = [...prompt.ids, ...target.slice(0, -1)];
    cache.ids.length = 0;
    const rows = target.map((_, i) => prompt.ids.length - 1 + i);
    const logits = await read(ids, rows);
    const { vocabSize } = config;
    let nats = 0;
    target.forEach((id, i) => (nats -= logProbabilityOf(logits.subarray(i * vocabSize, (i + 1) * vocabSize), id)));
    return { nats, nTokens: target.length };
  }

  return {
    info: {
      name: checkpoint.name,
      sha256: checkpoint.sha256,
      nParameters: checkpoint.nParameters,
      contextTokens: config.contextTokens,
    },
    tokenizer,
    complete: (request, signal) => inTurn(() => generate(request, signal)),
    scoreCompletion: (request, completion) => inTurn(() => score(request, completion)),
    setAdapter: (next) =>
      inTurn(async () => {
        adapter = {
          version: next?.version ?? null,
          feeds: adapterFeeds(config, next ? readAdapter(next.dir, config) : null),
        };
        // Keys and values were computed with the old adapter.
        cache.ids.length = 0;
      }),
    [Symbol.asyncDispose]: () => inTurn(() => session.release()),
  };
}

/** Read tokens after the cached ones; logits (rows.length, V) of the given positions among them. */
async function runTokens(
  session: GraphSession,
  cache: KvCache,
  adapterTensors: Record<string, Tensor>,
  ids: readonly number[],
  rows: readonly number[],
): Promise<Float32Array> {
  const total = cache.ids.length + ids.length;
  const outputs = await session.run(
    {
      ids: int64s(ids, [ids.length]),
      rows: int64s(rows, [rows.length]),
      last_position: int32s([total - 1], [1]),
      total_tokens: int32s([total], []),
      ...cache.feeds,
      ...adapterTensors,
    },
    { logits: null, ...cache.fetches },
  );
  cache.ids.push(...ids);
  return outputs["logits"]!.data as Float32Array;
}

/** The adapter as graph inputs, its scale folded into B; zeros of rank 1 stand for no adapter. */
function adapterFeeds(config: DecoderConfig, adapter: LoraAdapter | null): Record<string, Tensor> {
  const rank = adapter?.rank ?? 1;
  const scale = adapter ? adapter.alpha / adapter.rank : 0;
  const feeds: Record<string, Tensor> = {};
  for (const { name, nIn, nOut } of linearLayers(config)) {
    const matrices = adapter?.layers.get(name);
    const inputs = adapterInputs(name);
    feeds[inputs.a] = floats(matrices?.a ?? new Float32Array(rank * nIn), [rank, nIn]);
    feeds[inputs.b] = floats(matrices ? matrices.b.map((value) => value * scale) : new Float32Array(nOut * rank), [
      nOut,
      rank,
    ]);
  }
  return feeds;
}

/** Every special token ends a suggestion: none of them belongs in code. */
function isEnd(tokenizer: Tokenizer, id: number): boolean {
  return Object.values(tokenizer.special).includes(id);
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/** ln softmax(logits)[id], computed in float64. */
function logProbabilityOf(logits: Float32Array, id: number): number {
  let top = -Infinity;
  for (const value of logits) if (value > top) top = value;
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - top);
  return logits[id]! - top - Math.log(sum);
}
