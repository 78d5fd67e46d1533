import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { RuntimeFile } from "../../protocol/api.ts";
import { readRuntimeFile } from "../../server/runtime-file.ts";
import { setTimeout as delay } from "node:timers/promises";

const ROOT = path.resolve(import.meta.dirname, "../..");

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly runtime: RuntimeFile;
  readonly url: string;
  /** Resolves when the process is gone, with its exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Starts `server/main.ts` as a process of its own and waits until it listens. */
export async function startServerProcess(dataDir: string, args: readonly string[] = []): Promise<ServerProcess> {
  const child = spawn(process.execPath, [path.join(ROOT, "server/main.ts"), "--data-dir", dataDir, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr!.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const listening = once(child.stdout!, "data");
  await Promise.race([
    listening,
    ended.then((how) => {
      throw new Error(`The server ended (${how}): ${said}`);
    }),
  ]);
  const runtime = readRuntimeFile(path.join(dataDir, "server.json"))!;
  return { child, runtime, url: `http://127.0.0.1:${runtime.port}`, ended };
}

/** Waits until `look` finds something. */
export async function until<T>(look: () => Promise<T | null> | T | null, deadlineMs: number): Promise<T> {
  const signal = AbortSignal.timeout(deadlineMs);
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (signal.aborted) throw new Error(`Nothing was found within ${deadlineMs} ms.`);
    await delay(50, undefined, { signal }).catch(() => {});
  }
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `kept` from source. */
export async function runCli(args: readonly string[], cwd: string = process.cwd()): Promise<CliResult> {
  const child = spawn(process.execPath, [path.join(ROOT, "server/cli.ts"), ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  return { code, stdout, stderr };
}
