import { readText, repositoryFiles, root } from "./tracked-files.ts";
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import path from "node:path";

/** A vocabulary holds whatever the public corpus held. */
const VOCABULARY = /^models\/[^/]+\/tokenizer\.json$/;
/** Larger files are weights. */
const MAX_TEXT_BYTES = 4 * 2 ** 20;
const BINARY = /\.(safetensors|png|jpg|ico|bin|onnx|wasm|xz|gz|node)$/;

// Brackets keep each pattern from matching its own source.
const FOREIGN = [
  /https?:\/\/(?:registry|files|deb)[.]/,
  /(?<![\w.])\/wor[k]\//,
  /(?<![\w.])\/far[m]\//,
  /\/tm[p]\/bash/,
  /(?<![\w.])\/roo[t]\/\./,
  /"resolve[d]":/,
];

const problemIn = (text: string): string | null => {
  const line = text.split("\n").findIndex((one) => FOREIGN.some((pattern) => pattern.test(one)));
  return line < 0 ? null : `line ${line + 1}`;
};

describe("machine paths and registry hosts", () => {
  for (const text of ["cd /wo_rk/main", "https://regis_try.example/x", '{ "resol_ved": "x" }', "/ro_ot/.npm"]) {
    it(`are seen in ${text}`, () => assert.notEqual(problemIn(text.replace("_", "")), null));
  }
  for (const text of [["src", "work", "main.ts"].join("/"), "https://example.org/registry.html", "the network/root"]) {
    it(`are not seen in ${text}`, () => assert.equal(problemIn(text), null));
  }

  it("are in no file", () => {
    const found = repositoryFiles()
      .filter(
        (file) =>
          !BINARY.test(file) && !VOCABULARY.test(file) && statSync(path.join(root, file)).size <= MAX_TEXT_BYTES,
      )
      .flatMap((file) => {
        const where = problemIn(readText(file));
        return where ? [`${file}, ${where}`] : [];
      });
    assert.deepEqual(found, []);
  });
});
