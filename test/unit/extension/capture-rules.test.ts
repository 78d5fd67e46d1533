import { createCaptureRules } from "../../../extension/suggest/capture-rules.ts";
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
    it(`${file}${patterns.length > 0 ? ` with ${patterns.join(" ")}` : ""} → ${expected ?? "captured"}`, () => {
      const rules = createCaptureRules();
      rules.reset(patterns);
      assert.equal(rules.excluded(root, file), expected);
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

  it("reads changed ignore files after a reset", () => {
    const rules = createCaptureRules();
    assert.equal(rules.excluded(root, "later.ts"), null);
    writeFileSync(path.join(root, ".cursorignore"), "vendor/**\nlater.ts\n");
    rules.reset([]);
    assert.equal(rules.excluded(root, "later.ts"), "ignored");
  });
});
