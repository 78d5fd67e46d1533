import type { FromWorker, ToWorker, WorkerTask } from "./worker-messages.ts";
import { fork, type ChildProcess } from "node:child_process";
import { constants, setPriority } from "node:os";

/** Between the request to end and the kill, milliseconds: a trainer finishes its checkpoint. */
const KILL_AFTER_MS = 3_000;
/** What is kept of the worker's last words, characters. */
const STDERR_TAIL_CHARS = 2_000;

export interface WorkerEnd {
  /** Exit code or signal, as text. */
  readonly how: string;
  /** The end of what it wrote to stderr. */
  readonly lastWords: string;
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
): Promise<WorkerEnd> {
  signal.throwIfAborted();
  const child = fork(entry, [], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe", "ipc"],
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
    return { how, lastWords: lastWords.trim() };
  } finally {
    clearTimeout(killTimer);
    signal.removeEventListener("abort", end);
    killGroup(child, "SIGKILL");
  }
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
