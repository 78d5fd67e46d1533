import type { CompletionRequest } from "../../engine/generate/completion.ts";
import type { OnText } from "../../engine/generate/generator.ts";
import { EngineError } from "../../engine/engine-error.ts";
import { startEngineProcess, type EngineProcess } from "../../engine/process/host.ts";
import type { LoadedModel, Retrieval, ServedCompletion } from "../../engine/process/messages.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { hasModel } from "../places.ts";
import type { Store } from "../store/store.ts";
import { availableParallelism } from "node:os";

/** An engine process of the server's own, for other editors: started by the first request, ended when none comes. */
export interface ServedEngine extends AsyncDisposable {
  /**
   * One completion by a version, or by the base model alone. Resolves as `cancelled` when the signal fires.
   * @throws AppError `no-model`, `engine-failed`, `too-many`
   */
  complete(asked: Asked, onText?: OnText): Promise<ServedCompletion>;
  /** At most `count` different completions, the most probable first. Throws likewise. */
  candidates(asked: Asked, count: number): Promise<readonly ServedCompletion[]>;
  /** What is loaded; starts the engine. Throws likewise. */
  model(): Promise<LoadedModel>;
  /** True while an engine process runs. */
  readonly isRunning: boolean;
}

export interface Asked {
  readonly request: CompletionRequest;
  readonly retrieve: Retrieval | null;
  /** Version of the adapter; null is the base model alone. */
  readonly version: string | null;
  readonly signal: AbortSignal;
}

/** More threads than this do not make a small model faster. */
const MAX_THREADS = 4;
/** Without a request for so long the model leaves the memory, milliseconds. */
const IDLE_MS = 10 * 60_000;
/** Requests that wait or run: each takes a second or so, and an editor does not wait longer. */
const MAX_WAITING = 16;
/** As many examples as an editor is given. */
const MAX_EXAMPLES = 2_000;

export function createServedEngine(parts: {
  readonly entry: string;
  readonly modelDir: string;
  readonly examples: Store["examples"];
  /** A folder with the verified files of a version. @throws AppError `not-found` */
  readonly materialise: (version: string) => string;
  readonly log: Log;
  readonly idleMs?: number;
}): ServedEngine {
  const { entry, modelDir, examples, log, idleMs = IDLE_MS } = parts;
  let starting: Promise<EngineProcess> | null = null;
  let examplesRevision = -1;
  let nWaiting = 0;
  let idle: NodeJS.Timeout | undefined;

  function start(): Promise<EngineProcess> {
    if (!hasModel(modelDir)) throw new AppError("no-model", "There is no base model to complete with.");
    examplesRevision = -1;
    const threads = Math.max(1, Math.min(availableParallelism() - 1, MAX_THREADS));
    const onNotice = (notice: string): void => log.warn({ event: "engine-notice", notice });
    const begun = startEngineProcess({ entry, modelDir, threads, onNotice });
    const forget = (): void => void (starting === begun && (starting = null));
    begun.then((engine) => {
      log.info({ event: "engine-started", model: engine.model.name });
      void engine.exited.then(forget);
    }, forget);
    return begun;
  }

  /** The examples of the store, where they changed since the engine had them; the newest last. */
  async function bringExamples(engine: EngineProcess): Promise<void> {
    const revision = examples.revision();
    if (revision === examplesRevision) return;
    await engine.setExamples(examples.list(null, MAX_EXAMPLES).toReversed());
    examplesRevision = revision;
  }

  async function end(): Promise<void> {
    clearTimeout(idle);
    const ending = starting;
    starting = null;
    const engine = await ending?.catch(() => null);
    engine?.[Symbol.dispose]();
    await engine?.exited;
  }

  async function use<T>(work: (engine: EngineProcess) => Promise<T>): Promise<T> {
    if (nWaiting >= MAX_WAITING) throw new AppError("too-many", "Too many completions are asked for at once.");
    nWaiting += 1;
    clearTimeout(idle);
    try {
      const engine = await (starting ??= start());
      return await work(engine);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      // The message may name folders: it goes to the log, and the client gets the code.
      log.error({ event: "completion-failed", err: error });
      throw new AppError("engine-failed", `The engine could not complete (${error.code}).`, { cause: error });
    } finally {
      nWaiting -= 1;
      if (nWaiting === 0) idle = setTimeout(() => void end(), idleMs).unref();
    }
  }

  const adapterOf = (version: string | null) =>
    version === null ? null : { version, dir: parts.materialise(version) };

  return {
    complete: ({ request, retrieve, version, signal }, onText) =>
      use(async (engine) => {
        if (retrieve) await bringExamples(engine);
        const more = onText ? { onText } : {};
        return engine.complete(request, signal, retrieve ?? undefined, { adapter: adapterOf(version), ...more });
      }),
    candidates: ({ request, retrieve, version, signal }, count) =>
      use(async (engine) => {
        if (retrieve) await bringExamples(engine);
        return engine.candidates(request, count, signal, retrieve ?? undefined, { adapter: adapterOf(version) });
      }),
    model: () => use((engine) => Promise.resolve(engine.model)),
    get isRunning() {
      return starting !== null;
    },
    [Symbol.asyncDispose]: end,
  };
}
