import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { countSignificantTokens } from "../../../core/survival/tokens.ts";
import { syntaxOf } from "../../../core/survival/markdown-text.ts";
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
      if (countSignificantTokens(snippet, syntaxOf(file)) < MIN_TOKENS) continue;
      await repository.accept(String(nSnippets), file, snippet, at + 1);
      nSnippets += 1;
    }
  }
  await repository.commit("accept");
  await repository.look();
  return nSnippets;
};

/** Pages of this project, one of which has a name that tells nothing of what it is for. */
const readPages = async (): Promise<Map<string, string>> => {
  const pages = new Map<string, string>();
  for (const name of PAGES) pages.set(`docs/${name}`, await readFile(join(PROJECT, "docs", name), "utf8"));
  return pages;
};

/** Of nine lines and nine lines again. */
const GUIDE = `# What the *tracker* does

* it reads the _whole_ history of a repository, __once__, when it is opened
* it finds code that was moved - to another file, or a snake_case_name of it
* it tells what became of each suggestion

1. what stands, 2. what was lost
2. why it was lost

| Word | Meaning |
|---|---|
| *kept* | every word of it stands |
| lost | none of its words stand |

> A suggestion is lost when less than half of its words stand, whatever
> became of the file around it.

Call \`kept survival show <id> --json\` -> one object.
`;

/** Each with what is put in then. */
const RENAMES: readonly (readonly [name: string, before: string, after: string])[] = [
  ["src/guide.ts", "of a repository, __once__", "of a repository and its branches, __once__"],
  ["guide.rst", "| *kept* | every word", "| *kept* | really every word"],
  ["guide.mdx", "* it tells", "* it always tells"],
  ["docs/README.markdown", "> A suggestion", "> Remember: A suggestion"],
];
const PAGES: readonly string[] = ["survival-quality.md", "extension.md", "cli.md", "privacy.md"];

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

  it("D34, P6 retains exactly 1 of pages in Markdown under Prettier in any configuration", async function () {
    this.timeout(120_000);
    const styles = fc.sample(prettierStyle, N_PRETTIER_STYLES);
    await using repository = await followRepository();
    const pages = await readPages();
    const nSnippets = await acceptAll(repository, pages);
    for (const style of styles) {
      for (const [file, text] of pages) {
        pages.set(file, await pretty(text, file, { ...style, endOfLine: "lf" }));
        await repository.write(file, pages.get(file) as string);
      }
      await repository.commit("format");
      await repository.look();
      assertWhole(repository, styles);
    }
    assert.ok(nSnippets > 40, `${nSnippets} snippets`);
  });

  it("D13 follows a page that gets another kind of name, is changed, and gets its own back, formatted", async function () {
    this.timeout(120_000);
    await using repository = await followRepository();
    const pages = new Map([["GUIDE.md", GUIDE]]);
    const nSnippets = await acceptAll(repository, pages);
    let text = GUIDE;
    let last = "GUIDE.md";
    for (const [name, before, after] of RENAMES) {
      assert.ok(text.includes(before), name);
      text = text.replace(before, after);
      await repository.commit(`call it ${name}`, { [last]: null, [name]: text });
      await repository.look();
      assertWhole(repository, name);
      last = name;
    }
    await repository.commit("format", { [last]: await pretty(text, last, { proseWrap: "always", printWidth: 40 }) });
    await repository.look();
    assertWhole(repository, "formatted");
    await repository.commit("change", { [last]: text.replace("_whole_ history", "history") });
    await repository.look();
    const state = [...repository.tracker.state.values()];
    assert.equal(state.filter(({ tok }) => tok !== null && tok < 1 && tok > 0.9).length, 1);
    assert.equal(state.filter(({ tok }) => tok === 1).length, nSnippets - 1);
  });
});
