// What the browser and editor suites need beside npm packages. Called under Node 24.
import { ensureProgram } from "./debian.mjs";
import { root, say } from "./setup.mjs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** A Chromium in KEPT_CHROMIUM or on the path; Debian's is installed when this runs as root. */
export async function ensureChromium() {
  return { KEPT_CHROMIUM: process.env.KEPT_CHROMIUM ?? (await ensureProgram(CHROMIUM_NAMES, ["chromium"])) };
}

/** The editor that the extension's tests run in, installed into .cache/ by the suites' own support code. */
export async function ensureEditor() {
  const { installCodeServer } = await import(pathToFileURL(path.join(root, "test/support/vscode/install.ts")));
  await installCodeServer(say);
  return {};
}
