import { fork, type ChildProcess } from "node:child_process";
import { EngineError } from "../engine-error.ts";
import type { CompletionRequest } from "../generate/completion.ts";
import type { OnText } from "../generate/generator.ts";
import type { CompleteOptions } from "../generate/model.ts";
import type { IndexedExample } from "../retrieve/example-index.ts";
import type { NeighbourFile } from "../retrieve/neighbour-index.ts";
import type { Dialect } from "../tokenizer/dialect.ts";
import type {
  EngineMessage,
  HostMessage,
  LoadedModel,
  PreparedRequest,
  Retrieval,
  ServedCompletion,
} from "./messages.ts";

/**
 * A handle on the engine process. Native code may abort, so it lives in a child; the handle restarts
 * nothing by itself: the owner sees `exited` and decides.
 */
export interface EngineProcess {
  readonly model: LoadedModel;
  /** Resolves with `finish: "cancelled"` when the signal fires; rejects with EngineError otherwise. */
  complete(
    request: CompletionRequest,
    signal: AbortSignal,
    retrieve?: Retrieval,
    options?: Omit<CompleteOptions, "memory"> & { readonly adapter?: { version: string; dir: string } | null },
  ): Promise<ServedCompletion>;
  /** At most `count` different completions, the most probable first; none when the signal fires. */
  candidates(
    request: CompletionRequest,
    count: number,
    signal: AbortSignal,
    retrieve?: Retrieval,
    options?: { readonly adapter?: { version: string; dir: string } | null },
  ): Promise<readonly ServedCompletion[]>;
  /** Replace the examples that `retrieve` finds. The last one counts as the newest. */
  setExamples(examples: readonly IndexedExample[]): Promise<void>;
  /** Add examples to those that `retrieve` finds, or replace those with the same ids. */
  addExamples(examples: readonly IndexedExample[]): Promise<void>;
  /** Replace the files that excerpts are taken from when a retrieval asks for neighbours. */
  setNeighbours(files: readonly NeighbourFile[]): Promise<void>;
  setAdapter(adapter: { version: string; dir: string } | null): Promise<void>;
  /** Looks up and lays out what a model on another server is asked; needs no model here. */
  prepare(request: CompletionRequest, retrieve: Retrieval | null, dialect: Dialect["name"]): Promise<PreparedRequest>;
  /** What another server wrote, cut off where a suggestion ends; empty when none is left. */
  shape(request: Pick<CompletionRequest, "prefix" | "suffix" | "lines">, text: string): Promise<string>;
  /** Resolves when the process has gone, with its exit code or signal. */
  readonly exited: Promise<string>;
  [Symbol.dispose](): void;
}

export interface EngineProcessOptions {
  /** The bundled entry, `dist/engine.cjs`. */
  readonly entry: string;
  /** Null loads no model: the process prepares requests for another server. */
  readonly modelDir: string | null;
  readonly threads: number;
  /** Longest wait for the model to load, milliseconds. */
  readonly loadTimeoutMs?: number;
  /** Told what a person should know and that stopped nothing, such as that the CPU takes over from a device. */
  readonly onNotice?: (message: string) => void;
}

const DEFAULT_LOAD_TIMEOUT_MS = 60_000;

/** Fork the engine, load the model, and resolve when the first suggestion can be asked for. */
export async function startEngineProcess(options: EngineProcessOptions): Promise<EngineProcess> {
  const child = fork(options.entry, [], {
    // The host's own flags, such as a debugger's port, are not for the child.
    execArgv: [],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "advanced",
  });
  const pending = new Map<number, Pending>();
  const stderr = tailOf(child);
  let nextId = 1;

  const exited = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => {
      const how = signal ?? `code ${code}`;
      for (const { reject } of pending.values()) {
        reject(new EngineError("engine-exited", `The engine process ended (${how}). ${stderr()}`));
      }
      pending.clear();
      resolve(how);
    });
  });

  const send = (message: HostMessage) => {
    if (child.connected) child.send(message);
  };

  let timer: NodeJS.Timeout | undefined;
  const model = await new Promise<LoadedModel>((resolve, reject) => {
    timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new EngineError("engine-load-timeout", `The model in ${options.modelDir} did not load in time.`));
    }, options.loadTimeoutMs ?? DEFAULT_LOAD_TIMEOUT_MS);
    child.once("error", (error) => reject(new EngineError("engine-start", error.message)));
    void exited.then((how) =>
      reject(new EngineError("engine-exited", `The engine ended while loading (${how}). ${stderr()}`)),
    );
    child.on("message", (message: EngineMessage) => {
      if (message.kind === "ready") {
        resolve(message.model);
      } else if (message.kind === "notice") {
        options.onNotice?.(`${message.message} [${message.code}]`);
      } else if (message.kind === "failed" && message.id === null) {
        child.kill();
        reject(new EngineError(message.code, message.message));
      } else settle(message);
    });
    send({ kind: "load", modelDir: options.modelDir, threads: options.threads });
  }).finally(() => clearTimeout(timer));

  function settle(message: EngineMessage): void {
    if (message.kind === "ready" || message.id === null) return;
    const waiting = pending.get(message.id);
    if (message.kind === "text") return waiting?.onText?.(message.text);
    pending.delete(message.id);
    if (message.kind === "completed") waiting?.resolve(message.completion);
    else if (message.kind === "candidates-made") waiting?.resolve(message.completions);
    else if (message.kind === "failed") waiting?.reject(new EngineError(message.code, message.message));
    else if (message.kind === "prepared") waiting?.resolve(message.prepared);
    else if (message.kind === "shaped") waiting?.resolve(message.text);
    else waiting?.resolve(undefined);
  }

  function ask<T>(make: (id: number) => HostMessage, onText?: OnText): { id: number; answer: Promise<T> } {
    const id = nextId++;
    const answer = new Promise<T>((resolve, reject) => {
      if (!child.connected) reject(new EngineError("engine-exited", "The engine process has ended."));
      else pending.set(id, { resolve: resolve as (value: unknown) => void, reject, onText });
    });
    send(make(id));
    return { id, answer };
  }

  /** Asks, and tells the engine when the signal fires; the engine still answers. */
  async function askUntil<T>(signal: AbortSignal, make: (id: number) => HostMessage, onText?: OnText): Promise<T> {
    signal.throwIfAborted();
    const { id, answer } = ask<T>(make, onText);
    const cancel = () => send({ kind: "cancel", id });
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await answer;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  return {
    model,
    exited,
    complete(request, signal, retrieve, { onText, turn, adapter } = {}) {
      const asked = { kind: "complete", request, retrieve: retrieve ?? null, stream: onText !== undefined } as const;
      const more = { ...(turn ? { turn } : {}), ...(adapter === undefined ? {} : { adapter }) };
      return askUntil(signal, (id) => ({ ...asked, id, ...more }), onText);
    },
    candidates(request, count, signal, retrieve, { adapter } = {}) {
      const more = adapter === undefined ? {} : { adapter };
      return askUntil(signal, (id) => ({
        kind: "candidates",
        id,
        request,
        retrieve: retrieve ?? null,
        count,
        ...more,
      }));
    },
    prepare: (request, retrieve, dialect) =>
      ask<PreparedRequest>((id) => ({ kind: "prepare", id, request, retrieve, dialect })).answer,
    shape: ({ prefix, suffix, lines }, text) =>
      ask<string>((id) => ({ kind: "shape", id, request: { prefix, suffix, lines }, text })).answer,
    setNeighbours: (files) => ask<void>((id) => ({ kind: "set-neighbours", id, files })).answer,
    setExamples: (examples) => ask<void>((id) => ({ kind: "set-examples", id, examples })).answer,
    addExamples: (examples) => ask<void>((id) => ({ kind: "add-examples", id, examples })).answer,
    setAdapter: (adapter) => ask<void>((id) => ({ kind: "set-adapter", id, adapter })).answer,
    [Symbol.dispose]() {
      child.kill();
    },
  };
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly onText: OnText | undefined;
}

const STDERR_TAIL_CHARS = 2_000;

function tailOf(child: ChildProcess): () => string {
  let tail = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-STDERR_TAIL_CHARS);
  });
  return () => tail.trim();
}
