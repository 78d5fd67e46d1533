import { PROTOCOL_VERSION, runtimeFile, type RuntimeFile } from "../../protocol/api.ts";
import { ProofError, proveConnection } from "./proven-http.ts";
import envPaths from "env-paths";
import { spawn } from "node:child_process";
import { mkdir, open, readFile, stat } from "node:fs/promises";
import path from "node:path";

/** A server that has proved that it holds the token of this machine's runtime file. */
export interface ServerConnection {
  readonly baseUrl: string;
  readonly token: string;
  readonly pid: number;
  readonly version: string;
}

/** Why there is no connection. */
export type DiscoveryProblem = "none" | "not-private" | "unreachable" | "unproved" | "other-protocol";

export type Discovery =
  | { readonly ok: true; readonly connection: ServerConnection }
  | { readonly ok: false; readonly reason: DiscoveryProblem };

/** How clients of this machine find the server. */
export const RUNTIME_FILE = "server.json";

/** `KEPT_DATA_DIR`, or the platform's folder for application data: the server uses the same rule. */
export function serverDataDir(env: NodeJS.ProcessEnv): string {
  return path.resolve(env["KEPT_DATA_DIR"] ?? envPaths("kept", { suffix: "" }).data);
}

/**
 * Finds the running server through its runtime file and lets it prove itself first: whatever listens
 * on that port learns nothing but a random nonce until it has signed it with the token.
 */
export async function discoverServer(dataDir: string, signal: AbortSignal): Promise<Discovery> {
  const found = await readRuntimeFile(path.join(dataDir, RUNTIME_FILE));
  if (!found.ok) return found;
  const { port, pid, token, version, protocol } = found.runtime;
  if (protocol !== PROTOCOL_VERSION) return { ok: false, reason: "other-protocol" };
  const connection = { baseUrl: `http://127.0.0.1:${port}`, token, pid, version };
  try {
    await proveConnection(connection, signal);
    return { ok: true, connection };
  } catch (error) {
    return { ok: false, reason: error instanceof ProofError ? error.reason : "unreachable" };
  }
}

/** Start a server that outlives this window. It takes the instance lock itself: of two, one stays. */
export async function startServer(entry: string, dataDir: string, env: NodeJS.ProcessEnv): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const output = await open(path.join(dataDir, "server-start.log"), "a", 0o600);
  try {
    const child = spawn(process.execPath, [entry], {
      // Not the workspace's folder: nothing that a repository holds is looked up by name from here.
      cwd: dataDir,
      env: { ...withoutEditorVariables(env), ELECTRON_RUN_AS_NODE: "1", KEPT_DATA_DIR: dataDir },
      detached: true,
      stdio: ["ignore", output.fd, output.fd],
      windowsHide: true,
    });
    // A start that fails shows as a server that never answers, and is tried again.
    child.on("error", () => {});
    child.unref();
  } finally {
    await output.close();
  }
}

type FoundRuntime = { ok: true; runtime: RuntimeFile } | { ok: false; reason: "none" | "not-private" };

async function readRuntimeFile(file: string): Promise<FoundRuntime> {
  try {
    if (process.platform !== "win32" && ((await stat(file)).mode & 0o077) !== 0)
      return { ok: false, reason: "not-private" };
    return { ok: true, runtime: runtimeFile.parse(JSON.parse(await readFile(file, "utf8"))) };
  } catch {
    return { ok: false, reason: "none" };
  }
}

/** The editor's own variables tie a child to its window (and would end it with the window). */
function withoutEditorVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !name.startsWith("VSCODE_") && !name.startsWith("ELECTRON_") && name !== "NODE_OPTIONS",
    ),
  );
}
