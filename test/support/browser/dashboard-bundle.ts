import { build, type BuildOptions } from "esbuild";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../../..");
let built: Promise<string> | null = null;

/** Folder with the dashboard as it is shipped, built once a process and removed at its end. */
export function dashboardBundle(): Promise<string> {
  built ??= buildDashboard();
  return built;
}

async function buildDashboard(): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "kept-dashboard-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const { bundles } = (await import(path.join(root, "esbuild.mjs"))) as { bundles: BuildOptions[] };
  const dashboard = bundles.find(({ outfile }) => outfile === "dist/media/dashboard.js");
  if (dashboard === undefined) throw new Error("esbuild.mjs does not build dist/media/dashboard.js");
  await build({ ...dashboard, outfile: path.join(folder, "dashboard.js") });
  copyFileSync(path.join(root, "media/dashboard/index.html"), path.join(folder, "index.html"));
  return folder;
}
