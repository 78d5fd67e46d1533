import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** The version that the figures of engine.md were taken with. */
const VERSION = "3.22.1";
const folder = path.resolve(import.meta.dirname, "../../../.cache/bench");

/** Module of the installed package. */
export const llamaEntry = (): string => path.join(folder, "node_modules/node-llama-cpp/dist/index.js");

/**
 * Install node-llama-cpp with its prebuilt library for this platform's processor into `.cache/bench`, once.
 * No install script runs. Null when it cannot be fetched.
 */
export function installLlama(say: (line: string) => void): string | null {
  if (existsSync(llamaEntry())) return llamaEntry();
  say(`Installing node-llama-cpp ${VERSION} into .cache/bench…`);
  mkdirSync(folder, { recursive: true });
  const manifest = path.join(folder, "package.json");
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const packages = [`node-llama-cpp@${VERSION}`, `@node-llama-cpp/${platform()}@${VERSION}`];
  const flags = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  try {
    execFileSync("npm", ["install", ...flags, ...packages], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  } catch (error) {
    say(`node-llama-cpp cannot be installed: ${(error as Error).message}`);
    return null;
  }
  return llamaEntry();
}

function platform(): string {
  const { platform: system, arch } = process;
  if (system === "darwin") return arch === "arm64" ? "mac-arm64-metal" : "mac-x64";
  return `${system === "win32" ? "win" : "linux"}-${arch}`;
}
