import { PROTOCOL_VERSION, proofMessage, proofResponse, runtimeFile, type RuntimeFile } from "../../protocol/api.ts";
import envPaths from "env-paths";
import { spawn } from "node:child_process";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** A server that has proved that it holds the token of this machine's runtime file. */
export interface ServerConnection {
  readonly baseUrl: string;
  readonly token: string;
  readonly pid: number;
  readonly version: string;
}

export type Discovery =
  | { readonly ok: true; readonly connection: ServerConnection }
  | { readonly ok: false; readonly reason: "none" | "not-private" | "unreachable" | "unproved" | "other-protocol" };

/** The server is on this machine: an answer takes a few milliseconds, or it hangs. */
const PROOF_DEADLINE_MS = 1_500;
const NONCE_BYTES = 32;

/** `KEPT_DATA_DIR`, or the platform's folder for application data: the server uses the same rule. */
export function serverDataDir(env: NodeJS.ProcessEnv): string {
  return path.resolve(env["KEPT_DATA_DIR"] ?? envPaths("kept", { suffix: "" }).data);
}

/**
 * Finds the running server through its runtime file and lets it prove itself first: whatever listens
 * on that port learns nothing but a random nonce until it has signed it with the token.
 */
export async function discoverServer(dataDir: string, signal: AbortSignal): Promise<Discovery> {
  const found = readRuntimeFile(path.join(dataDir, "server.json"));
  if (!found.ok) return found;
  const { port, pid, token, version, protocol } = found.runtime;
  if (protocol !== PROTOCOL_VERSION) return { ok: false, reason: "other-protocol" };
  const baseUrl = `http://127.0.0.1:${port}`;
  const nonce = randomBytes(NONCE_BYTES).toString("base64url");
  try {
    const response = await fetch(`${baseUrl}/v1/proof`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ nonce }),
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(PROOF_DEADLINE_MS)]),
    });
    if (!response.ok) return { ok: false, reason: "unproved" };
    const answer = proofResponse.parse(await response.json());
    const expected = createHmac("sha256", token)
      .update(proofMessage(nonce, port, pid))
      .digest("hex");
    const proved = answer.pid === pid && answer.port === port && sameText(answer.proof, expected);
    return proved ? { ok: true, connection: { baseUrl, token, pid, version } } : { ok: false, reason: "unproved" };
  } catch {
    return { ok: false, reason: "unreachable" };
  }
}

/** Start a server that outlives this window. It takes the instance lock itself: of two, one stays. */
export function startServer(entry: string, dataDir: string, env: NodeJS.ProcessEnv): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const output = openSync(path.join(dataDir, "server-start.log"), "a", 0o600);
  try {
    const child = spawn(process.execPath, [entry], {
      env: { ...withoutEditorVariables(env), ELECTRON_RUN_AS_NODE: "1", KEPT_DATA_DIR: dataDir },
      detached: true,
      stdio: ["ignore", output, output],
      windowsHide: true,
    });
    // A start that fails shows as a server that never answers, and is tried again.
    child.on("error", () => {});
    child.unref();
  } finally {
    closeSync(output);
  }
}

type FoundRuntime = { ok: true; runtime: RuntimeFile } | { ok: false; reason: "none" | "not-private" };

function readRuntimeFile(file: string): FoundRuntime {
  try {
    if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0)
      return { ok: false, reason: "not-private" };
    return { ok: true, runtime: runtimeFile.parse(JSON.parse(readFileSync(file, "utf8"))) };
  } catch {
    return { ok: false, reason: "none" };
  }
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a, "utf8");
  const right = Buffer.from(b, "utf8");
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The editor's own variables tie a child to its window (and would end it with the window). */
function withoutEditorVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !name.startsWith("VSCODE_") && !name.startsWith("ELECTRON_") && name !== "NODE_OPTIONS",
    ),
  );
}
