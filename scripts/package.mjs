// `npm run package [-- --target linux-x64 | --all] [--out dir]`: builds a .vsix for each platform into dist/.
import { buildAll } from "../esbuild.mjs";
import { missingFor, stagePackage, TARGETS } from "./package-contents.mjs";
import { thirdPartyNotices } from "./third-party-notices.mjs";
import { root, run, say, underNode24 } from "./setup.mjs";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

await underNode24(import.meta.url);

/**
 * The packing tool stays outside of package.json: it brings 118 packages for publishing and signing
 * that nobody else needs. Its own scripts do not run.
 */
const VSCE = "@vscode/vsce@4.1.0";
const toolDir = path.join(root, ".cache/vsce");

const args = process.argv.slice(2);
const valueOf = (flag) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
const out = path.resolve(valueOf("--out") ?? path.join(root, "dist"));
const wanted = args.includes("--all")
  ? TARGETS.map(({ target }) => target)
  : [valueOf("--target") ?? `${process.platform}-${process.arch}`];
const unknown = wanted.filter((name) => !TARGETS.some(({ target }) => target === name));
if (unknown.length > 0) {
  say(`kept: no package for ${unknown.join(", ")}. Targets: ${TARGETS.map(({ target }) => target).join(", ")}.`);
  process.exit(2);
}

await ensureTool();
const notices = thirdPartyNotices(await buildAll());
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const { createVSIX } = createRequire(path.join(toolDir, "package.json"))("@vscode/vsce");

let made = 0;
for (const target of TARGETS.filter((one) => wanted.includes(one.target))) {
  const missing = missingFor(target);
  if (missing !== null) {
    say(`${target.target}: left out (${missing}).`);
    continue;
  }
  const stage = mkdtempSync(path.join(tmpdir(), "kept-package-"));
  try {
    stagePackage(stage, target, notices);
    mkdirSync(out, { recursive: true });
    const file = path.join(out, `kept-${target.target}-${version}.vsix`);
    const options = {
      target: target.target,
      dependencies: false,
      rewriteRelativeLinks: false,
      allowMissingRepository: true,
    };
    const size = async () => {
      await createVSIX({ cwd: stage, packagePath: file, ...options });
      return statSync(file).size;
    };
    const model = path.join(stage, "models/base/model.safetensors");
    const weights = readFileSync(model);
    rmSync(model);
    const withoutModel = await size();
    writeFileSync(model, weights);
    const whole = await size();
    made += 1;
    console.log(
      JSON.stringify({
        target: target.target,
        file: path.relative(root, file),
        bytes: whole,
        bytesWithoutModel: withoutModel,
      }),
    );
    say(`${target.target}: ${megabytes(whole)} with the base model, ${megabytes(withoutModel)} without.`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}
process.exit(made > 0 ? 0 : 1);

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

async function ensureTool() {
  const stamp = path.join(toolDir, "installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === VSCE) return;
  say(`Installing ${VSCE} into ${path.relative(root, toolDir)}…`);
  mkdirSync(toolDir, { recursive: true });
  writeFileSync(path.join(toolDir, "package.json"), JSON.stringify({ private: true }));
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const flags = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"];
  const code = await run(npm, ["install", VSCE, ...flags], {
    cwd: toolDir,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
  if (code !== 0) throw new Error(`npm install ${VSCE} ended with code ${code}.`);
  writeFileSync(stamp, VSCE);
}
