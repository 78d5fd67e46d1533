import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const DEBIAN_CHROMIUM = "/usr/bin/chromium";
/** Longest installation of Debian's package, milliseconds. */
const INSTALL_DEADLINE_MS = 600_000;
/** Longest start of the browser on two busy cores, milliseconds. */
export const LAUNCH_DEADLINE_MS = 60_000;

/**
 * Chromium for tests: `KEPT_CHROMIUM`, else Debian's, which is installed when this is root and it is
 * missing. The sandbox is off because containers run tests as root; only this machine's server is visited.
 */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    timeout: LAUNCH_DEADLINE_MS,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
    ],
  });
}

/** Path of the browser; installs it once where that is possible, else says what to do. */
export function chromiumPath(): string {
  const chosen = process.env["KEPT_CHROMIUM"];
  if (chosen !== undefined) return chosen;
  if (existsSync(DEBIAN_CHROMIUM)) return DEBIAN_CHROMIUM;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error("The browser tests need Chromium: install it, or set KEPT_CHROMIUM to its path.");
  }
  const apt = (args: string[]) =>
    execFileSync("apt-get", args, {
      stdio: "inherit",
      timeout: INSTALL_DEADLINE_MS,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  apt(["update", "-qq"]);
  apt(["install", "-y", "-qq", "--no-install-recommends", "chromium"]);
  return DEBIAN_CHROMIUM;
}
