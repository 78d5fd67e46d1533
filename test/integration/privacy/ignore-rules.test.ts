import { createCaptureRules } from "../../../extension/suggest/capture-rules.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const FOLDERS = ["", "a", "a/b", "build", "a/build"];
const NAMES = ["x.ts", "y.log", "keep.ts"];
const FILES = FOLDERS.flatMap((folder) => NAMES.map((name) => path.posix.join(folder, name)));
const PATTERNS = [
  "*.log",
  "!keep.ts",
  "build/",
  "/build",
  "a/*",
  "!a/b/",
  "**/build/*.ts",
  "b",
  "!b/",
  "x.ts",
  "!/x.ts",
  "a/**/y.log",
  "*.ts",
  "!*.ts",
  "# a comment",
  "keep.ts ",
];

/** A work tree with these ignore files, and what git says of every file. */
function workTree(rules: ReadonlyMap<string, readonly string[]>) {
  const top = mkdtempSync(path.join(tmpdir(), "kept-ignore-"));
  const env = { ...process.env, HOME: top, XDG_CONFIG_HOME: path.join(top, "config"), GIT_CONFIG_NOSYSTEM: "1" };
  execFileSync("git", ["init", "-q", top], { env });
  for (const file of FILES) {
    mkdirSync(path.join(top, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(top, file), "");
  }
  for (const [file, patterns] of rules) {
    mkdirSync(path.dirname(path.join(top, file)), { recursive: true });
    writeFileSync(path.join(top, file), `${patterns.join("\n")}\n`);
  }
  const { stdout } = spawnSync("git", ["-C", top, "check-ignore", "--no-index", "--stdin"], {
    env,
    input: FILES.join("\n"),
    encoding: "utf8",
  });
  return { top, env, ignored: new Set(stdout.split("\n")), [Symbol.dispose]: () => rmSync(top, { recursive: true }) };
}

describe("ignore rules beside git", function () {
  this.timeout(120_000);

  it("leave alone whatever git ignores, in nested files, with negations, excludes and global ones", async () => {
    const lines = fc.array(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 4 });
    const files = fc.constantFrom(
      ".gitignore",
      "a/.gitignore",
      "a/b/.gitignore",
      "build/.gitignore",
      ".git/info/exclude",
      "config/git/ignore",
    );
    let [nSame, nAll] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(files, lines), { maxLength: 4 }), async (written) => {
        using tree = workTree(new Map(written));
        const rules = createCaptureRules(tree.env);
        for (const file of FILES) {
          const excluded = (await rules.known(tree.top, file)) !== null;
          if (tree.ignored.has(file)) assert.ok(excluded, `git ignores ${file}`);
          nAll += 1;
          if (excluded === tree.ignored.has(file)) nSame += 1;
        }
      }),
      { numRuns: 60 },
    );
    // The other way round, more may be left alone where a deeper file takes an outer folder back.
    assert.ok(nSame / nAll > 0.97, `${nSame} of ${nAll}`);
  });
});
