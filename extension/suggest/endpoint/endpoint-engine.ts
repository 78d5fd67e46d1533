import type { CompletionRequest, Doubt } from "../../../engine/generate/completion.ts";
import { startEngineProcess, type EngineProcess } from "../../../engine/process/host.ts";
import type { LoadedModel, PreparedRequest, Retrieval } from "../../../engine/process/messages.ts";
import type { IndexedExample } from "../../../engine/retrieve/example-index.ts";
import type { NeighbourFile } from "../../../engine/retrieve/neighbour-index.ts";
import { createBackoff, pause } from "../../sync/backoff.ts";
import type { DrawnCompletion, EngineState, EngineSupervisor } from "../engine-supervisor.ts";
import { routeOf } from "./endpoint-address.ts";
import { askEndpoint, type EndpointAnswer } from "./endpoint-http.ts";
import {
  callFor,
  modelOf,
  textDialect,
  writtenIn,
  type EndpointModel,
  type Protocol,
  type Written,
} from "./endpoint-protocol.ts";
import { createHash } from "node:crypto";

export interface EndpointOptions {
  readonly url: URL;
  /** Name of the model there; empty takes the first that the server lists. */
  readonly model: string;
  readonly protocol: Protocol | "auto";
  /** Sent as the bearer token; asked for each request, because it is in the secret storage. */
  key(): Promise<string | null>;
  /** The bundled engine process: it looks examples up and cuts suggestions off, without a model. */
  readonly entry: string;
  onState(state: EngineState): void;
  log(message: string): void;
  /** Longest wait for a suggestion, milliseconds. */
  readonly deadlineMs?: number;
}

/** A suggestion that takes longer helps nobody. */
const DEADLINE_MS = 8_000;
/** Asking for the list of models. */
const LOOK_MS = 3_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/**
 * Suggestions from a model server, behind the same port as the engine in this editor: the same examples in the
 * prompt, the same cut at the end, the same feedback. While the server does not answer there are none, and it is
 * asked again later and later.
 */
export function connectEndpoint(options: EndpointOptions): EngineSupervisor {
  const { url, log, deadlineMs = DEADLINE_MS } = options;
  const stop = new AbortController();
  let state: EngineState = "loading";
  let endpoint: EndpointModel | null = null;
  let adapter: string | null = null;
  let base = "";
  let engine: EngineProcess | null = null;
  let starts = 0;
  let examples: readonly IndexedExample[] = [];
  let neighbours: readonly NeighbourFile[] = [];
  let latest: AbortController | null = null;
  /** Wakes whoever waits for the server to be lost. */
  let lost = Promise.withResolvers<void>();

  const become = (next: EngineState): void => {
    state = next;
    options.onState(next);
  };

  async function startLookUp(): Promise<void> {
    const started = await startEngineProcess({ entry: options.entry, modelDir: null, threads: 1 });
    if (stop.signal.aborted) return started[Symbol.dispose]();
    if (examples.length > 0) await started.setExamples(examples);
    if (neighbours.length > 0) await started.setNeighbours(neighbours);
    engine = started;
    void started.exited.then(() => void (engine = null));
  }

  async function live(): Promise<void> {
    const backoff = createBackoff(FIRST_RETRY_MS, LONGEST_RETRY_MS);
    let complaint = "";
    while (!stop.signal.aborted) {
      try {
        if (!engine) await startLookUp();
        const found = await look();
        if (typeof found === "string") {
          if (found !== complaint) log(`No suggestions from ${url.origin}: ${found}`);
          complaint = found;
        } else {
          endpoint = found;
          base = identityOf(found);
          starts += 1;
          complaint = "";
          backoff.reset();
          lost = Promise.withResolvers<void>();
          become("ready");
          log(`Suggestions come from ${found.name} at ${url.origin} (${found.protocol}).`);
          await Promise.race([lost.promise, aborted(stop.signal)]);
        }
      } catch (error) {
        log(`The look-up process did not start: ${(error as Error).message}`);
      }
      if (stop.signal.aborted) break;
      become("restarting");
      await pause(backoff.next(), stop.signal);
    }
    become("stopped");
  }

  /** The model, or what is wrong. */
  async function look(): Promise<EndpointModel | string> {
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(LOOK_MS)]);
    const answer = await askEndpoint(routeOf(url, "/v1/models"), { key: await options.key(), signal });
    if (!answer.ok) return `${answer.why} [${answer.reason}]`;
    return modelOf(answer.value, options) ?? "it lists no models [endpoint-invalid]";
  }

  async function prepare(
    { dialect, ...rest }: EndpointModel,
    request: CompletionRequest,
    retrieve: Retrieval | undefined,
  ): Promise<PreparedRequest | null> {
    if (!engine) await startLookUp();
    return (await engine?.prepare(request, retrieve ?? null, textDialect({ dialect, ...rest }))) ?? null;
  }

  async function complete(
    request: CompletionRequest,
    signal: AbortSignal,
    retrieve: Retrieval | undefined,
  ): Promise<DrawnCompletion | null> {
    const asked = endpoint;
    if (!asked || state !== "ready" || signal.aborted) return null;
    // Only the newest is worth an answer: the server is free for it at once.
    latest?.abort();
    const mine = (latest = new AbortController());
    const late = AbortSignal.timeout(deadlineMs);
    const limited = AbortSignal.any([signal, mine.signal, stop.signal, late]);
    const began = performance.now();
    const prepared = await prepare(asked, request, retrieve);
    if (!prepared || limited.aborted) return null;
    const call = callFor(asked, request, prepared, retrieve);
    const sentAt = performance.now();
    const answer = await askEndpoint(routeOf(url, call.route), {
      body: call.body,
      key: await options.key(),
      signal: limited,
    });
    if (signal.aborted || mine.signal.aborted || stop.signal.aborted) return null;
    const written = answer.ok ? writtenIn(asked.protocol, answer.value) : null;
    if (!written) {
      complain(answer, late.aborted);
      return null;
    }
    if (written.kept) {
      base = written.kept.base;
      adapter = written.kept.adapter;
    }
    // Kept's own server has cut it off already: what it answers is the suggestion.
    const text = written.kept ? written.text : await engine?.shape(request, written.text);
    if (text === undefined) return null;
    return served(asked.protocol, written, text, prepared, {
      prefillMs: sentAt - began,
      decodeMs: performance.now() - sentAt,
    });
  }

  function complain(answer: EndpointAnswer, isLate: boolean): void {
    const reason = answer.ok ? "endpoint-invalid" : answer.reason;
    const why = isLate
      ? `no answer within ${deadlineMs / 1_000} s`
      : answer.ok
        ? "the answer has another shape"
        : answer.why;
    log(`No suggestion from ${url.origin}: ${why} [${reason}]`);
    // A request that is too long or not liked says nothing about the next; anything else does.
    if (reason !== "endpoint-refused") lost.resolve();
    if (reason !== "endpoint-refused" && state === "ready") become("restarting");
  }

  // The editor's start does not wait for a process or a server.
  setImmediate(() => {
    live().catch((error: Error) => {
      log(`Asking ${url.origin} ended: ${error.message}`);
      become("failed");
    });
  });

  return {
    get state() {
      return state;
    },
    get model() {
      return endpoint && loadedModel(endpoint, base);
    },
    get adapter() {
      return adapter;
    },
    get starts() {
      return starts;
    },
    async complete(request, signal, retrieve) {
      try {
        return await complete(request, signal, retrieve);
      } catch (error) {
        if (!signal.aborted && !stop.signal.aborted) log(`No suggestion: ${(error as Error).message}`);
        return null;
      }
    },
    async useExamples(next) {
      examples = next;
      await engine?.setExamples(next);
    },
    async useNeighbours(files) {
      neighbours = files;
      await engine?.setNeighbours(files);
    },
    // Another server serves what it serves: Kept's own takes the champion by itself, others are given theirs by hand.
    serveWith: () => Promise.resolve(),
    [Symbol.dispose]() {
      stop.abort();
      latest?.abort();
      engine?.[Symbol.dispose]();
    },
  };
}

function served(
  protocol: Protocol,
  written: Written,
  text: string,
  { examples, nInText }: PreparedRequest,
  times: { readonly prefillMs: number; readonly decodeMs: number },
): DrawnCompletion {
  const { kept } = written;
  const nUsed = Math.min(examples.length, protocol === "kept" ? (kept?.examples_used ?? 0) : nInText);
  const used = examples.slice(examples.length - nUsed);
  const shown = used.flatMap(({ id }) => (id === null ? [] : [id]));
  const doubt = kept ? kept.doubt : doubtOf(written.logProbabilities);
  const mean = kept ? kept.mean_log_probability : meanOf(written.logProbabilities);
  return {
    text,
    finish: written.isCut ? "length" : "stop",
    meanLogProbability: mean,
    ...(doubt ? { doubt } : {}),
    nPromptTokens: written.nPromptTokens,
    nTokens: written.nTokens,
    ...(kept ? { prefillMs: kept.prefill_ms, decodeMs: kept.decode_ms } : times),
    adapter: kept?.adapter ?? null,
    nExamplesUsed: nUsed,
    exampleIds: [...(kept?.example_ids ?? []).filter((id) => !shown.includes(id)), ...shown],
    neighbours: used.filter(({ id }) => id === null).map(({ path, text }) => ({ path, text })),
  };
}

const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

function doubtOf(values: readonly number[]): Doubt | null {
  if (values.length === 0) return null;
  const [lowest = 0, second = 0, third = 0] = values.toSorted((a, b) => a - b);
  const unlikely = values.filter((value) => value < -Math.LN2).length;
  return { lowest, second, third, first: values[0]!, last: values.at(-1)!, unlikely };
}

/** What an event says of the model: a server's own weights have no hash that it tells, so its name has to do. */
const identityOf = ({ name, protocol }: EndpointModel): string =>
  createHash("sha256").update(`endpoint ${protocol} ${name}`).digest("hex");

const loadedModel = ({ name, protocol }: EndpointModel, sha256: string): LoadedModel => ({
  name,
  sha256,
  nParameters: 0,
  contextTokens: 0,
  fillInTheMiddle: protocol,
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
