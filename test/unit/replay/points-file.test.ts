import { AppError } from "../../../server/errors.ts";
import { parsePoint, readPointsFile } from "../../../server/replay/points-file.ts";
import { linesOf } from "../../../server/replay/text-lines.ts";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";

const LINE = {
  id: "r:1",
  repo: "o/r",
  commit: "abc",
  ts: 1_449_356_475,
  path: "src/a.tsx",
  line: 6,
  col: 26,
  kind: "line",
  mid: true,
  hunk_del: 2,
  prefix: "const a = ",
  suffix: "\n",
  suffix_child: "later",
  target: "b();",
  author: "x",
};

function checkRefused(change: object | string, expected: RegExp): void {
  const text = typeof change === "string" ? change : JSON.stringify({ ...LINE, ...change });
  it(`refuses ${typeof change === "string" ? change : JSON.stringify(change)}`, () => {
    assert.throws(
      () => parsePoint(text, "f:3"),
      (error: AppError) => error instanceof AppError && expected.test(error.message),
    );
  });
}

describe("points file", () => {
  it("reads a line of it", () => {
    assert.deepEqual(parsePoint(JSON.stringify(LINE), "f:1"), {
      id: "r:1",
      commit: "abc",
      writtenAt: 1_449_356_475_000,
      path: "src/a.tsx",
      language: "typescriptreact",
      line: 6,
      column: 26,
      prefix: "const a = ",
      suffix: "\n",
      target: "b();",
      kind: "line",
      nHunkDeleted: 2,
    });
  });
  it("keeps the end of a long prefix and the start of a long suffix", () => {
    const point = parsePoint(
      JSON.stringify({ ...LINE, prefix: "x".repeat(5_000) + "y", suffix: "z" + "x".repeat(5_000) }),
      "f:1",
    );
    assert.equal(point.prefix.length, 4_000);
    assert.ok(point.prefix.endsWith("y"));
    assert.equal(point.suffix.length, 1_500);
    assert.ok(point.suffix.startsWith("z"));
  });
  it("ends a line at line feeds only, wherever the file is cut into pieces", async () => {
    const texts = ["a\u2028\u2029\u0085é", "b", "", "c"];
    const bytes = Buffer.from(`${texts[0]}\n${texts[1]}\r\n${texts[2]}\n${texts[3]}`);
    for (const size of [1, 2, 3, 100]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const lines: string[] = [];
      for await (const line of linesOf(Readable.from(pieces, { objectMode: false }))) lines.push(line);
      assert.deepEqual(lines, texts);
    }
  });
  checkRefused("{", /^f:3 is not JSON/);
  checkRefused({ target: undefined }, /^f:3: target/);
  checkRefused({ ts: "yesterday" }, /^f:3: ts/);
  checkRefused({ kind: "word" }, /^f:3: kind/);
  checkRefused({ line: -1 }, /^f:3: line/);

  describe("on disk", () => {
    let dir = "";
    before(() => (dir = mkdtempSync(path.join(tmpdir(), "kept-points-"))));
    after(() => rmSync(dir, { recursive: true, force: true }));
    const { signal } = new AbortController();
    const ids = async (file: string) => {
      const found: string[] = [];
      for await (const { id } of readPointsFile(file, signal)) found.push(id);
      return found;
    };
    const text = ["a", "b", "c"].map((id) => JSON.stringify({ ...LINE, id }) + "\n").join("\n");

    it("is read line by line, blank ones left out", async () => {
      const file = path.join(dir, "p.jsonl");
      writeFileSync(file, text);
      assert.deepEqual(await ids(file), ["a", "b", "c"]);
    });
    it("is unpacked when it ends in .xz", async () => {
      const file = path.join(dir, "q.jsonl");
      writeFileSync(file, text);
      execFileSync("xz", [file]);
      assert.deepEqual(await ids(`${file}.xz`), ["a", "b", "c"]);
    });
    it("says when a packed file is damaged", async () => {
      const file = path.join(dir, "damaged.jsonl.xz");
      writeFileSync(file, "not packed");
      await assert.rejects(ids(file), /cannot be unpacked/);
    });
    it("says how to go on when there is no xz program", async () => {
      const { PATH } = process.env;
      process.env["PATH"] = dir;
      try {
        await assert.rejects(
          ids(path.join(dir, "q.jsonl.xz")),
          (error: AppError) => /no xz program/.test(error.message) && /Install xz/.test(error.hint ?? ""),
        );
      } finally {
        process.env["PATH"] = PATH;
      }
    });
    it("says when there is no file", async () => assert.rejects(ids(path.join(dir, "none.jsonl")), /ENOENT/));
  });
});
