import { chromium, type Browser } from "playwright-core";
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";

/** Longest start of the browser on two busy cores, milliseconds. */
export const LAUNCH_DEADLINE_MS = 60_000;
const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

/** KEPT_CHROMIUM, or one on PATH; Debian's is installed when this runs as root. */
function findChromium(): string {
  const found = process.env["KEPT_CHROMIUM"] ?? onPath();
  if (found) return found;
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    for (const args of [
      ["update", "-qq"],
      ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ]) {
      spawnSync("apt-get", args, { env, stdio: "ignore", timeout: 300_000 });
    }
  }
  const installed = onPath();
  if (!installed)
    throw new Error("No Chromium: install it (Debian: apt-get install chromium) or set KEPT_CHROMIUM to its path.");
  return installed;
}

/** Headless Chromium without a sandbox: containers run tests as root, and only this machine's server is visited. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), timeout: LAUNCH_DEADLINE_MS, args: FLAGS });
}

function onPath(): string | null {
  for (const name of NAMES) {
    for (const dir of (process.env["PATH"] ?? "").split(path.delimiter)) {
      try {
        const file = path.join(dir, name);
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not in this folder: look in the next.
      }
    }
  }
  return null;
}
