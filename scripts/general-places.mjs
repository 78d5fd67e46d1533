// Writes server/training/general-places.jsonl: cursors in Kept's own source, a line each, which training replays against
// forgetting (server/training/general-rows.ts), and after them, of other files, cursors with what stands there, by which
// forgetting is measured. The same source gives the same file.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createRandom } from "../core/statistics/random.ts";

const root = path.dirname(import.meta.dirname);
const PLACES = 160;
const HELD_BACK = 120;
/** Characters before and after a cursor: a prompt as long as a row of training has room for. */
const PREFIX_CHARS = 900;
const SUFFIX_CHARS = 200;
const FOLDERS = ["core", "engine", "server", "tracker", "extension"];

const files = execFileSync("git", ["ls-files", ...FOLDERS], { cwd: root, encoding: "utf8" })
  .split("\n")
  .filter((file) => /\.(ts|py)$/.test(file));

const learnt = placesIn(files, PLACES, createRandom(7)).map(({ path: file, prefix, suffix }) => ({
  path: file,
  prefix,
  suffix,
}));
const seen = new Set(learnt.map((place) => place.path));
const others = files.filter((file) => !seen.has(file));
const places = [...learnt, ...placesIn(others, HELD_BACK, createRandom(11))];
writeFileSync(
  path.join(root, "server/training/general-places.jsonl"),
  places.map((place) => `${JSON.stringify(place)}\n`).join(""),
);

function placesIn(among, count, random) {
  const pick = (n) => Math.floor(random() * n);
  const found = [];
  while (found.length < count) {
    const file = among[pick(among.length)];
    const lines = readFileSync(path.join(root, file), "utf8").split("\n");
    const at = 4 + pick(Math.max(1, lines.length - 6));
    const line = lines[at];
    if (line === undefined || line.trim().length < 6 || line.length > 120) continue;
    const indentation = line.length - line.trimStart().length;
    const column = random() < 0.5 ? indentation : Math.max(indentation, pick(line.length - 1));
    const written = line.slice(column);
    if (written.trim() === "") continue;
    const prefix = `${lines.slice(0, at).join("\n")}\n${line.slice(0, column)}`.slice(-PREFIX_CHARS);
    const suffix = `\n${lines.slice(at + 1).join("\n")}`.slice(0, SUFFIX_CHARS);
    found.push({ path: file, prefix, suffix, written });
  }
  return found;
}
