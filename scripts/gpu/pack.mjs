// `node scripts/gpu/pack.mjs --corpus <glob> [--config <file>]`: everything a GPU session carries, in loads
// that fit one transfer: .kept/gpu/load-1, load-2, … with the corpus shards, and the run configuration as JSON.
import { copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import { root, underNode24 } from "../setup.mjs";

await underNode24(import.meta.url);
// What Node 20, which may start this, does not have.
const { globSync } = await import("node:fs");
const { readRunConfiguration } = await import("../../server/training/run-configuration.ts");

/** What one transfer may weigh with the repository's own files, bytes: 64 MiB less 1 MiB for names and lists. */
const TRANSFER_BYTES = 63 * 2 ** 20;

const { values } = parseArgs({
  options: {
    corpus: { type: "string" },
    config: { type: "string", default: path.join(root, "models/base/config.gpu.yaml") },
    out: { type: "string", default: path.join(root, ".kept/gpu") },
  },
});
if (values.corpus === undefined) {
  process.stderr.write("usage: node scripts/gpu/pack.mjs --corpus <glob> [--config <file>] [--out <folder>]\n");
  process.exit(2);
}

const shards = globSync(values.corpus).toSorted();
if (shards.length === 0) {
  process.stderr.write(`No file matches ${values.corpus}.\n`);
  process.exit(1);
}
const sizeOf = (file) => statSync(file).size;
const tracked = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .toString()
  .split("\0")
  .filter((file) => file !== "" && statSync(path.join(root, file), { throwIfNoEntry: false })?.isFile());
const room = TRANSFER_BYTES - tracked.reduce((sum, file) => sum + sizeOf(path.join(root, file)), 0);

rmSync(values.out, { recursive: true, force: true });
const loads = [];
for (const shard of shards) {
  const size = sizeOf(shard);
  if (size > room) {
    process.stderr.write(`${shard} alone is larger than the ${Math.floor(room / 2 ** 20)} MiB that one load has.\n`);
    process.exit(1);
  }
  if (loads.length === 0 || loads.at(-1).bytes + size > room) loads.push({ bytes: 0, files: [] });
  loads.at(-1).bytes += size;
  loads.at(-1).files.push(shard);
}
const configuration = JSON.stringify(readRunConfiguration(path.resolve(values.config)), null, 2);
loads.forEach(({ bytes, files }, i) => {
  const folder = path.join(values.out, `load-${i + 1}`);
  mkdirSync(folder, { recursive: true });
  for (const file of files) copyFileSync(file, path.join(folder, path.basename(file)));
  writeFileSync(path.join(folder, "run.json"), configuration);
  process.stdout.write(`${path.relative(root, folder)}: ${files.length} shards, ${(bytes / 2 ** 20).toFixed(1)} MiB\n`);
});
