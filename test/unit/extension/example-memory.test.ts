import { openExampleMemory } from "../../../extension/suggest/example-memory.ts";
import type { ExampleRow } from "../../../protocol/api.ts";
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const row = (id: string, root: string, text = "const a = 1;"): ExampleRow => ({
  id,
  root,
  path: "a.ts",
  language: "typescript",
  text,
});
const idsOf = (rows: readonly ExampleRow[]) => rows.map(({ id }) => id);

describe("example memory", () => {
  let dir = "";
  let file = "";
  let allowed = new Set<string>();
  const open = () => openExampleMemory(file, (root) => allowed.has(root));
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), "kept-examples-"));
    file = path.join(dir, "inner/examples.json");
    allowed = new Set(["/a", "/b"]);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it("gives back what was saved, to another window too", async () => {
    await open().save(["/a"], [row("1", "/a"), row("2", "/a")]);
    assert.deepEqual(idsOf(await open().load(["/a"])), ["1", "2"]);
    assert.equal(statSync(file).mode & 0o077, 0);
  });

  it("gives only what is of the asked folders", async () => {
    const memory = open();
    await memory.save(["/a", "/b"], [row("1", "/a"), row("2", "/b")]);
    assert.deepEqual(idsOf(await memory.load(["/b"])), ["2"]);
  });

  it("replaces the examples of a folder, and leaves those of others", async () => {
    const memory = open();
    await memory.save(["/a"], [row("1", "/a")]);
    await memory.save(["/b"], [row("2", "/b")]);
    await memory.save(["/a"], [row("3", "/a")]);
    assert.deepEqual(idsOf(await memory.load(["/a", "/b"])), ["2", "3"]);
  });

  it("keeps nothing of a folder without consent, and nothing after it was withdrawn", async () => {
    allowed = new Set(["/a"]);
    const memory = open();
    await memory.save(["/a", "/b"], [row("1", "/a", "canary_a"), row("2", "/b", "canary_b")]);
    assert.ok(!readFileSync(file, "utf8").includes("canary_b"));
    allowed = new Set();
    assert.deepEqual(await memory.load(["/a"]), []);
    await memory.prune();
    assert.equal(existsSync(file), false);
  });

  it("writes no secret", async () => {
    const token = `ghp_${"a1B2c3D4e5F6".repeat(3)}`;
    await open().save(["/a"], [row("1", "/a", `const t = "${token}";`)]);
    assert.ok(!readFileSync(file, "utf8").includes(token));
  });

  it("keeps the newest within its bytes", async () => {
    const rows = Array.from({ length: 600 }, (_, n) => row(String(n), "/a", "const total = a + b;\n".repeat(380)));
    await open().save(["/a"], rows);
    assert.ok(statSync(file).size <= 2 * 1024 * 1024 + 100);
    const ids = idsOf(await open().load(["/a"]));
    assert.equal(ids.at(-1), "599");
    assert.ok(ids.length > 100 && ids.length < 600);
  });

  it("has none where its file is damaged", async () => {
    await open().save(["/a"], [row("1", "/a")]);
    writeFileSync(file, "{");
    assert.deepEqual(await open().load(["/a"]), []);
  });
});
