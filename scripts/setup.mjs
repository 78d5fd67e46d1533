// What every command needs before it can start. Runs on plain Node 20 with nothing installed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const MIN_NODE = [20, 19];
const RUNTIME_MAJOR = 24;
/** Longest install that another command of this clone is waited for, milliseconds: a slow first download. */
const INSTALL_WAIT_MS = 600_000;
const STAMP = path.join(root, "node_modules/.kept-install");
const LOCK = path.join(root, ".cache/install.lock");

/** Line on stderr, so that stdout stays data. */
export const say = (text) => process.stderr.write(`${text}\n`);

/** Path of the Node 24 binary that the `node` package installs. */
export function node24() {
  return path.join(root, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");
}

/**
 * Run a program in the repository's root and resolve with its exit code (128 + n for signal n).
 * Signals that reach this process alone are passed on; the child decides how to stop.
 */
export function run(command, args = [], options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options });
    const passOn = (signal) => {
      // A terminal sends Ctrl+C to the whole group itself; twice would mean "at once" to the child.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, passOn);
    const done = () => signals.forEach((signal) => process.removeListener(signal, passOn));
    child.once("error", (error) => (done(), reject(error)));
    child.once("exit", (code, signal) => (done(), resolve(signal ? 128 + constants.signals[signal] : (code ?? 1))));
  });
}

/** Install the locked packages when they are missing or differ from package-lock.json. */
export async function ensureInstalled() {
  refuseOldNode();
  if (isInstalled()) return;
  mkdirSync(path.dirname(LOCK), { recursive: true });
  await takeLock();
  try {
    if (isInstalled()) return;
    say("Installing packages (npm ci), a minute or two the first time…");
    const started = Date.now();
    const npm = process.platform === "win32" ? "npm.cmd" : "npm";
    const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
    const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    const ticker = progressTicker("Installing packages");
    const code = await run(npm, args, {
      env,
      stdio: ["ignore", "ignore", "inherit"],
      shell: process.platform === "win32",
    });
    ticker.stop();
    if (code !== 0) throw new Error(`npm ci ended with code ${code}. Its messages are above.`);
    if (!existsSync(node24()))
      throw new Error(
        "The `node` package did not install its binary. Is ignore-scripts set in your npm configuration?",
      );
    writeFileSync(STAMP, lockHash());
    say(`Installed in ${Math.round((Date.now() - started) / 1000)} s.`);
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

/** Bundle into dist/ when a source is newer than the bundles. */
export async function ensureBuilt() {
  const built = path.join(root, "dist/.built");
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0;
  if (newestSource() <= builtAt) return;
  const startedAt = new Date();
  const code = await run(node24(), ["esbuild.mjs", "--meta"]);
  if (code !== 0) throw new Error(`The build ended with code ${code}.`);
  // Stamped with the start: a source saved during the build is newer than the stamp.
  writeFileSync(built, startedAt.toISOString());
  utimesSync(built, startedAt, startedAt);
}

/**
 * Install, then go on under Node 24: a script calls this first, and it returns only there.
 * Under an older Node the script is started again and this process ends with its exit code.
 */
export async function underNode24(scriptUrl) {
  try {
    await ensureInstalled();
  } catch (error) {
    say(`kept: ${error.message}`);
    process.exit(1);
  }
  if (Number(process.versions.node.split(".")[0]) >= RUNTIME_MAJOR) return;
  const code = await run(node24(), [fileURLToPath(scriptUrl), ...process.argv.slice(2)]);
  process.exit(code);
}

/** A line every few seconds, so that a long silent step is seen to be alive. */
export function progressTicker(what, everyMs = 5_000) {
  const started = Date.now();
  const timer = setInterval(() => say(`  ${what}: ${Math.round((Date.now() - started) / 1000)} s`), everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return;
  say(
    `kept: Node ${process.versions.node} is too old. Install Node ${MIN_NODE.join(".")} or newer; Node 24 then comes with the packages.`,
  );
  process.exit(1);
}

function isInstalled() {
  if (!existsSync(node24())) return false;
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === lockHash()) return true;
  // Packages installed by hand with npm: its own record of what stands in node_modules decides.
  const record = path.join(root, "node_modules/.package-lock.json");
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")).packages;
  const present = JSON.parse(readFileSync(record, "utf8")).packages;
  return Object.entries(wanted).every(
    ([name, entry]) => name === "" || present[name]?.version === entry.version || (entry.optional && !present[name]),
  );
}

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(path.join(root, "package-lock.json")))
    .digest("hex");
}

/** Two commands of one clone never install at the same time. */
async function takeLock() {
  const deadline = Date.now() + INSTALL_WAIT_MS;
  for (;;) {
    try {
      mkdirSync(LOCK);
      writeFileSync(path.join(LOCK, "pid"), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (!isOwnerAlive()) rmSync(LOCK, { recursive: true, force: true });
    else if (Date.now() > deadline)
      throw new Error("Another command of this clone has been installing for ten minutes. Stop it and try again.");
    else await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function isOwnerAlive() {
  const file = path.join(LOCK, "pid");
  // Without a pid yet the owner may be between its two calls: alive for a moment.
  if (!existsSync(file)) return existsSync(LOCK) && Date.now() - statSync(LOCK).mtimeMs < 5_000;
  try {
    process.kill(Number(readFileSync(file, "utf8")), 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

const SOURCES = [
  "core",
  "engine",
  "extension",
  "media",
  "protocol",
  "server",
  "tracker",
  "esbuild.mjs",
  "package.json",
];

function newestSource() {
  let newest = 0;
  const visit = (file) => {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (!stats) return;
    newest = Math.max(newest, stats.mtimeMs);
    if (stats.isDirectory()) for (const name of readdirSync(file)) visit(path.join(file, name));
  };
  for (const name of SOURCES) visit(path.join(root, name));
  return newest;
}
