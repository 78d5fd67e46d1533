// Writes server/training/general-places.jsonl: cursors in Kept's own source, a line each, which training replays against
// forgetting (server/training/general-rows.ts). The same source gives the same file.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createRandom } from "../core/statistics/random.ts";

const root = path.dirname(import.meta.dirname);
const PLACES = 160;
/** Characters before and after a cursor: a prompt as long as a row of training has room for. */
const PREFIX_CHARS = 900;
const SUFFIX_CHARS = 200;
const FOLDERS = ["core", "engine", "server", "tracker", "extension"];

const files = execFileSync("git", ["ls-files", ...FOLDERS], { cwd: root, encoding: "utf8" })
  .split("\n")
  .filter((file) => /\.(ts|py)$/.test(file));
const random = createRandom(7);
const pick = (n) => Math.floor(random() * n);
const places = [];
while (places.length < PLACES) {
  const file = files[pick(files.length)];
  const lines = readFileSync(path.join(root, file), "utf8").split("\n");
  const at = 4 + pick(Math.max(1, lines.length - 6));
  const line = lines[at];
  if (line === undefined || line.trim().length < 6 || line.length > 120) continue;
  const indentation = line.length - line.trimStart().length;
  const column = random() < 0.5 ? indentation : Math.max(indentation, pick(line.length));
  const prefix = `${lines.slice(0, at).join("\n")}\n${line.slice(0, column)}`.slice(-PREFIX_CHARS);
  const suffix = `\n${lines.slice(at + 1).join("\n")}`.slice(0, SUFFIX_CHARS);
  places.push(JSON.stringify({ path: file, prefix, suffix }));
}
writeFileSync(path.join(root, "server/training/general-places.jsonl"), `${places.join("\n")}\n`);
