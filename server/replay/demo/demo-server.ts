import { connectToServer, type ServerClient } from "../../cli/client.ts";
import { AppError } from "../../errors.ts";
import { dataPlaces } from "../../places.ts";
import { readRuntimeFile } from "../../runtime-file.ts";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Longest start of the server, milliseconds: a cold disk and two busy cores. */
const START_MS = 60_000;
/** Longest orderly stop; then it is killed, milliseconds. */
const STOP_MS = 12_000;
const POLL_MS = 50;

/** A server of the demo's own, ended with everything that it started. */
export interface DemoServer extends AsyncDisposable {
  readonly client: ServerClient;
  readonly dataDir: string;
}

export interface DemoServerOptions {
  /** `.kept/demo`: every run has a folder of its own in it. */
  readonly demosDir: string;
  readonly modelDir: string;
  readonly port: number;
  readonly signal: AbortSignal;
}

/** Starts a server on a fresh data folder. Folders of earlier demos whose server has gone are removed. */
export async function startDemoServer(options: DemoServerOptions): Promise<DemoServer> {
  const dataDir = freshDataDir(options.demosDir);
  const flags = { "data-dir": dataDir, "model-dir": options.modelDir, port: String(options.port), log: "file" };
  const child = spawn(
    process.execPath,
    [serverEntry(), ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])],
    // A group of its own: Ctrl+C reaches the demo alone, which then stops the server in order.
    { stdio: ["ignore", "ignore", "pipe"], detached: process.platform !== "win32" },
  );
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(-2_000)));
  const stop = (): Promise<void> => stopServer(child);
  try {
    await listening(child, dataDir, options.signal);
    return { client: await connectToServer(dataDir), dataDir, [Symbol.asyncDispose]: stop };
  } catch (cause) {
    await stop();
    if (options.signal.aborted) throw cause;
    throw new AppError("not-running", `The demo's server did not start. ${complaint.trim()}`.trim(), { cause });
  }
}

async function listening(child: ChildProcess, dataDir: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (readRuntimeFile(dataPlaces(dataDir).runtimeFile) === null) {
    if (hasEnded(child)) throw new Error("The server process ended.");
    if (performance.now() > deadline) throw new Error("The server did not listen in time.");
    await delay(POLL_MS, undefined, { signal });
  }
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = new AbortController();
  await Promise.race([exited, delay(STOP_MS, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
  killGroup(child);
}

/** What the server itself had started goes too, when it did not end in time. */
function killGroup(child: ChildProcess): void {
  if (process.platform === "win32" || child.pid === undefined) return void child.kill("SIGKILL");
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

function freshDataDir(demosDir: string): string {
  mkdirSync(demosDir, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(demosDir)) {
    const earlier = path.join(demosDir, name);
    if (!isServed(earlier)) rmSync(earlier, { recursive: true, force: true });
  }
  return path.join(demosDir, new Date().toISOString().replace(/[:.]/g, "-"));
}

function isServed(dataDir: string): boolean {
  const runtime = readRuntimeFile(dataPlaces(dataDir).runtimeFile);
  if (runtime === null) return false;
  try {
    process.kill(runtime.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The bundle beside this one, or the source when this runs from source. */
function serverEntry(): string {
  const here = import.meta.dirname;
  return path.basename(here) === "demo" ? path.join(here, "..", "..", "main.ts") : path.join(here, "server.cjs");
}
