import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { countSignificantTokens } from "../../../core/survival/tokens.ts";
import fc from "fast-check";
import { PANEL, pretty, prettierStyle, withoutRemarks } from "../../support/survival/prettier-styles.ts";
import { followRepository, type FollowedRepository } from "./followed-repository.ts";

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

/** Commits of Prettier's, each with a configuration of its own. */
const N_PRETTIER_STYLES = 4;

/** Writes files and accepts every nine lines of them; gives the number of snippets. */
const acceptAll = async (repository: FollowedRepository, files: ReadonlyMap<string, string>): Promise<number> => {
  let nSnippets = 0;
  for (const [file, text] of files) {
    await repository.write(file, text);
    const lines = text.split("\n");
    for (let at = 0; at + SNIPPET_LINES <= lines.length; at += SNIPPET_LINES) {
      const snippet = lines.slice(at, at + SNIPPET_LINES).join("\n");
      if (countSignificantTokens(snippet) < MIN_TOKENS) continue;
      await repository.accept(String(nSnippets), file, snippet, at + 1);
      nSnippets += 1;
    }
  }
  await repository.commit("accept");
  await repository.look();
  return nSnippets;
};

/** Code of this project, and of a kind that it has none of. */
const readFiles = async (): Promise<Map<string, string>> => {
  const files = new Map([["src/panel.tsx", PANEL]]);
  for (const name of await readdir(join(PROJECT, "core/survival")))
    files.set(`src/${name}`, await readFile(join(PROJECT, "core/survival", name), "utf8"));
  return files;
};

const assertWhole = ({ tracker }: FollowedRepository, story: unknown): void => {
  const wrong = [...tracker.state.values()].filter(({ tok, losses }) => tok !== 1 || losses.length > 0);
  assert.deepEqual({ story, wrong: wrong.map(({ file, text, tok }) => ({ file, text, tok })) }, { story, wrong: [] });
};

describe("survival through a formatter's commits", () => {
  it(`D34 retains exactly 1 of every ${SNIPPET_LINES} lines of core/survival in any style of oxfmt`, async function () {
    this.timeout(120_000);
    await using repository = await followRepository();
    const nSnippets = await acceptAll(repository, await readFiles());
    for (const style of STYLES) {
      await writeFile(join(repository.root, ".oxfmtrc.json"), JSON.stringify(style));
      await promisify(execFile)(process.execPath, [FORMATTER, "src"], { cwd: repository.root });
      await repository.commit("format");
      await repository.look();
      assertWhole(repository, style);
    }
    assert.ok(nSnippets > 200, `${nSnippets} snippets`);
  });

  it("D13, D34, P6 retains exactly 1 under Prettier in any configuration, between accept and commit and later", async function () {
    this.timeout(180_000);
    const styles = fc.sample(prettierStyle, N_PRETTIER_STYLES);
    await using repository = await followRepository();
    const files = await readFiles();
    // What is accepted is written in one style, what is committed in the next.
    const [first = {}, ...others] = styles;
    for (const [file, text] of files)
      files.set(file, await pretty(withoutRemarks(text), file, { ...first, endOfLine: "lf" }));
    const nSnippets = await acceptAll(repository, files);
    for (const style of others) {
      for (const [file, text] of files) await repository.write(file, await pretty(text, file, style));
      await repository.commit("format");
      await repository.look();
      assertWhole(repository, styles);
    }
    assert.ok(nSnippets > 200, `${nSnippets} snippets`);
  });
});
