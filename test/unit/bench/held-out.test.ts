import { heldOutFile, isHeldOut, readHeldOutFiles } from "../../bench/base/held-out.ts";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const BODY = "export const answer = 42;\nexport const question = null;\n";
const signal = AbortSignal.timeout(60_000);

function check(repository: string, expected: boolean): void {
  it(`${repository} is ${expected ? "held out" : "trained on"}`, () => assert.equal(isHeldOut(repository), expected));
}

const line = (repo: string, text: string, file = "src/a.ts") =>
  JSON.stringify({ repo, path: file, license: "MIT", text });
const textOf = (text: string) => heldOutFile(line("evanw/esbuild", text))?.text;

describe("held-out repositories", () => {
  // As decided by is_held_out of the training code.
  for (const repository of [
    "Automattic/mongoose",
    "withastro/astro",
    "aws-amplify/amplify-js",
    "evanw/esbuild",
    "facebook/lexical",
  ]) {
    check(repository, true);
  }
  for (const repository of ["pixijs/pixijs", "microsoft/TypeScript", "", "Automattic/Mongoose"])
    check(repository, false);

  it("keeps the files of held-out repositories only", () => {
    assert.equal(heldOutFile(line("pixijs/pixijs", BODY)), null);
    assert.equal(heldOutFile(""), null);
    assert.deepEqual(heldOutFile(line("withastro/astro", BODY)), {
      name: "withastro/astro/src/a.ts",
      path: "src/a.ts",
      repository: "astro",
      text: BODY,
    });
  });

  it("reads fields in any order and with spaces", () => {
    const row = { text: BODY, path: "a.ts", repo: "withastro/astro" };
    assert.equal(heldOutFile(JSON.stringify(row))?.name, "withastro/astro/a.ts");
    assert.equal(heldOutFile(JSON.stringify({ ...row, repo: "pixijs/pixijs" })), null);
    assert.equal(
      heldOutFile(`{"repo": "withastro/astro", "path": "a.ts", "text": ${JSON.stringify(BODY)}}`)?.text,
      BODY,
    );
  });

  it("drops licence headers, as training does, and no other comment", () => {
    assert.equal(textOf(`/* Copyright (c) us */\n${BODY}`), BODY);
    assert.equal(textOf(`// SPDX-License-Identifier: MIT\n// and more\n\n${BODY}`), BODY);
    assert.equal(textOf(`/* What it is for */\n${BODY}`), `/* What it is for */\n${BODY}`);
    assert.equal(textOf(`${BODY}// Copyright\n`), `${BODY}// Copyright\n`);
    assert.equal(textOf(BODY.replaceAll("\n", "\r\n")), BODY);
    assert.equal(textOf("let a = 1;\n"), undefined);
  });

  it("reads packed and plain shards, sorted and each file once", async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "kept-corpus-"));
    try {
      const write = (name: string, lines: string[]) => writeFileSync(path.join(folder, name), `${lines.join("\n")}\n`);
      write("corpus-00.jsonl", [line("withastro/astro", BODY, "z.ts"), line("pixijs/pixijs", BODY)]);
      // JSON may hold line separators as they are: they end no line of the file.
      write("corpus-01.jsonl", [
        line("withastro/astro", `${BODY}"\u2028\u2029"`, "b.ts"),
        line("withastro/astro", BODY, "z.ts"),
      ]);
      execFileSync("xz", [path.join(folder, "corpus-01.jsonl")]);
      const files = await readHeldOutFiles([path.join(folder, "corpus-*.jsonl*")], signal);
      assert.deepEqual(
        files.map(({ path: name }) => name),
        ["b.ts", "z.ts"],
      );
      writeFileSync(path.join(folder, "corpus-02.jsonl.xz"), "not packed at all");
      await assert.rejects(readHeldOutFiles([path.join(folder, "*-02*")], signal), /cannot be unpacked/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
