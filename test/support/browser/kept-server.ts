import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { ingestResponse, loginCode, runtimeFile, type RuntimeFile } from "../../../protocol/api.ts";
import { dashboardBundle } from "./dashboard-bundle.ts";
import { type Feedback, feedbackEvents } from "./feedback.ts";

const root = path.resolve(import.meta.dirname, "../../..");
/** Longest start and longest end of the server, milliseconds. */
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;

/** The real server in its own process on a folder of its own. */
export interface KeptServer extends AsyncDisposable {
  readonly dataDir: string;
  readonly runtime: RuntimeFile;
  readonly url: string;
  /** Asks a route with the token; throws when the answer is not a success. */
  ask(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Posts the events of each suggestion and returns their ids in order. */
  post(...feedback: readonly Feedback[]): Promise<string[]>;
  /** Address that signs a browser in once. */
  loginUrl(query?: string): Promise<string>;
  stop(): Promise<void>;
  /** Starts again on the same folder and port. */
  restart(): Promise<void>;
}

/** Starts `server/main.ts`; `prepare` may fill the data folder first. */
export async function startKeptServer(
  prepare: (dataDir: string) => void | Promise<void> = () => {},
): Promise<KeptServer> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), "kept-browser-"));
  const mediaDir = await dashboardBundle();
  let child: ChildProcess;
  try {
    await prepare(dataDir);
    child = await spawnServer(dataDir, mediaDir, 0);
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
  let runtime = readRuntime(dataDir);

  const ask: KeptServer["ask"] = async (method, route, body) => {
    const response = await fetch(`http://127.0.0.1:${runtime.port}${route}`, {
      method,
      headers: { authorization: `Bearer ${runtime.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(START_DEADLINE_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
    return JSON.parse(text) as unknown;
  };
  const stop = () => stopServer(child);
  return {
    dataDir,
    get runtime() {
      return runtime;
    },
    get url() {
      return `http://127.0.0.1:${runtime.port}/`;
    },
    ask,
    async post(...feedback) {
      const chains = feedback.map(feedbackEvents);
      const events = chains.flatMap((chain) => chain.events);
      const { results } = ingestResponse.parse(await ask("POST", "/v1/events", { events }));
      const refused = results.find(({ status }) => status !== "accepted");
      if (refused !== undefined) throw new Error(`event not accepted: ${JSON.stringify(refused)}`);
      return chains.map((chain) => chain.suggestionId);
    },
    async loginUrl(query = "") {
      const { code } = loginCode.parse(await ask("POST", "/v1/login-codes", {}));
      return `http://127.0.0.1:${runtime.port}/${query}#code=${code}`;
    },
    stop,
    async restart() {
      await stop();
      child = await spawnServer(dataDir, mediaDir, runtime.port);
      runtime = readRuntime(dataDir);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function spawnServer(dataDir: string, mediaDir: string, port: number): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [path.join(root, "server/main.ts"), "--data-dir", dataDir, "--port", String(port)],
    { cwd: root, env: { ...process.env, KEPT_MEDIA_DIR: mediaDir }, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const deadline = AbortSignal.timeout(START_DEADLINE_MS);
  while (!(await answers(dataDir, child.pid))) {
    if (child.exitCode !== null || deadline.aborted) {
      child.kill("SIGKILL");
      throw new Error(`The server did not start (exit ${child.exitCode}):\n${output}`);
    }
  }
  return child;
}

/** True once the runtime file is the child's own and its port answers; each try waits for the event loop. */
async function answers(dataDir: string, pid: number | undefined): Promise<boolean> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (!existsSync(path.join(dataDir, "server.json"))) return false;
  try {
    const runtime = readRuntime(dataDir);
    if (runtime.pid !== pid) return false;
    return (await fetch(`http://127.0.0.1:${runtime.port}/healthz`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

function readRuntime(dataDir: string): RuntimeFile {
  return runtimeFile.parse(JSON.parse(readFileSync(path.join(dataDir, "server.json"), "utf8")));
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(timer);
}
