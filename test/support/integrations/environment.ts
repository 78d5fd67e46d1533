import { spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { findPython } from "../../../server/training/torch/python-environment.ts";
import { until } from "../../server/server-process.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const READY = "kept-ready";
/** Every package that comes with each of them, in the version that was tested: what a release of tomorrow breaks is not ours. */
const PINS = path.join(import.meta.dirname, "pins");
/** Longest install on a slow line, milliseconds. */
const INSTALL_MS = 20 * 60_000;
/** Longest start on two busy cores, with the first migrations of a database, milliseconds. */
const START_MS = 240_000;

/** The versions that the clients are tested against, and that the recordings are of. */
export const VERSIONS = { mlflow: "3.17.2", "label-studio": "1.23.2" } as const;
export type Package = keyof typeof VERSIONS;

/** The lines `name==version` that are installed with a package, all that it needs included. */
export const pinsOf = (name: Package): string => readFileSync(pinsFile(name), "utf8");

const pinsFile = (name: Package): string => path.join(PINS, `${name}-${VERSIONS[name]}.txt`);

/**
 * Folder of programs of a package in a virtual environment of its own below `.cache/`, installed when it is not there
 * with all the versions of `pins/`. They were resolved by Python 3.11 on Linux.
 */
export async function prepareEnvironment(name: Package, say: (line: string) => void): Promise<string> {
  const wanted = `${name}==${VERSIONS[name]}`;
  const pins = pinsOf(name);
  const folder = path.join(ROOT, ".cache", "integrations", `${name}-${VERSIONS[name]}`);
  const programs = path.join(folder, process.platform === "win32" ? "Scripts" : "bin");
  const ready = path.join(folder, READY);
  if (existsSync(ready) && readFileSync(ready, "utf8") === pins) return programs;
  const python = await findPython(process.env, AbortSignal.timeout(INSTALL_MS));
  say(`Installing ${wanted} into .cache/integrations (minutes the first time)…`);
  // A virtual environment cannot be moved: one that is not whole is begun anew in its place.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.dirname(folder), { recursive: true });
  await run(python, ["-m", "venv", folder]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--prefer-binary"];
  await run(path.join(programs, "python"), [...pip, "--constraint", pinsFile(name), wanted]);
  writeFileSync(ready, pins);
  return programs;
}

function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], timeout: INSTALL_MS });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}.`))));
  });
}

/** A server of a package, in a process group of its own. */
export interface ForeignServer extends AsyncDisposable {
  readonly url: string;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again at the same address, with what it had stored. */
  restart(): Promise<void>;
}

/** Starts a server and waits until `healthPath` answers. */
export async function startForeignServer(parts: {
  readonly command: string;
  readonly args: (port: number) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly dir: string;
  readonly healthPath: string;
}): Promise<ForeignServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logFile = path.join(parts.dir, "server.log");
  mkdirSync(parts.dir, { recursive: true });
  let child: ChildProcess | null = null;

  const start = async (): Promise<void> => {
    const log = openSync(logFile, "a");
    const started = spawn(parts.command, parts.args(port), {
      cwd: parts.dir,
      env: { ...process.env, ...parts.env },
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    child = started;
    await until(async () => {
      if (started.exitCode !== null)
        throw new Error(`${parts.command} ended: ${readFileSync(logFile, "utf8").slice(-2_000)}`);
      return (await isUp(url + parts.healthPath)) ? true : null;
    }, START_MS);
  };
  const kill = async (): Promise<void> => {
    const ending = child;
    child = null;
    if (ending === null || ending.exitCode !== null) return;
    const ended = new Promise((resolve) => ending.once("exit", resolve));
    process.kill(-ending.pid!, "SIGKILL");
    await ended;
  };
  await start();
  return { url, kill, restart: start, [Symbol.asyncDispose]: kill };
}

const isUp = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    async (answer) => {
      await answer.arrayBuffer();
      return answer.ok;
    },
    () => false,
  );

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An MLflow tracking server with SQLite and its artifact proxy. */
export const startMlflowServer = (programs: string, dir: string): Promise<ForeignServer> =>
  startForeignServer({
    command: path.join(programs, "mlflow"),
    args: (port) =>
      `server --host 127.0.0.1 --port ${port} --workers 1`
        .split(" ")
        .concat("--backend-store-uri", `sqlite:///${path.join(dir, "mlflow.db")}`)
        .concat("--artifacts-destination", path.join(dir, "artifacts")),
    env: { MLFLOW_DISABLE_TELEMETRY: "true", DO_NOT_TRACK: "true" },
    dir,
    healthPath: "/health",
  });

const USER = "kept@example.com";
const PASSWORD = "a-password-of-a-test-1";

/** A Label Studio with SQLite and one user, which may connect to this machine. */
export async function startLabelStudioServer(
  programs: string,
  dir: string,
): Promise<ForeignServer & { readonly key: string }> {
  const server = await startForeignServer({
    command: path.join(programs, "label-studio"),
    args: (port) =>
      `start --no-browser --internal-host 127.0.0.1 --port ${port}`
        .split(" ")
        .concat("--data-dir", dir, "--username", USER, "--password", PASSWORD),
    env: {
      LABEL_STUDIO_BASE_DATA_DIR: dir,
      SSRF_PROTECTION_ENABLED: "false",
      ML_BLOCK_LOCAL_IP: "false",
      LATEST_VERSION_CHECK: "0",
      COLLECT_ANALYTICS: "0",
      SENTRY_DSN: "",
      FRONTEND_SENTRY_DSN: "",
    },
    dir,
    healthPath: "/health",
  });
  return { ...server, key: await personalAccessToken(server.url) };
}

/** As a person makes one on the account page: by logging in. */
const personalAccessToken = (url: string): Promise<string> => tokenOf(url, "/user/login/");

/** As a person comes to one in the browser, who signs up first. */
export const signUp = (url: string): Promise<string> => tokenOf(url, "/user/signup/");

async function tokenOf(url: string, door: "/user/login/" | "/user/signup/"): Promise<string> {
  const jar = new Map<string, string>();
  const send = async (target: string, init: RequestInit = {}): Promise<Response> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url + target, {
      ...init,
      redirect: "manual",
      headers: { ...(init.headers as Record<string, string>), Cookie: cookie, Referer: `${url}${door}` },
      signal: AbortSignal.timeout(60_000),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined) jar.set(name, value ?? "");
    }
    return answer;
  };
  await (await send(door)).text();
  const form = { csrfmiddlewaretoken: jar.get("csrftoken") ?? "", email: USER, password: PASSWORD };
  await (await send(door, { method: "POST", body: new URLSearchParams(form) })).text();
  const made = await send("/api/token/", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": jar.get("csrftoken") ?? "" },
    body: "{}",
  });
  const { token } = (await made.json()) as { token?: string };
  if (token === undefined) throw new Error(`Label Studio gave no token (${made.status}).`);
  return token;
}
