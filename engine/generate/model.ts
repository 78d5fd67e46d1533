import type { Precision } from "../architectures/inference-weights.ts";
import type { Choice } from "../devices/choice.ts";
import { requestedDevice, type Device } from "../devices/device.ts";
import { deviceForModel } from "../devices/model-device.ts";
import { notify } from "../devices/notice.ts";
import { loadCheckpoint } from "../checkpoint/checkpoint.ts";
import { readAdapter } from "../lora/adapter.ts";
import type { LoadedModel } from "../process/messages.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Completion, CompletionRequest } from "./completion.ts";
import { openDecoderSessions } from "./decoder-sessions.ts";
import { readGenerationConfig } from "./generation-config.ts";
import { createGenerator, type GeneratorOptions, type TextScore, type WriteOptions } from "./generator.ts";
import { createTokenReader } from "./token-reader.ts";
import { warmUp } from "./warm-up.ts";

/** A loaded model that completes code. Requests are served one after the other, in order. */
export interface Model {
  readonly info: LoadedModel;
  readonly tokenizer: Tokenizer;
  /** Where it was loaded to, and why there. */
  readonly device: Choice;
  /** Greedy completion. An aborted signal ends it within one run of the graph, as `cancelled`. */
  complete(request: CompletionRequest, signal: AbortSignal, options?: CompleteOptions): Promise<Completion>;
  /** At most `count` different completions, the most probable first; see `generator.ts`. */
  candidates(
    request: CompletionRequest,
    count: number,
    signal: AbortSignal,
    options?: WriteOptions,
  ): Promise<readonly Completion[]>;
  /** Swap the adapter between two requests. Throws adapter-invalid or adapter-mismatch and keeps the old one. */
  setAdapter(adapter: { version: string; dir: string } | null): Promise<void>;
  /** Negative log-likelihood of a given completion, in nats, summed over its tokens and those that healing owes. */
  scoreCompletion(
    request: CompletionRequest,
    completion: string,
    options?: Pick<WriteOptions, "memory">,
  ): Promise<TextScore>;
  /** Touch what the first suggestion needs, and measure how much can be read at once; see `warm-up.ts`. */
  warmUp(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface CompleteOptions extends WriteOptions {
  /**
   * Only the newest of the requests that say so is worth an answer: one that still waits for its turn when
   * a newer one comes ends as `cancelled`.
   */
  readonly turn?: "latest";
}

export interface ModelOptions {
  readonly threads: number;
  /** What the graph multiplies in; `auto`, the default, is int8 for all but toy models. */
  readonly precision?: Precision | "auto";
  /** Guess tokens that the prompt already has and read them ahead: the default, and the text is the same without. */
  readonly speculation?: GeneratorOptions["speculation"];
  /** Where the graph runs: what `KEPT_DEVICE` names unless given, else `auto`; see `devices/choice.ts`. */
  readonly device?: Device;
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
  if (tokenizer.dialect.name === "none")
    notify({
      code: "no-fill-in-the-middle",
      message: `${checkpoint.name} has no tokens to fill in the middle: it does not see what follows the cursor.`,
    });
  const { nParameters } = checkpoint;
  const precision = choosePrecision(options.precision ?? "auto", nParameters);
  const wanted = options.device ?? requestedDevice(process.env);
  const device = await deviceForModel(wanted, { kind: "inference", nParameters });
  const sessions = await openDecoderSessions(config, checkpoint.weights, {
    threads: options.threads,
    precision,
    nParameters,
    provider: device.provider,
    sha256: checkpoint.sha256,
  });
  const reader = createTokenReader(config, await sessions.decoderFor(null));
  let adapterVersion: string | null = null;
  let latest = 0;
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };

  const generator = createGenerator({
    tokenizer,
    reader,
    contextTokens: config.contextTokens,
    ...readGenerationConfig(modelDir),
    speculation: options.speculation ?? "prompt-lookup",
    adapter: () => adapterVersion,
  });

  return {
    info: {
      name: checkpoint.name,
      sha256: checkpoint.sha256,
      nParameters,
      contextTokens: config.contextTokens,
      fillInTheMiddle: tokenizer.dialect.name,
    },
    tokenizer,
    device,
    complete(request, signal, options = {}) {
      const number = options.turn === "latest" ? ++latest : null;
      return inTurn(() => {
        const isStale = number !== null && number !== latest;
        return generator.complete(request, isStale ? AbortSignal.abort() : signal, options);
      });
    },
    candidates: (request, count, signal, options) =>
      inTurn(() => generator.candidates(request, count, signal, options)),
    scoreCompletion: (request, completion, options) => inTurn(() => generator.score(request, completion, options)),
    setAdapter: (next) =>
      inTurn(async () => {
        reader.use(await sessions.decoderFor(next ? readAdapter(next.dir, config) : null));
        adapterVersion = next?.version ?? null;
      }),
    warmUp: () => inTurn(() => warmUp(reader)),
    [Symbol.asyncDispose]: () => inTurn(() => sessions[Symbol.asyncDispose]()),
  };
}

function choosePrecision(wanted: Precision | "auto", nParameters: number): Precision {
  if (wanted !== "auto") return wanted;
  return nParameters < MIN_INT8_PARAMETERS ? "float32" : "int8";
}
