// The licences of every package whose code is inside a .vsix, as one text.
import { root } from "./setup.mjs";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Packages that are shipped as they are, beside the bundles. */
const UNBUNDLED = ["better-sqlite3", "onnxruntime-common", "onnxruntime-node"];
const LICENCE_FILE = /^(licen[cs]e|copying|notice|thirdpartynotices)(\.|-|$)/i;

/** `metafiles` are esbuild's records of what went into each bundle. */
export function thirdPartyNotices(metafiles) {
  const folders = new Set(UNBUNDLED.map((name) => `node_modules/${name}`));
  for (const { inputs } of metafiles) {
    for (const file of Object.keys(inputs)) {
      const folder = packageFolder(file);
      if (folder) folders.add(folder);
    }
  }
  const parts = [...folders].sort().map(noticeOf);
  return `Kept contains code of the packages below, each under its own licence.\n\n${parts.join("\n")}`;
}

/** `node_modules/a/b.js` is of `node_modules/a`; nested and scoped packages too. */
function packageFolder(file) {
  const at = file.lastIndexOf("node_modules/");
  if (at === -1) return null;
  const [first, second] = file.slice(at + "node_modules/".length).split("/");
  return file.slice(0, at) + "node_modules/" + (first.startsWith("@") ? `${first}/${second}` : first);
}

function noticeOf(folder) {
  const dir = path.join(root, folder);
  const manifest = JSON.parse(readFileSync(path.join(dir, "package.json"), "utf8"));
  const licence = typeof manifest.license === "string" ? manifest.license : (manifest.license?.type ?? "");
  const home = manifest.homepage ?? manifest.repository?.url ?? manifest.repository ?? "";
  const texts = readdirSync(dir)
    .filter((name) => LICENCE_FILE.test(name) && existsSync(path.join(dir, name)))
    .map((name) => readFileSync(path.join(dir, name), "utf8").trim());
  const author = typeof manifest.author === "string" ? manifest.author : (manifest.author?.name ?? "");
  // A package without a licence file says its licence in its manifest alone.
  const text = texts.length > 0 ? texts.join("\n\n") : `Licence: ${licence}${author ? `\nAuthor: ${author}` : ""}`;
  return `${"-".repeat(80)}\n${manifest.name} ${manifest.version} (${licence})\n${home}\n\n${text}\n`;
}
