import { readText, root } from "./tracked-files.ts";
import { parse } from "acorn";
import { build, type BuildOptions } from "esbuild";
import assert from "node:assert/strict";
import path from "node:path";

/** The newest standard that Node 22 reads completely: one without `using` and duplicate named groups. */
const ECMA_VERSION = 2024;
/** What Node 24 knows and Node 22 does not; a bundler leaves names alone. */
const LATER_NAMES =
  /\b(?:RegExp\.escape|Float16Array|Error\.isError|Math\.f16round|Promise\.try|Uint8Array\.from(?:Base64|Hex))\b/;

const { bundles, LOWEST_NODE } = (await import(path.join(root, "esbuild.mjs"))) as {
  bundles: BuildOptions[];
  LOWEST_NODE: string;
};
/** The bundles that run on the editor's own executable. */
const inEditor = bundles.filter(({ platform }) => platform === "node");

describe("bundles", function () {
  this.timeout(60_000);

  it("are compiled for the Node of the oldest editor that the manifest allows", () => {
    const { engines } = JSON.parse(readText("package.json")) as { engines: { vscode: string } };
    // VS Code 1.101 to 1.120 are built on Electron 35 to 39, whose Node is 22.
    const minor = Number(/^\^1\.(\d+)\.0$/.exec(engines.vscode)?.[1]);
    assert.ok(minor >= 101, engines.vscode);
    assert.match(LOWEST_NODE, /^node22\./);
    for (const { target } of inEditor) assert.equal(target, LOWEST_NODE);
  });

  for (const options of inEditor) {
    const name = path.basename(options.outfile ?? "");
    it(`${name} parses on that editor, and names nothing newer`, async () => {
      const { outputFiles } = await build({ ...options, absWorkingDir: root, write: false, sourcemap: false });
      const text = outputFiles?.[0]?.text ?? "";
      assert.ok(text.length > 100_000);
      parse(text, { ecmaVersion: ECMA_VERSION, sourceType: "script", allowHashBang: true });
      assert.equal(LATER_NAMES.exec(text)?.[0], undefined);
    });
  }

  it("would not parse with `using`", () => {
    assert.throws(() => parse("function f() { using x = null; }", { ecmaVersion: ECMA_VERSION }));
  });
});
