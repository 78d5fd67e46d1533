// Bundles each process of Kept into dist/. `node esbuild.mjs [--watch] [--meta]`.
import { build, context } from "esbuild";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(fileURLToPath(import.meta.url));
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

/** Native modules stay outside the bundles; `vscode` is given by the editor. */
const NATIVE_MODULES = ["better-sqlite3", "onnxruntime-node"];

/**
 * The Node that the oldest editor of `engines.vscode` brings: the extension, the engine and the server
 * all run on it. VS Code 1.110 is built on Electron 39, whose Node is 22; `using` is compiled for it.
 */
export const LOWEST_NODE = "node22.13";

const node = {
  bundle: true,
  platform: "node",
  target: LOWEST_NODE,
  format: "cjs",
  sourcemap: "linked",
  logLevel: "warning",
  define: {
    KEPT_VERSION: JSON.stringify(version),
    "import.meta.dirname": "__dirname",
    "import.meta.filename": "__filename",
  },
  absWorkingDir: root,
};

export const bundles = [
  {
    ...node,
    entryPoints: ["extension/main.ts"],
    outfile: "dist/extension.cjs",
    external: ["vscode", ...NATIVE_MODULES],
  },
  { ...node, entryPoints: ["engine/process/main.ts"], outfile: "dist/engine.cjs", external: NATIVE_MODULES },
  { ...node, entryPoints: ["tracker/thread/main.ts"], outfile: "dist/tracker.cjs" },
  {
    ...node,
    entryPoints: ["engine/devices/probe-process.ts"],
    outfile: "dist/device-probe.cjs",
    external: NATIVE_MODULES,
  },
  { ...node, entryPoints: ["server/main.ts"], outfile: "dist/server.cjs", external: NATIVE_MODULES },
  { ...node, entryPoints: ["server/worker.ts"], outfile: "dist/worker.cjs", external: NATIVE_MODULES },
  { ...node, entryPoints: ["engine/training/lane-thread.ts"], outfile: "dist/lane.cjs", external: NATIVE_MODULES },
  { ...node, entryPoints: ["server/writer.ts"], outfile: "dist/writer.cjs", external: NATIVE_MODULES },
  { ...node, entryPoints: ["server/cli.ts"], outfile: "dist/cli.cjs", external: NATIVE_MODULES },
  {
    bundle: true,
    entryPoints: ["media/dashboard/main.ts"],
    outfile: "dist/media/dashboard.js",
    format: "esm",
    target: "es2022",
    minify: true,
    sourcemap: "linked",
    logLevel: "warning",
    absWorkingDir: root,
    loader: { ".css": "text" },
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
  },
];

export async function buildAll() {
  mkdirSync(path.join(root, "dist/media"), { recursive: true });
  const results = await Promise.all(bundles.map((options) => build({ ...options, metafile: true })));
  copyFileSync(path.join(root, "media/dashboard/index.html"), path.join(root, "dist/media/index.html"));
  return results.map((result) => result.metafile);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--watch")) {
    for (const options of bundles) await (await context(options)).watch();
  } else {
    const metafiles = await buildAll();
    if (process.argv.includes("--meta")) writeFileSync(path.join(root, "dist/meta.json"), JSON.stringify(metafiles));
  }
}
