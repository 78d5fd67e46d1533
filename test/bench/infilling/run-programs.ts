import type { SandboxProgram } from "./sandbox.ts";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import path from "node:path";

/**
 * - `passed`: every assertion held.
 * - `failed`: an assertion or the code threw.
 * - `syntax`: not a program.
 * - `timeout`: still running when its time was over.
 * - `crashed`: the process ended without a verdict, or took more than its memory.
 */
export type Verdict = "passed" | "failed" | "syntax" | "timeout" | "crashed";

/** Longest life of one child process, start included, milliseconds. */
export const WALL_MS = 5_000;
/** JavaScript heap of the child, MiB: these functions need a few. */
const HEAP_MIB = 64;
/** All memory of the child, buffers and Node itself (about 50 MiB) included; watched on Linux only. */
const MAX_RESIDENT_BYTES = 400 * 2 ** 20;
const MEMORY_CHECK_MS = 50;
/** Sizes in /proc/<pid>/statm are counted in pages of this many bytes on x86-64 and most arm64. */
const PAGE_BYTES = 4_096;
/** A verdict line is far shorter; longer output is none. */
const MAX_LINE_CHARS = 200;

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly wallMs?: number;
}

/**
 * Runs TypeScript modules that export `runAssertions(assert)` in one sandboxed child process, one after
 * another, and returns a verdict for each. A program that takes the process down is judged by that, and
 * those after it go on in a new process. What one program does to the globals the next ones see: code that
 * nobody has read gets a process of its own, by a call of its own.
 *
 * The child has no permission for files (reading included), processes, workers, addons, WASI or the
 * inspector; an empty environment; no standard error; no import, `process` or network API (`sandbox.ts`);
 * HEAP_MIB of heap; and `wallMs` to live.
 *
 * @throws the signal's reason when it aborts
 */
export async function runPrograms(sources: readonly string[], options: RunOptions): Promise<Verdict[]> {
  const programs = sources.map(toProgram);
  const verdicts: Verdict[] = programs.map(() => "syntax");
  let left = [...programs.entries()].flatMap(([index, program]) => (program ? [{ index, program }] : []));
  while (left.length > 0) {
    options.signal.throwIfAborted();
    const judged = await runChild(
      left.map(({ program }) => program),
      options,
    );
    judged.forEach((verdict, i) => (verdicts[left[i]!.index] = verdict));
    left = left.slice(judged.length);
  }
  return verdicts;
}

/** Null for what is not TypeScript that Node can run. Early errors of JavaScript are found by the child. */
function toProgram(source: string): SandboxProgram | null {
  try {
    return { javascript: stripTypeScriptTypes(source), nonce: randomBytes(16).toString("hex") };
  } catch {
    return null;
  }
}

let sandboxSource: string | null = null;

function programOf(programs: readonly SandboxProgram[]): string {
  sandboxSource ??= stripTypeScriptTypes(readFileSync(path.join(import.meta.dirname, "sandbox.ts"), "utf8"));
  return `${sandboxSource}\nawait judge(${JSON.stringify(programs)});\n`;
}

/** No `--allow-…` flag: nothing is permitted. */
export const SANDBOX_FLAGS: readonly string[] = [
  "--permission",
  "--no-warnings",
  "--disallow-code-generation-from-strings",
  `--max-old-space-size=${HEAP_MIB}`,
  "--input-type=module",
  "-",
];

/** Verdicts of the first programs: of all, of those before the one that the process ended in, or of that one. */
function runChild(programs: readonly SandboxProgram[], { signal, wallMs = WALL_MS }: RunOptions): Promise<Verdict[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, SANDBOX_FLAGS, { env: {}, stdio: ["pipe", "pipe", "ignore"] });
    const verdicts: Verdict[] = [];
    let end: Verdict = "crashed";
    let rest = "";
    const stop = (verdict: Verdict) => {
      end = verdict;
      child.kill("SIGKILL");
    };
    const timeout = setTimeout(stop, wallMs, "timeout");
    const watch = setInterval(() => residentBytes(child.pid) > MAX_RESIDENT_BYTES && stop("crashed"), MEMORY_CHECK_MS);
    const onAbort = () => child.kill("SIGKILL");
    signal.addEventListener("abort", onAbort);

    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!.slice(-MAX_LINE_CHARS);
      for (const line of lines) {
        const verdict = readVerdict(line, programs[verdicts.length]?.nonce);
        if (verdict) verdicts.push(verdict);
      }
    });
    // A child that was killed early no longer reads.
    child.stdin.on("error", () => {}).end(programOf(programs));
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(timeout);
      clearInterval(watch);
      signal.removeEventListener("abort", onAbort);
      if (signal.aborted) reject(signal.reason as Error);
      // After others it may have ended of something that they left behind: judged anew, first in a process.
      else resolve(verdicts.length > 0 ? verdicts : [end]);
    });
  });
}

function readVerdict(line: string, nonce: string | undefined): Verdict | null {
  if (nonce === undefined) return null;
  if (line === `passed ${nonce}`) return "passed";
  return line === "failed" || line === "syntax" ? line : null;
}

/** 0 where the system does not say. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
