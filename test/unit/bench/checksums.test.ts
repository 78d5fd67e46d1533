import {
  checksumsOf,
  formatChecksums,
  parseChecksums,
  verifyChecksums,
  writeChecksums,
} from "../../bench/base/checksums.ts";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";

const SUM = "a".repeat(64);
const CLEAN = { changed: [], missing: [], unlisted: [] };

function checkRefused(name: string, text: string): void {
  it(`refuses ${name}`, () => assert.throws(() => parseChecksums(text), SyntaxError));
}

describe("SHA256SUMS", () => {
  let folder: string;
  const file = (name: string) => path.join(folder, name);
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kept-sums-"));
    mkdirSync(file("shards"));
    writeFileSync(file("model.safetensors"), "weights");
    writeFileSync(file("shards/one.bin"), "one");
    writeFileSync(file("README.md"), "card");
    writeChecksums(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const check = (name: string, change: () => void, expected: object) =>
    it(name, () => {
      change();
      assert.deepEqual(verifyChecksums(folder), { ...CLEAN, ...expected });
    });

  check("holds for what it was written for", () => {}, {});
  check("finds a changed file", () => appendFileSync(file("model.safetensors"), "!"), {
    changed: ["model.safetensors"],
  });
  check("finds a missing file", () => rmSync(file("shards/one.bin")), { missing: ["shards/one.bin"] });
  check("finds an added file", () => writeFileSync(file("new.bin"), ""), { unlisted: ["new.bin"] });
  check("finds a renamed file", () => renameSync(file("shards/one.bin"), file("two.bin")), {
    missing: ["shards/one.bin"],
    unlisted: ["two.bin"],
  });
  check("lets the card's prose change", () => appendFileSync(file("README.md"), "more"), {});

  it("is null where there is none", () => {
    rmSync(file("SHA256SUMS"));
    assert.equal(verifyChecksums(folder), null);
  });

  it("is what sha256sum writes", () => {
    const sum = createHash("sha256").update("one").digest("hex");
    assert.ok(formatChecksums(checksumsOf(folder)).endsWith(`${sum}  shards/one.bin\n`));
    assert.deepEqual([...parseChecksums(`${SUM} *a b.bin\n`)], [["a b.bin", SUM]]);
  });

  it("comes back from its text", () => {
    const name = fc.stringMatching(/^[a-z0-9_-]{1,8}(\/[a-z0-9_-]{1,8}){0,2}$/);
    const sum = fc.stringMatching(/^[0-9a-f]{64}$/);
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, sum), { selector: ([key]) => key }), (entries) =>
        assert.deepEqual([...parseChecksums(formatChecksums(new Map(entries)))], entries),
      ),
    );
  });

  checkRefused("a short checksum", `${SUM.slice(1)}  a\n`);
  checkRefused("a way out of the folder", `${SUM}  ../a\n`);
  checkRefused("an absolute name", `${SUM}  /etc/passwd\n`);
  checkRefused("a name that comes twice", `${SUM}  a\n${SUM}  a\n`);
});
