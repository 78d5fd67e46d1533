// What the browser and editor suites need beside npm packages. Called under Node 24.
import { root, run, say } from "./setup.mjs";
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** A Chromium on PATH or in KEPT_CHROMIUM; Debian's is installed when this runs as root. */
export async function ensureChromium() {
  const found = process.env.KEPT_CHROMIUM ?? onPath(CHROMIUM_NAMES);
  if (found) return { KEPT_CHROMIUM: found };
  if (process.getuid?.() !== 0 || !onPath(["apt-get"])) {
    throw new Error(
      "no Chromium found. Install it (Debian: apt-get install chromium) or set KEPT_CHROMIUM to its path",
    );
  }
  say("Installing Chromium from Debian…");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const quiet = { env, stdio: ["ignore", "ignore", "inherit"] };
  if ((await run("apt-get", ["update", "-qq"], quiet)) !== 0) throw new Error("apt-get update failed");
  const code = await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], quiet);
  const installed = onPath(CHROMIUM_NAMES);
  if (code !== 0 || !installed) throw new Error(`apt-get install chromium ended with code ${code}`);
  return { KEPT_CHROMIUM: installed };
}

/** The editor that the extension's tests run in, installed into .cache/ by the suites' own support code. */
export async function ensureEditor() {
  const { installCodeServer } = await import(pathToFileURL(path.join(root, "test/support/vscode/install.ts")));
  await installCodeServer(say);
  return {};
}

function onPath(names) {
  for (const name of names) {
    for (const dir of (process.env.PATH ?? "").split(path.delimiter)) {
      const file = path.join(dir, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not in this folder: look in the next.
      }
    }
  }
  return null;
}
