import { isSource, readText, repositoryFiles } from "./tracked-files.ts";
import assert from "node:assert/strict";
import path from "node:path";

/** Longest file before it is split by noun, lines. */
const MAX_LINES = 400;
/** Operator tables, which read best in one piece. */
const OPERATOR_TABLES: readonly string[] = ["engine/graph/operators.ts", "engine/autodiff/rules.ts"];

const TOP_FOLDERS = [
  "extension",
  "server",
  "engine",
  "tracker",
  "core",
  "protocol",
  "media",
  "models",
  "test",
  "docs",
  "scripts",
  ".ci",
  "l10n",
];

const files = repositoryFiles();
const sources = files.filter(isSource);

// Written so that this file does not hold what it looks for.
const word = (text: string) => text.replace("_", "");
const SKIPPED = new RegExp(
  `\\b(?:describe|it|test|suite)\\.(?:${word("sk_ip")}|${word("on_ly")})\\b|\\bthis\\.${word("sk_ip")}\\(|\\bx(?:it|describe)\\(`,
);
const UNFINISHED = new RegExp(`\\b(?:${["TO_DO", "FIX_ME", "XX_X", "HA_CK"].map(word).join("|")})\\b`);

function check(name: string, problem: (file: string) => string | null, from: readonly string[] = sources): void {
  it(name, () => {
    assert.deepEqual(
      from.flatMap((file) => problem(file) ?? []),
      [],
    );
  });
}

const lineWith = (file: string, pattern: RegExp): string | null => {
  const lines = readText(file).split("\n");
  const idx = lines.findIndex((line) => pattern.test(line));
  return idx < 0 ? null : `${file}:${idx + 1}: ${lines[idx]?.trim()}`;
};

describe("sources", () => {
  it("are found", () => assert.ok(sources.length > 50));

  it("patterns see what they look for", () => {
    assert.match(`describe.${word("sk_ip")}("x")`, SKIPPED);
    assert.match(`it.${word("on_ly")}("x")`, SKIPPED);
    assert.match(`// ${word("TO_DO")}: later`, UNFINISHED);
    assert.doesNotMatch("iterator.skipped()", SKIPPED);
  });

  check(`have at most ${MAX_LINES} lines`, (file) => {
    const nLines = readText(file).split("\n").length - 1;
    return nLines > MAX_LINES && !OPERATOR_TABLES.includes(file) ? `${file}: ${nLines} lines` : null;
  });

  check("are named for one noun in kebab-case", (file) => {
    const name = path.posix.basename(file);
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|d))?\.[a-z]+$/.test(name) && !file.endsWith(".py")) return file;
    return /^(?:index|utils?|helpers?|manager|common)\.ts$/.test(name) ? `${file}: says nothing` : null;
  });

  check(
    "leave no test out",
    (file) => lineWith(file, SKIPPED),
    sources.filter((file) => file.startsWith("test/")),
  );

  check("are finished", (file) => lineWith(file, UNFINISHED));

  check("have no default export, enum or namespace", (file) =>
    /\.(ts|mts)$/.test(file)
      ? lineWith(file, /^(?:export default|(?:export )?(?:const )?enum |(?:export )?namespace )/)
      : null,
  );

  it("stand in the folders of the architecture", () => {
    const folders = new Set(files.filter((file) => file.includes("/")).map((file) => file.split("/")[0] ?? ""));
    assert.deepEqual(
      [...folders].filter((folder) => !TOP_FOLDERS.includes(folder)),
      [],
    );
  });
});
