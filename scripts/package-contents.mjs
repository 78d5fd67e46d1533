// What a .vsix holds, for each platform that its native files are there for. Used by package.mjs and its test.
import { root } from "./setup.mjs";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * The marketplace's name of a platform, the prebuilt SQLite for it, and the folder of its ONNX Runtime,
 * or null where the runtime has no build: suggestions need one, so no package is made for those.
 */
export const TARGETS = [
  { target: "linux-x64", sqlite: "linux-x64", runtime: "linux/x64" },
  { target: "linux-arm64", sqlite: "linux-arm64", runtime: "linux/arm64" },
  { target: "win32-x64", sqlite: "win32-x64", runtime: "win32/x64" },
  { target: "win32-arm64", sqlite: "win32-arm64", runtime: "win32/arm64" },
  { target: "darwin-arm64", sqlite: "darwin-arm64", runtime: "darwin/arm64" },
  { target: "darwin-x64", sqlite: "darwin-x64", runtime: null },
  { target: "alpine-x64", sqlite: "linuxmusl-x64", runtime: null },
  { target: "alpine-arm64", sqlite: "linuxmusl-arm64", runtime: null },
];

export const BUNDLES = ["extension", "tracker", "engine", "device-probe", "server", "worker", "lane", "writer", "cli"];

/** Every path of a package, relative to the extension's folder, matches one of these. */
export const ALLOWED = [
  /^package(\.nls(\.de)?)?\.json$/,
  /^(README|CHANGELOG|readme|changelog)\.md$/,
  /^(LICENSE(\.txt)?|ThirdPartyNotices\.txt)$/,
  new RegExp(`^dist/(${BUNDLES.join("|")})\\.cjs$`),
  /^dist\/media\/(dashboard\.js|index\.html)$/,
  /^l10n\/bundle\.l10n\.[a-z]+\.json$/,
  /^media\/(icons|walkthrough)\/[\w.-]+\.(svg|png|md)$/,
  /^docs\/images\/[\w-]+\.png$/,
  /^models\/base\/[\w.-]+$/,
  /^models\/templates\/([a-z]+\/)?[\w.-]+$/,
  /^server\/training\/torch\/([\w-]+\.py|requirements\.txt)$/,
  /^server\/training\/general-places\.jsonl$/,
  /^dist\/node_modules\/better-sqlite3\/(package\.json|LICENSE|lib\/[\w./-]+\.js|prebuilds\/[\w-]+\.node)$/,
  /^dist\/node_modules\/onnxruntime-(node|common)\/(package\.json|LICENSE|dist\/[\w./-]+\.js|dist\/cjs\/package\.json)$/,
  /^dist\/node_modules\/onnxruntime-node\/bin\/napi-v6\/[\w-]+\/[\w-]+\/[\w.-]+$/,
];

/** What never belongs to a package, whatever the list above says. */
export const FORBIDDEN = [/(^|\/)test\//, /\.ts$/, /\.map$/, /(^|\/)\.(env|git|npmrc|cache)/, /\.(vsix|log|db)$/];

/** Why this platform has no package here, or null. */
export function missingFor({ sqlite, runtime }) {
  if (runtime === null) return "ONNX Runtime has no build for it";
  const binary = path.join("node_modules/better-sqlite3/prebuilds", `${sqlite}.node`);
  const folder = path.join("node_modules/onnxruntime-node/bin/napi-v6", runtime);
  return [binary, folder].find((file) => !existsSync(path.join(root, file))) ?? null;
}

/** Copies what the target's package holds into `stage`, with a manifest that names only what is in it. */
export function stagePackage(stage, { sqlite, runtime }, notices) {
  const copy = (from, to = from) => {
    mkdirSync(path.dirname(path.join(stage, to)), { recursive: true });
    cpSync(path.join(root, from), path.join(stage, to), { recursive: true, dereference: true });
  };
  const copyAll = (folder, matches) => {
    for (const name of readdirSync(path.join(root, folder))) if (matches.test(name)) copy(path.join(folder, name));
  };
  for (const file of ["package.nls.json", "package.nls.de.json", "README.md", "CHANGELOG.md", "LICENSE"]) copy(file);
  for (const name of BUNDLES) copy(`dist/${name}.cjs`);
  for (const name of ["dashboard.js", "index.html"]) copy(`dist/media/${name}`);
  for (const folder of ["l10n", "media/icons", "media/walkthrough", "models/base", "models/templates"]) copy(folder);
  for (const image of imagesOf("README.md")) copy(image);
  copyAll("server/training/torch", /\.py$|^requirements\.txt$/);
  copy("server/training/general-places.jsonl");

  // Beside the bundles, where they look first: a folder called node_modules at the top would be left out.
  const sqliteDir = "node_modules/better-sqlite3";
  for (const part of ["package.json", "LICENSE", "lib", `prebuilds/${sqlite}.node`])
    copy(`${sqliteDir}/${part}`, `dist/${sqliteDir}/${part}`);
  const runtimeDir = "node_modules/onnxruntime-node";
  copy(`${runtimeDir}/package.json`, `dist/${runtimeDir}/package.json`);
  for (const name of readdirSync(path.join(root, runtimeDir, "dist")).filter((file) => file.endsWith(".js")))
    copy(`${runtimeDir}/dist/${name}`, `dist/${runtimeDir}/dist/${name}`);
  copy(`${runtimeDir}/bin/napi-v6/${runtime}`, `dist/${runtimeDir}/bin/napi-v6/${runtime}`);
  const commonDir = "node_modules/onnxruntime-common";
  copy(`${commonDir}/package.json`, `dist/${commonDir}/package.json`);
  for (const name of readdirSync(path.join(root, commonDir, "dist/cjs")).filter((file) =>
    /\.js$|^package\.json$/.test(file),
  ))
    copy(`${commonDir}/dist/cjs/${name}`, `dist/${commonDir}/dist/cjs/${name}`);

  writeFileSync(path.join(stage, "ThirdPartyNotices.txt"), notices);
  // Everything staged is packed; the tool warns where no such file says so.
  writeFileSync(path.join(stage, ".vscodeignore"), "# nothing\n");
  writeFileSync(path.join(stage, "package.json"), JSON.stringify(packagedManifest(), null, 2));
}

/** The manifest without what only a clone needs; everything that it depends on is inside. */
function packagedManifest() {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  for (const key of ["private", "scripts", "devDependencies", "dependencies", "allowScripts", "overrides", "bin"])
    delete manifest[key];
  return manifest;
}

/** Images that a page names, in order. */
function imagesOf(page) {
  const text = readFileSync(path.join(root, page), "utf8");
  return [...text.matchAll(/!\[[^\]]*\]\(([^)#]+\.png)\)/g)].map(([, file]) => file);
}
