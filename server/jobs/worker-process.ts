import type { FromWorker, ToWorker, WorkerTask } from "./worker-messages.ts";
import { BEAT_MS } from "./worker-beats.ts";
import { MAX_WORKER_MIB, watchMemory } from "./worker-memory.ts";
import { fork, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { constants, setPriority } from "node:os";

/** Between the request to end and the kill, milliseconds: a trainer finishes its checkpoint. */
const KILL_AFTER_MS = 3_000;
/** A worker beats ten times in this time, from a thread of its own; a stopped one is ended after it, milliseconds. */
const SILENCE_MS = 20_000;
/** `KEPT_WORKER_SILENCE_MS`, for a machine on which even an idle thread is late; at least two beats. */
const silenceLimitMs = (): number =>
  Math.max(2 * BEAT_MS, Number(process.env["KEPT_WORKER_SILENCE_MS"] ?? SILENCE_MS) || SILENCE_MS);
/** What is kept of the worker's last words, characters. */
const STDERR_TAIL_CHARS = 2_000;

export interface WorkerEnd {
  /** Exit code or signal, as text. */
  readonly how: string;
  /** The end of what it wrote to stderr. */
  readonly lastWords: string;
  /** Why the server ended it, when it did so of its own accord. */
  readonly endedFor: "memory" | "silence" | null;
}

const running = new Set<ChildProcess>();

/** Ends all workers of this process at once. */
export function endWorkers(): void {
  for (const child of running) killGroup(child, "SIGKILL");
}

/**
 * Runs one task in a process of its own: its own group, so that whatever it starts ends with it, and at
 * low priority, so that the editor comes first. Resolves when the process is gone; an aborted signal ends it.
 */
export async function runWorker(
  entry: string,
  task: WorkerTask,
  onMessage: (message: FromWorker, send: (message: ToWorker) => void) => void,
  signal: AbortSignal,
  { silenceMs = silenceLimitMs(), maxMiB = MAX_WORKER_MIB() } = {},
): Promise<WorkerEnd> {
  signal.throwIfAborted();
  const child = fork(entry, [], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "ipc", "pipe"],
    serialization: "advanced",
    env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
    execArgv: [],
  });
  const send = (message: ToWorker): void => {
    if (child.connected) child.send(message, () => {});
  };
  let lastWords = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-STDERR_TAIL_CHARS);
  });
  child.on("message", (message: FromWorker) => {
    if (message.kind === "ready") send({ kind: "task", task });
    else onMessage(message, send);
  });

  let endedFor: WorkerEnd["endedFor"] = null;
  const endFor = (reason: "memory" | "silence"): void => {
    endedFor ??= reason;
    killGroup(child, "SIGKILL");
  };
  running.add(child);
  const stopListening = listenForBeats(child.stdio[4] as Readable, silenceMs, () => endFor("silence"));
  const stopWeighing = watchMemory(child, maxMiB, () => endFor("memory"));

  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    killGroup(child, "SIGTERM");
    killTimer = setTimeout(() => killGroup(child, "SIGKILL"), KILL_AFTER_MS);
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    const how = await new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("spawn", () => lowerPriority(child));
      child.once("close", (code, killedBy) => resolve(killedBy ?? `code ${code}`));
    });
    return { how, lastWords: lastWords.trim(), endedFor };
  } finally {
    running.delete(child);
    stopListening();
    stopWeighing();
    clearTimeout(killTimer);
    signal.removeEventListener("abort", end);
    killGroup(child, "SIGKILL");
  }
}

/**
 * Ends a worker of which nothing was heard: it was stopped, or hangs in the kernel. It is counted in turns of
 * this process, so that a machine that slept does not look like a worker that is silent.
 */
function listenForBeats(beats: Readable, silenceMs: number, onSilence: () => void): () => void {
  const TURNS = 4;
  // One that never beat has no such thread: a platform without the pipe.
  let silent = Number.NEGATIVE_INFINITY;
  beats.on("data", () => (silent = 0));
  beats.on("error", () => {});
  const timer = setInterval(() => {
    silent += 1;
    if (silent > TURNS) onSilence();
  }, silenceMs / TURNS);
  return () => clearInterval(timer);
}

function lowerPriority(child: ChildProcess): void {
  try {
    setPriority(child.pid!, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not allowed, or already gone: the task runs all the same.
  }
}

/** A negative process id names the group. Windows has none; there the process alone is ended. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // The group has ended.
  }
}
