// `npm start [-- <folder>]`: Kept's server, and VS Code with the extension on a folder. Ctrl+C stops both.
import { ensureBuilt, node24, root, say, underNode24 } from "./setup.mjs";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

await underNode24(import.meta.url);

const wanted = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
const folder = path.resolve(process.env.INIT_CWD ?? process.cwd(), wanted ?? ".");
if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
  say(`kept: ${folder} is no folder. Usage: npm start -- <folder>`);
  process.exit(2);
}
await ensureBuilt();

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stopping.abort());
const stopped = new Promise((resolve) => stopping.signal.addEventListener("abort", resolve, { once: true }));

/** Longest wait for the server's runtime file, milliseconds: it opens a database and reads a model's hash. */
const SERVER_DEADLINE_MS = 20_000;
const STOP_GRACE_MS = 5_000;

const dataDir = process.env.KEPT_DATA_DIR ?? (await platformDataDir());
const server = await ensureServer(dataDir);
say(server.started ? `Server started (process ${server.pid}).` : `Server already running (process ${server.pid}).`);
say("For the dashboard: npm run kept -- dashboard, or the Kept menu in the editor's status bar.");

try {
  const desktop = await findDesktop();
  if (desktop) await runDesktop(desktop);
  else await runInBrowser();
} catch (error) {
  say(`kept: ${error.message}`);
  process.exitCode = 1;
} finally {
  await server.stop();
}
process.exit();

/** The same rule as the server's own. */
async function platformDataDir() {
  const { default: envPaths } = await import("env-paths");
  return envPaths("kept", { suffix: "" }).data;
}

/** The server of this data folder: the one that runs, or one started here and stopped with this command. */
async function ensureServer(dir) {
  const running = await answering(dir);
  if (running) return { ...running, started: false, stop: async () => {} };
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const child = spawn(node24(), [path.join(root, "dist/server.cjs"), "--data-dir", dir], {
    stdio: ["ignore", "ignore", "inherit"],
    // A group of its own: the terminal's Ctrl+C reaches it only through this command, which then waits for it.
    detached: process.platform !== "win32",
  });
  const deadline = Date.now() + SERVER_DEADLINE_MS;
  for (;;) {
    const found = await answering(dir);
    if (found) return { ...found, started: true, stop: () => end(child) };
    if (child.exitCode !== null || Date.now() > deadline || stopping.signal.aborted) {
      await end(child);
      say("kept: the server did not start. Its messages are above; `npm run kept -- doctor` says more.");
      process.exit(1);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function answering(dir) {
  try {
    const { pid, port } = JSON.parse(readFileSync(path.join(dir, "server.json"), "utf8"));
    const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1_000) });
    return response.ok ? { pid, port } : null;
  } catch {
    return null;
  }
}

/** `code` of desktop VS Code, unless this terminal belongs to a browser editor. */
async function findDesktop() {
  const given = process.env.KEPT_VSCODE_EXECUTABLE;
  if (given) return given;
  if (process.platform === "linux" && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return null;
  const found = spawnSync("code", ["--version"], {
    stdio: "ignore",
    timeout: 10_000,
    shell: process.platform === "win32",
  });
  return found.status === 0 ? "code" : null;
}

/** A window of desktop VS Code; `--wait` ends when the window is closed. */
async function runDesktop(command) {
  say(`Opening VS Code on ${folder}. Close its window or press Ctrl+C to stop.`);
  const args = ["--new-window", "--wait", `--extensionDevelopmentPath=${root}`, folder];
  const child = spawn(command, args, {
    stdio: "inherit",
    env: { ...process.env, KEPT_DATA_DIR: dataDir },
    shell: process.platform === "win32",
  });
  await Promise.race([stopped, new Promise((resolve) => child.once("exit", resolve))]);
  await end(child);
}

/** VS Code in a browser, from the cache that the tests use too. */
async function runInBrowser() {
  say("No desktop VS Code here (no `code` on PATH, or no display): using code-server.");
  const { startCodeServer } = await import("../test/support/vscode/code-server.ts");
  const { installCodeServer } = await import("../test/support/vscode/install.ts");
  await installCodeServer(say);
  const runDir = mkdtempSync(path.join(tmpdir(), "kept-editor-"));
  // Other users of this machine reach the port too: they need the password.
  const password = randomBytes(12).toString("base64url");
  const editor = await startCodeServer({
    runDir,
    password,
    environment: { KEPT_DATA_DIR: dataDir },
    settings: { "editor.minimap.enabled": true },
  });
  try {
    say(
      `\nThe editor is at\n\n  ${editor.address({ folder, extension: root })}\n\nPassword: ${password}\n\nPress Ctrl+C to stop.`,
    );
    await stopped;
  } finally {
    await editor[Symbol.asyncDispose]();
    if (existsSync(runDir)) rmSync(runDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
  await gone;
  clearTimeout(timer);
}
