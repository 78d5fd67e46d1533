import type { PoweredFolder, DiskFaults } from "../power/power.ts";
import { readRuntimeFile } from "../../../server/runtime-file.ts";
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import path from "node:path";

const SERVER = path.resolve(import.meta.dirname, "../../../server/main.ts");
/** A server that neither listens nor ends by then hangs, milliseconds. */
const START_MS = 60_000;

/** The real server as a process of its own, which a test may kill, fill the disk of, or cut the power of. */
export interface FaultyServer {
  readonly child: ChildProcess;
  readonly url: string;
  readonly token: string;
  /** Exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** What it wrote to stderr so far. */
  complaint(): string;
  /** Ends it as an operating system does, and waits until it is gone. */
  stop(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

export interface ServerFaults {
  /** Modules that are loaded before the server: only tests name any. */
  readonly imports?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** The disk that the data folder lies on. */
  readonly disk?: { readonly folder: PoweredFolder; readonly faults?: DiskFaults };
}

/** In the environment of every server that this test process starts, and of what they start. */
export const MARK = `kept-faults-${randomUUID()}`;

/** The mark of the servers of one data folder. */
export const markOf = (dataDir: string): string => `${MARK}:${dataDir}:`;

/** Starts a server; answers how it ended when it does not come to listen. */
export async function tryServer(
  dataDir: string,
  { imports = [], env = {}, args = [], disk }: ServerFaults = {},
): Promise<FaultyServer | { readonly ended: number | NodeJS.Signals; readonly complaint: string }> {
  const program = [...imports.flatMap((module) => ["--import", module]), SERVER, "--data-dir", dataDir, ...args];
  const more = { ...env, KEPT_TEST_MARK: markOf(dataDir) };
  const child = disk
    ? disk.folder.start(program, disk.faults ?? {}, more)
    : spawn(process.execPath, program, { env: { ...process.env, ...more }, stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  child.stderr!.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const limit = setTimeout(() => child.kill("SIGKILL"), START_MS);
  const how = await Promise.race([once(child.stdout!, "data"), ended.then((how) => ({ ended: how }))]);
  clearTimeout(limit);
  if (!Array.isArray(how)) return { ended: how.ended, complaint };
  const runtime = readRuntimeFile(path.join(dataDir, "server.json"));
  if (runtime === null) return { ended: await ended, complaint };
  return {
    child,
    url: `http://127.0.0.1:${runtime.port}`,
    token: runtime.token,
    ended,
    complaint: () => complaint,
    async stop(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** Starts a server that has to come to listen. */
export async function startFaultyServer(dataDir: string, faults: ServerFaults = {}): Promise<FaultyServer> {
  const server = await tryServer(dataDir, faults);
  if (!("child" in server)) throw new Error(`The server ended (${server.ended}): ${server.complaint}`);
  return server;
}

/** One request with the token. Rejects when nobody answers. */
export async function call(
  server: Pick<FaultyServer, "url" | "token">,
  method: string,
  target: string,
  body?: unknown,
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers whose shapes they check elsewhere.
): Promise<{ status: number; body: any }> {
  const response = await fetch(server.url + target, {
    method,
    headers: { Authorization: `Bearer ${server.token}`, "Content-Type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  return { status: response.status, body: await response.json() };
}
