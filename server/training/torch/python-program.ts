import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { AppError } from "../../errors.ts";
import { torchPrograms } from "../../places.ts";

/** A line of JSON that a program printed: `{ event, … }`. */
export type ProgramEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

export interface Program {
  readonly python: string;
  /** Arguments of the interpreter; the programs of the torch backend are named by `programFile`. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  onEvent(event: ProgramEvent): void;
  /** Asks the program to stop by itself when the signal aborts; without it the program is ended at once. */
  askToStop?(): void;
}

/** A step and a checkpoint of a large model on a slow disk, milliseconds. */
const STOP_GRACE_MS = 180_000;
/** After a polite signal, milliseconds. */
const KILL_GRACE_MS = 5_000;
/** Enough of what a program said last for a message. */
const COMPLAINT_CHARS = 2_000;

export const programFile = (name: string): string => path.join(torchPrograms(), name);

/**
 * Run a Python program to its end. Throws `worker-failed` with its last words when it fails. When the
 * signal aborts it resolves once the program and everything that it started have ended.
 */
export async function runProgram(program: Program, signal: AbortSignal): Promise<void> {
  const child = spawn(program.python, program.args, {
    env: { ...program.env, PYTHONUNBUFFERED: "1", PYTHONDONTWRITEBYTECODE: "1", PYTHONUTF8: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: Ctrl+C in a terminal reaches only us, and the group can be ended as a whole.
    detached: process.platform !== "win32",
  });
  const onExit = (): void => endGroup(child, "SIGKILL");
  process.on("exit", onExit);
  let deadline: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    if (program.askToStop) {
      program.askToStop();
      deadline = setTimeout(() => endGroup(child, "SIGKILL"), STOP_GRACE_MS);
    } else {
      endGroup(child, "SIGTERM");
      deadline = setTimeout(() => endGroup(child, "SIGKILL"), KILL_GRACE_MS);
    }
  };
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });

  let complaint = "";
  let reason: string | null = null;
  child.stderr.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-COMPLAINT_CHARS)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event = parseEvent(line);
    if (event?.event === "error") reason = String(event["message"]);
    else if (event) program.onEvent(event);
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (code !== 0 && !signal.aborted) {
      const words = reason ?? (complaint.trim() || `exit code ${String(code)}`);
      throw new AppError("worker-failed", `${path.basename(scriptOf(program.args))} failed: ${words}`);
    }
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener("abort", onAbort);
    process.off("exit", onExit);
    endGroup(child, "SIGKILL");
  }
}

const scriptOf = (args: readonly string[]): string => args.find((argument) => argument.endsWith(".py")) ?? "python";

function parseEvent(line: string): ProgramEvent | null {
  if (!line.startsWith("{")) return null;
  try {
    const value = JSON.parse(line) as { event?: unknown };
    return typeof value.event === "string" ? (value as ProgramEvent) : null;
  } catch {
    return null;
  }
}

function endGroup(child: ChildProcess, how: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(how);
    else process.kill(-child.pid, how);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
