import type { IngestResponse } from "../../protocol/api.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { PushHub } from "../push/hub.ts";
import type { FromWriter, ToWriter, WriterData } from "./writer-messages.ts";
import type { BatchAnswer } from "./ingest.ts";
import { Worker } from "node:worker_threads";

/** Takes events in on a thread of its own, so that neither parsing nor an fsync holds up other requests. */
export interface EventWriter extends AsyncDisposable {
  /**
   * Stores the batch in the body of a request. Resolves when it is durable.
   * @throws AppError `malformed`, `invalid`, `too-large`, `too-many`, `storage-full`, `storage-failed`, `busy`
   */
  take(json: string): Promise<IngestResponse>;
  /** Resolves when what was stored so far has its labels and examples, or when the signal fires. */
  settled(signal: AbortSignal): Promise<void>;
  /** Suggestions were put into the outbox of what is to be derived, by another hand than the writer's. */
  derive(): void;
  /** False when nothing can be stored: the disk failed, or the server is stopping. */
  isOpen(): boolean;
  /** Resolves with the reason when the disk failed and nothing can be stored any more. */
  readonly broken: Promise<string>;
}

/** Requests that wait for the writer; more are told to come back. */
const MAX_WAITING = 4_096;

export function startEventWriter(parts: {
  readonly entry: string;
  readonly data: WriterData;
  readonly hub: PushHub;
  readonly log: Log;
  /** Told when suggestions have got their rows and labels. */
  readonly onDerived?: () => void;
}): EventWriter {
  const { hub, log } = parts;
  const worker = new Worker(parts.entry, { workerData: parts.data, stdout: false, stderr: false });
  const waiting = new Map<number, { resolve(answer: BatchAnswer): void }>();
  const broken = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  let settling: (() => void)[] = [];
  let nextId = 1;
  let isPending = true;
  let isOpen = true;

  const noteDerivations = (pending: boolean): void => {
    isPending = pending;
    if (pending) return;
    for (const resolve of settling) resolve();
    settling = [];
  };
  const endAll = (reason: string): void => {
    isOpen = false;
    for (const { resolve } of waiting.values()) resolve({ ok: false, code: "storage-failed", message: reason });
    waiting.clear();
    noteDerivations(false);
  };
  const fail = (reason: string): void => {
    if (isOpen) log.error({ event: "writer-broken", reason });
    endAll("The store could not be written.");
    broken.resolve(reason);
  };

  worker.on("message", (message: FromWriter) => {
    switch (message.kind) {
      case "stored":
        for (const { id, answer } of message.answers) {
          waiting.get(id)?.resolve(answer);
          waiting.delete(id);
        }
        return noteDerivations(message.pending);
      case "derived":
        for (const id of message.suggestions) hub.publish("suggestion", { id });
        if (message.examplesRevision !== null) hub.publish("examples", { revision: message.examplesRevision });
        parts.onDerived?.();
        if (message.failed.length > 0) log.error({ event: "not-derived", failed: message.failed });
        return noteDerivations(message.pending);
      case "broken":
        return fail(message.reason);
      case "closed":
        return closed.resolve();
    }
  });
  worker.on("error", (error: Error) => fail(error.message));
  worker.on("exit", (code) => {
    closed.resolve();
    if (isOpen) fail(`the writer thread ended with code ${code}`);
  });
  const send = (message: ToWriter): void => worker.postMessage(message);

  return {
    broken: broken.promise,
    isOpen: () => isOpen,
    derive() {
      if (!isOpen) return;
      isPending = true;
      send({ kind: "derive" });
    },
    async take(json) {
      if (!isOpen || waiting.size >= MAX_WAITING) throw new AppError("busy", "The server cannot take events now.");
      const id = nextId++;
      const answer = await new Promise<BatchAnswer>((resolve) => {
        waiting.set(id, { resolve });
        send({ kind: "batch", id, json });
      });
      if (answer.ok) return answer.response;
      throw new AppError(answer.code, answer.message);
    },
    async settled(signal) {
      if ((!isPending && waiting.size === 0) || !isOpen || signal.aborted) return;
      await new Promise<void>((resolve) => {
        settling.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    },
    async [Symbol.asyncDispose]() {
      if (isOpen) {
        isOpen = false;
        send({ kind: "close" });
        await closed.promise;
      }
      await worker.terminate();
    },
  };
}
