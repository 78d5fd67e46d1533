import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { countSignificantTokens } from "../../../core/survival/tokens.ts";
import { followRepository } from "./followed-repository.ts";

const PROJECT = join(import.meta.dirname, "../../..");
const FORMATTER = join(PROJECT, "node_modules/oxfmt/bin/oxfmt");
const SNIPPET_LINES = 9;
const MIN_TOKENS = 8;

/** One after the other, each over what the one before has left. */
const STYLES: readonly object[] = [
  { printWidth: 40, tabWidth: 4, semi: false, singleQuote: true, trailingComma: "none", arrowParens: "avoid" },
  { printWidth: 200, useTabs: true, bracketSpacing: false, objectWrap: "collapse", quoteProps: "consistent" },
  { printWidth: 80, tabWidth: 2, semi: true, singleQuote: false, trailingComma: "all" },
];

describe("survival through a formatter's commits", () => {
  it(`D34 retains exactly 1 of every ${SNIPPET_LINES} lines of core/survival in any style`, async function () {
    this.timeout(120_000);
    await using repository = await followRepository();
    let nSnippets = 0;
    for (const file of await readdir(join(PROJECT, "core/survival"))) {
      const text = await readFile(join(PROJECT, "core/survival", file), "utf8");
      await repository.write(`src/${file}`, text);
      const lines = text.split("\n");
      for (let at = 0; at + SNIPPET_LINES <= lines.length; at += SNIPPET_LINES) {
        const snippet = lines.slice(at, at + SNIPPET_LINES).join("\n");
        if (countSignificantTokens(snippet) < MIN_TOKENS) continue;
        await repository.accept(String(nSnippets), `src/${file}`, snippet, at + 1);
        nSnippets += 1;
      }
    }
    await repository.commit("accept");
    await repository.look();
    for (const style of STYLES) {
      await writeFile(join(repository.root, ".oxfmtrc.json"), JSON.stringify(style));
      await promisify(execFile)(process.execPath, [FORMATTER, "src"], { cwd: repository.root });
      await repository.commit("format");
      await repository.look();
      const wrong = [...repository.tracker.state.values()].filter(({ tok, losses }) => tok !== 1 || losses.length > 0);
      assert.deepEqual(
        wrong.map(({ file, text, tok }) => ({ file, text, tok })),
        [],
      );
    }
    assert.ok(nSnippets > 200, `${nSnippets} snippets`);
  });
});
