import type { CompletionRequest } from "../../engine/generate/completion.ts";
import { startEngineProcess, type EngineProcess, type EngineProcessOptions } from "../../engine/process/host.ts";
import type { LoadedModel, Retrieval, ServedCompletion } from "../../engine/process/messages.ts";
import type { IndexedExample } from "../../engine/retrieve/example-index.ts";
import type { NeighbourFile } from "../../engine/retrieve/neighbour-index.ts";
import { createBackoff, pause } from "../sync/backoff.ts";
import type { LocalAdapter } from "../sync/adapter-store.ts";

export type EngineState = "loading" | "ready" | "restarting" | "failed" | "stopped";

/** Keeps one engine process alive, and on the adapter that was asked for last. */
export interface EngineSupervisor {
  readonly state: EngineState;
  readonly model: LoadedModel | null;
  /** Version of the adapter that the running process serves with. */
  readonly adapter: string | null;
  /** Process id of the engine is not exposed; how often it was started is. */
  readonly starts: number;
  /** Null when no engine is ready or the request was cancelled: the editor simply shows nothing. */
  complete(request: CompletionRequest, signal: AbortSignal, retrieve?: Retrieval): Promise<DrawnCompletion | null>;
  /** Look examples up among these from the next suggestion on, in this process and those after it. */
  useExamples(examples: readonly IndexedExample[]): Promise<void>;
  /** Take excerpts from these files from the next suggestion on, in this process and those after it. */
  useNeighbours(files: readonly NeighbourFile[]): Promise<void>;
  /**
   * Serve with this adapter from the next suggestion on, in this process and those after it; while a candidate
   * is tried, it makes its share of them.
   */
  serveWith(adapter: LocalAdapter | null, trial?: Trial | null): Promise<void>;
  [Symbol.dispose](): void;
}

/** A candidate on trial: drawn for each suggestion with the probability `share`. */
export interface Trial {
  readonly adapter: LocalAdapter;
  readonly share: number;
}

/** A completion, and the probability with which its version was drawn while a candidate is tried. */
export interface DrawnCompletion extends ServedCompletion {
  readonly drawn?: number;
}

export interface EngineSupervisorOptions {
  readonly process: EngineProcessOptions;
  onState(state: EngineState): void;
  log(message: string): void;
  /** Between 0 and 1, for the draw between champion and candidate; `Math.random` unless given. */
  random?(): number;
}

const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 60_000;
/** A process that lived this long was no failed start: the next restart is quick again. */
const HEALTHY_MS = 30_000;

export function superviseEngine(options: EngineSupervisorOptions): EngineSupervisor {
  const stop = new AbortController();
  let engine: EngineProcess | null = null;
  let state: EngineState = "loading";
  let model: LoadedModel | null = null;
  let wanted: LocalAdapter | null = null;
  let served: string | null = null;
  let trial: Trial | null = null;
  const random = options.random ?? Math.random;
  let examples: readonly IndexedExample[] = [];
  let neighbours: readonly NeighbourFile[] = [];
  let starts = 0;

  const become = (next: EngineState) => {
    state = next;
    options.onState(next);
  };

  const applyAdapter = async (target: EngineProcess) => {
    const adapter = wanted;
    await target.setAdapter(adapter);
    served = adapter?.version ?? null;
  };

  const live = async () => {
    const backoff = createBackoff(FIRST_RESTART_MS, LONGEST_RESTART_MS);
    // Starting a process takes milliseconds that the editor's start should not wait for.
    await new Promise((resolve) => setImmediate(resolve));
    while (!stop.signal.aborted) {
      const began = performance.now();
      try {
        starts += 1;
        const started = await startEngineProcess({ onNotice: (notice) => options.log(notice), ...options.process });
        if (stop.signal.aborted) {
          started[Symbol.dispose]();
          break;
        }
        model = started.model;
        served = null;
        if (wanted) {
          await applyAdapter(started).catch((error: Error) =>
            options.log(`The adapter could not be loaded: ${error.message}`),
          );
        }
        if (examples.length > 0) await started.setExamples(examples);
        if (neighbours.length > 0) await started.setNeighbours(neighbours);
        engine = started;
        become("ready");
        options.log(`Engine ready: ${started.model.name} in ${Math.round(performance.now() - began)} ms.`);
        const how = await started.exited;
        engine = null;
        served = null;
        if (stop.signal.aborted) break;
        options.log(`The engine process ended (${how}).`);
      } catch (error) {
        options.log(`The engine did not start: ${(error as Error).message}`);
      }
      if (performance.now() - began > HEALTHY_MS) backoff.reset();
      become("restarting");
      await pause(backoff.next(), stop.signal);
    }
    become("stopped");
  };
  live().catch((error: Error) => {
    options.log(`The engine's supervision ended: ${error.message}`);
    become("failed");
  });

  return {
    get state() {
      return state;
    },
    get model() {
      return model;
    },
    get adapter() {
      return served;
    },
    get starts() {
      return starts;
    },
    async complete(request, signal, retrieve) {
      const current = engine;
      if (!current || signal.aborted) return null;
      const tried = trial;
      const usual = wanted;
      const isCandidate = tried !== null && random() < tried.share;
      try {
        const completion = await current.complete(request, signal, retrieve, {
          turn: "latest",
          ...(isCandidate ? { adapter: tried.adapter } : {}),
        });
        if (completion.finish === "cancelled") return null;
        // Another version than the one drawn, such as after a swap meanwhile, says nothing about the draw.
        const drawnVersion = isCandidate ? tried.adapter.version : (usual?.version ?? null);
        if (tried === null || completion.adapter !== drawnVersion) return completion;
        return { ...completion, drawn: isCandidate ? tried.share : 1 - tried.share };
      } catch (error) {
        if (!signal.aborted) options.log(`No suggestion: ${(error as Error).message}`);
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
    async serveWith(adapter, nextTrial = null) {
      if (nextTrial?.adapter.version !== trial?.adapter.version) {
        options.log(nextTrial ? `Trying the candidate ${nextTrial.adapter.version}.` : "The trial has ended.");
      }
      trial = nextTrial;
      if (wanted?.version === adapter?.version) return;
      wanted = adapter;
      if (!engine) return;
      await applyAdapter(engine);
      options.log(adapter ? `Serving with adapter ${adapter.version}.` : "Serving with the base model.");
    },
    [Symbol.dispose]() {
      stop.abort();
      engine?.[Symbol.dispose]();
    },
  };
}
