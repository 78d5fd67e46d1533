import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { patchProposedApi } from "./stock-api-patch.ts";

/** The editor of the tests where desktop VS Code cannot be had: VS Code 1.139.1 in a browser. */
export const CODE_SERVER_VERSION = "4.139.1";
const root = path.resolve(import.meta.dirname, "../../..");
const cacheDir = path.join(root, ".cache/code-server");
/** Rises when the steps below change: an older install is made again. */
const RECIPE = 2;
/** One npm install on a slow line. */
const INSTALL_DEADLINE_MS = 300_000;

/** Package folder of an installed, patched code-server; installs it on the first call (15 to 35 s). */
export async function installCodeServer(say: (line: string) => void = () => {}): Promise<string> {
  const packageDir = path.join(cacheDir, "node_modules/code-server");
  const stamp = path.join(cacheDir, "installed");
  const wanted = `${CODE_SERVER_VERSION} recipe ${RECIPE}`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return packageDir;
  say(`Installing code-server ${CODE_SERVER_VERSION} into ${path.relative(root, cacheDir)}…`);
  const fresh = `${cacheDir}.new-${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
    writeFileSync(path.join(fresh, "package.json"), JSON.stringify({ private: true }));
    await npm(["install", `code-server@${CODE_SERVER_VERSION}`, "--ignore-scripts"], fresh);
    // The plain install fails on native modules; these two need no compiler.
    const vscode = path.join(fresh, "node_modules/code-server/lib/vscode");
    await npm(["install", "--omit=dev", "--ignore-scripts"], vscode);
    await npm(["install", "--omit=dev", "--ignore-scripts"], path.join(vscode, "extensions"));
    for (const file of [
      "out/vs/workbench/api/node/extensionHostProcess.js",
      "out/vs/code/browser/workbench/workbench.js",
    ]) {
      const target = path.join(vscode, file);
      writeFileSync(target, patchProposedApi(readFileSync(target, "utf8")));
    }
    writeFileSync(path.join(fresh, "installed"), wanted);
    rmSync(cacheDir, { recursive: true, force: true });
    renameSync(fresh, cacheDir);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return packageDir;
}

/** Node 24, which code-server needs: on Node 20 every page answers 500. */
export const node24 = path.join(root, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");

async function npm(args: readonly string[], cwd: string): Promise<void> {
  const env = { ...process.env, PATH: `${path.dirname(node24)}${path.delimiter}${process.env["PATH"] ?? ""}` };
  const command = process.platform === "win32" ? "npm.cmd" : "npm";
  const child = spawn(command, [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd,
    env,
    stdio: ["ignore", "ignore", "pipe"],
    shell: process.platform === "win32",
  });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2_000);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), INSTALL_DEADLINE_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  clearTimeout(timer);
  if (code !== 0) throw new Error(`npm ${args.join(" ")} ended with ${code}: ${complaint}`);
}

if (process.argv[1] === import.meta.filename) await installCodeServer((line) => process.stderr.write(`${line}\n`));
