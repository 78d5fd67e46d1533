import { createCaptureRules } from "../../../extension/suggest/capture-rules.ts";
import { excludePatterns } from "../../../extension/suggest/exclude-patterns.ts";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

describe("capture rules", () => {
  let root = "";
  before(() => {
    root = mkdtempSync(path.join(tmpdir(), "kept-rules-"));
    mkdirSync(path.join(root, "packages/api"), { recursive: true });
    writeFileSync(path.join(root, ".gitignore"), "build/\n*.log\n/generated.ts\npackages/*/private.ts\n");
    writeFileSync(path.join(root, ".aiignore"), "secret-sauce/\n");
    writeFileSync(path.join(root, ".cursorignore"), "vendor/**\n");
    writeFileSync(path.join(root, "packages/api/.gitignore"), "local.ts\n!keep.log\n");
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const check = (file: string, expected: string | null, patterns: readonly string[] = []) => {
    it(`${file}${patterns.length > 0 ? ` with ${patterns.join(" ")}` : ""} → ${expected ?? "captured"}`, async () => {
      const rules = createCaptureRules({ HOME: root });
      rules.configure({ own: patterns, editor: [] });
      assert.equal(await rules.known(root, file), expected);
    });
  };

  check("src/main.ts", null);
  check(".env", "secret-file");
  check("config/.env.local", "secret-file");
  check("certs/server.pem", "secret-file");
  check("id_rsa", "secret-file");
  check(".ssh/config", "secret-file");
  check("infra/prod.tfvars", "secret-file");
  check(".npmrc", "secret-file");
  check("src/environment.ts", null);
  check("build/out.ts", "ignored");
  check("deep/down/trace.log", "ignored");
  check("generated.ts", "ignored");
  check("src/generated.ts", null);
  check("packages/api/private.ts", "ignored");
  check("packages/api/local.ts", "ignored");
  check("local.ts", null);
  check("packages/api/keep.log", null);
  check("secret-sauce/recipe.ts", "ignored");
  check("vendor/lib/a.js", "ignored");
  check(".git/config", "ignored");
  check("../outside.ts", "ignored");
  check("src/main.ts", "excluded-by-setting", ["src/**"]);
  check("test/main.ts", null, ["src/**"]);

  it("leaves every file alone until the ignore files around it were read", async () => {
    const rules = createCaptureRules({ HOME: root });
    assert.equal(rules.excluded(root, "src/main.ts"), "not-known-yet");
    assert.equal(await rules.known(root, "src/main.ts"), null);
    assert.equal(rules.excluded(root, "src/main.ts"), null);
    assert.equal(rules.excluded(root, ".env"), "secret-file");
  });

  it("reads changed ignore files after a refresh, and knows nothing in between", async () => {
    const rules = createCaptureRules({ HOME: root });
    assert.equal(await rules.known(root, "later.ts"), null);
    writeFileSync(path.join(root, ".cursorignore"), "vendor/**\nlater.ts\n");
    rules.refresh();
    assert.equal(rules.excluded(root, "later.ts"), "not-known-yet");
    assert.equal(await rules.known(root, "later.ts"), "ignored");
  });

  it("takes nothing back inside a folder that is ignored", async () => {
    mkdirSync(path.join(root, "build"), { recursive: true });
    writeFileSync(path.join(root, "build/.gitignore"), "!kept.ts\n");
    assert.equal(await createCaptureRules({ HOME: root }).known(root, "build/kept.ts"), "ignored");
  });

  it("reads the ignore files above the folder up to the top of the work tree, its exclude file, and the user's", async () => {
    const top = mkdtempSync(path.join(tmpdir(), "kept-tree-"));
    const folder = path.join(top, "packages/web");
    mkdirSync(path.join(top, ".git/info"), { recursive: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(top, ".gitignore"), "*.gen.ts\n");
    writeFileSync(path.join(top, ".git/info/exclude"), "notes.md\n");
    writeFileSync(path.join(top, ".gitconfig"), "[user]\n\tname = A\n[core]\n\texcludesFile = ~/everywhere\n");
    writeFileSync(path.join(top, "everywhere"), "*.swp.ts\n");
    const rules = createCaptureRules({ HOME: top });
    for (const name of ["a.gen.ts", "notes.md", "b.swp.ts"]) assert.equal(await rules.known(folder, name), "ignored");
    assert.equal(await rules.known(folder, "a.ts"), null);
    rmSync(top, { recursive: true, force: true });
  });

  it("leaves alone what the editor hides", async () => {
    const rules = createCaptureRules({ HOME: root });
    rules.configure({ own: [], editor: excludePatterns([HIDDEN]) });
    for (const name of ["a/node_modules/b.js", "out/x.js", "dist/y/z.js", "q.tmp.ts"])
      assert.equal(await rules.known(root, name), "excluded-by-editor", name);
    for (const name of ["src/out/x.ts", "src/a.js"]) assert.equal(await rules.known(root, name), null, name);
  });

  it("lets a workspace hide more, never less", () => {
    const mine = { defaultValue: { "**/a": true, "**/b": true }, globalValue: { "**/b": false, "**/c": true } };
    const theirs = { workspaceValue: { "**/c": false, "**/d": true }, workspaceFolderValue: undefined };
    assert.deepEqual(excludePatterns([{ ...mine, ...theirs }]), ["/**/a", "/**/c", "/**/d"]);
  });
});

const HIDDEN = {
  defaultValue: { "**/node_modules": true },
  globalValue: { "{out,dist}/**": true, "*.tmp.{ts,js}": true, "**/*.js": { when: "$(basename).ts" } },
  workspaceValue: undefined,
  workspaceFolderValue: undefined,
};
