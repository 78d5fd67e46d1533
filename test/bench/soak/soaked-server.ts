import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync, closeSync, readFileSync } from "node:fs";
import path from "node:path";
import { runtimeFile } from "../../../protocol/api.ts";

/** The built server as a process of its own, as an editor starts it, but with a log of everything. */
export interface SoakedServer extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  /** Exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** What it wrote to stderr. */
  complaint(): string;
}

const ENTRY = path.resolve(import.meta.dirname, "../../../dist/server.cjs");
const START_MS = 60_000;

export async function startSoakedServer(dir: string, modelDir: string, mark: string): Promise<SoakedServer> {
  const dataDir = path.join(dir, "data");
  const complaints = path.join(dir, "stderr.log");
  const errors = openSync(complaints, "w");
  const child = spawn(
    process.execPath,
    [ENTRY, "--data-dir", dataDir, "--model-dir", modelDir, "--log", "file", "--log-level", "debug"],
    { env: { ...process.env, KEPT_TEST_MARK: mark }, stdio: ["ignore", "pipe", errors] },
  );
  closeSync(errors);
  const complaint = (): string => readFileSync(complaints, "utf8");
  const ended = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const limit = setTimeout(() => child.kill("SIGKILL"), START_MS);
  const how = await Promise.race([once(child.stdout!, "data").then(() => null), ended]);
  clearTimeout(limit);
  if (how !== null) throw new Error(`The server ended (${how}): ${complaint()}`);
  const { port, token } = runtimeFile.parse(JSON.parse(readFileSync(path.join(dataDir, "server.json"), "utf8")));
  return {
    child,
    pid: child.pid!,
    url: `http://127.0.0.1:${port}`,
    token,
    ended,
    complaint,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
