import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, glob, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { PANEL, pretty, prettierStyle, withoutRemarks } from "../../support/survival/prettier-styles.ts";
import { createBufferFollower, settleNow } from "../../../core/survival/buffer-follower.ts";
import { type Syntax, syntaxOf } from "../../../core/survival/markdown-text.ts";
import { fourGramRecall, retainedFraction, retentionIn } from "../../../core/survival/retention.ts";
import { keepRuns } from "../../../core/survival/token-runs.ts";
import { significantTokens } from "../../../core/survival/tokens.ts";
import { diffSequences } from "../../../tracker/sequence-diff.ts";

const PROJECT = join(import.meta.dirname, "../../..");
const SNIPPET_LINES = 9;
const MIN_SNIPPET_CHARS = 20;
const MIN_SNIPPET_TOKENS = 8;

/** Styles that change lines, quotes, semicolons, commas, indentation and brackets. */
const STYLES: Readonly<Record<string, object>> = {
  narrow: { printWidth: 40, tabWidth: 4, semi: false, singleQuote: true, trailingComma: "none", arrowParens: "avoid" },
  wide: { printWidth: 200, useTabs: true, bracketSpacing: false, objectWrap: "collapse", quoteProps: "consistent" },
};

describe("retention under a real formatter", () => {
  for (const [name, style] of Object.entries(STYLES)) {
    it(`is exactly 1 for every ${SNIPPET_LINES} lines of this project's core, made ${name}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "kept-format-"));
      try {
        await cp(join(PROJECT, "core"), folder, { recursive: true });
        await writeFile(join(folder, ".oxfmtrc.json"), JSON.stringify(style));
        const formatter = join(PROJECT, "node_modules/oxfmt/bin/oxfmt");
        await promisify(execFile)(process.execPath, [formatter, "."], { cwd: folder });
        let nSnippets = 0;
        let nChanged = 0;
        for (const file of await readdir(join(PROJECT, "core"), { recursive: true })) {
          if (!file.endsWith(".ts")) continue;
          const before = await readFile(join(PROJECT, "core", file), "utf8");
          const after = await readFile(join(folder, file), "utf8");
          const lines = before.split("\n");
          for (let at = 0; at + SNIPPET_LINES <= lines.length; at += SNIPPET_LINES) {
            const snippet = lines.slice(at, at + SNIPPET_LINES).join("\n");
            if (snippet.trim().length < MIN_SNIPPET_CHARS) continue;
            nSnippets += 1;
            if (!after.includes(snippet)) nChanged += 1;
            assert.equal(retainedFraction(snippet, after), 1, `${file}:${at + 1}`);
          }
        }
        assert.ok(nSnippets > 100 && nChanged > nSnippets / 4, `${nChanged} of ${nSnippets} snippets were changed`);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }

  it("P6 is exactly 1 under Prettier in any configuration, four-grams too", async function () {
    this.timeout(120_000);
    const names = (await readdir(join(PROJECT, "core"), { recursive: true })).filter((name) => name.endsWith(".ts"));
    const file = fc.constantFrom("panel.tsx", ...names.sort());
    await fc.assert(
      fc.asyncProperty(file, prettierStyle, prettierStyle, async (name, first, then) => {
        const text = name === "panel.tsx" ? PANEL : withoutRemarks(await readFile(join(PROJECT, "core", name), "utf8"));
        const before = await pretty(text, name, { ...first, endOfLine: "lf" });
        const after = await pretty(before, name, then);
        const lines = before.split("\n");
        for (let at = 0; at + SNIPPET_LINES <= lines.length; at += SNIPPET_LINES) {
          const snippet = lines.slice(at, at + SNIPPET_LINES).join("\n");
          if (snippet.trim().length < MIN_SNIPPET_CHARS) continue;
          assert.equal(retainedFraction(snippet, after), 1, `${name}:${at + 1}: ${snippet}`);
          assert.equal(fourGramRecall(snippet, after), 1, `${name}:${at + 1}: ${snippet}`);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("P6 is exactly 1 where Prettier first meets the files of this project and of its dependencies", async function () {
    this.timeout(240_000);
    const files = await writtenFiles();
    assert.ok(files.length > 500, `${files.length} files`);
    let nSnippets = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), prettierStyle, prettierStyle, async (file, first, then) => {
        const written = (await readFile(join(PROJECT, file), "utf8")).replaceAll("\r\n", "\n");
        // Files of other generators than Prettier can read, such as templates.
        const before = await pretty(written, file, { ...first, endOfLine: "lf" }).catch(() => null);
        if (before === null || written.length > MAX_FILE_CHARS) return;
        nSnippets += assertRetained(file, written, before);
        nSnippets += assertRetained(file, before, await pretty(before, file, then));
      }),
      { numRuns: 80 },
    );
    assert.ok(nSnippets > 300, `${nSnippets} snippets`);
  });

  it("P6 is exactly 1 where Prettier first meets pages in Markdown, and later, in a commit and in the editor", async function () {
    this.timeout(240_000);
    const pages = await filesOf(["docs", "node_modules/*", "node_modules/@*/*"], "{md,mdx,markdown}");
    assert.ok(pages.length > 150, `${pages.length} pages`);
    let nSnippets = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...pages), prettierStyle, prettierStyle, async (page, first, then) => {
        const written = (await readFile(join(PROJECT, page), "utf8")).replaceAll("\r\n", "\n");
        if (written.length > MAX_FILE_CHARS) return;
        const before = await pretty(written, page, { ...first, endOfLine: "lf" }).catch(() => null);
        if (before === null) return;
        const after = await pretty(before, page, then);
        nSnippets += assertRetained(page, written, before);
        nSnippets += assertRetained(page, before, after);
        assertFollowed(page, written, before);
        assertFollowed(page, before, after);
      }),
      { numRuns: 40 },
    );
    assert.ok(nSnippets > 100, `${nSnippets} snippets`);
  });
});

describe("code that goes between a page and a code file", () => {
  const found = async (accepted: Syntax, sought: Syntax): Promise<number> => {
    const fractions: number[] = [];
    for (const file of await filesOf(["core/**"], "ts")) {
      const text = await readFile(join(PROJECT, file), "utf8");
      const there = significantTokens(text, sought);
      const lines = text.split("\n");
      for (let at = 0; at + SNIPPET_LINES <= lines.length; at += SNIPPET_LINES) {
        const tokens = significantTokens(lines.slice(at, at + SNIPPET_LINES).join("\n"), accepted);
        if (tokens.length < MIN_SNIPPET_TOKENS) continue;
        fractions.push(keepRuns(tokens, there).reduce((sum, { length }) => sum + length, 0) / tokens.length);
      }
    }
    assert.ok(fractions.length > 500, `${fractions.length} snippets`);
    return fractions.reduce((sum, one) => sum + one, 0) / fractions.length;
  };
  it("is found by nearly all of its tokens in code, and by those that are no marks in a page", async function () {
    this.timeout(120_000);
    assert.ok((await found("markdown", "code")) > 0.95);
    assert.ok((await found("code", "markdown")) > 0.85);
  });
});

/** Follows every few lines of a page through its formatting in the editor, which replaces the whole text. */
const assertFollowed = (file: string, before: string, after: string): void => {
  const follower = createBufferFollower(diffSequences, null, syntaxOf(file));
  settleNow(follower, before, 0);
  const lines = before.split("\n");
  let start = 0;
  for (let at = 0; at + SNIPPET_LINES <= lines.length; at += SNIPPET_LINES) {
    const text = lines.slice(at, at + SNIPPET_LINES).join("\n");
    const region = { start, end: start + text.length };
    const around = { before: before.slice(0, region.start), after: before.slice(region.end) };
    start = region.end + 1;
    if (text.trim().length >= MIN_SNIPPET_CHARS)
      follower.follow({ suggestionId: String(at), text, region, ...around, acceptedAt: 0 });
  }
  settleNow(follower, before, 0);
  follower.replaced(after, "edit");
  settleNow(follower, after, 1);
  for (const id of follower.suggestionIds) assert.equal(follower.measure(id)?.tokens, 1, `${file}:${Number(id) + 1}`);
};

/** Larger ones take seconds. */
const MAX_FILE_CHARS = 30_000;

/** Files as people wrote them, and as compilers, bundlers and generators did, of every language of Prettier's that has code. */
const writtenFiles = (): Promise<string[]> => {
  const folders = [
    "{core,engine,extension,protocol,scripts,server,test,tracker}/**",
    "node_modules/*",
    "node_modules/@*/*",
    "node_modules/*/{lib,dist,src,types,docs}/**",
    "node_modules/@types/*/**",
  ];
  return filesOf(folders, "{ts,tsx,js,jsx,mjs,cjs,css,scss,less,html,json,yml,yaml}");
};

const filesOf = async (folders: readonly string[], kinds: string): Promise<string[]> => {
  const files: string[] = [];
  for await (const name of glob(
    folders.map((folder) => `${folder}/*.${kinds}`),
    { cwd: PROJECT },
  ))
    files.push(name);
  return files.sort();
};

/** Checks every few lines of a text in another form of it; gives how many it checked. */
const assertRetained = (file: string, before: string, after: string): number => {
  const lines = before.split("\n");
  const retained = retentionIn(after);
  let nSnippets = 0;
  for (let at = 0; at + SNIPPET_LINES <= lines.length; at += SNIPPET_LINES) {
    const snippet = lines.slice(at, at + SNIPPET_LINES).join("\n");
    if (snippet.trim().length < MIN_SNIPPET_CHARS || isCutAtRemark(lines, at, at + SNIPPET_LINES)) continue;
    nSnippets += 1;
    assert.equal(retained(snippet, syntaxOf(file)), 1, `${file}:${at + 1}: ${snippet}`);
  }
  return nSnippets;
};

/** Prettier carries an operator over a remark, here out of the snippet: docs/survival-quality.md names it. */
const isCutAtRemark = (lines: readonly string[], from: number, to: number): boolean => {
  const isRemark = (line: string | undefined): boolean => /^\s*(?:\/\/|\/\*|\*)|\*\/\s*$|\/\/.*$/.test(line ?? "");
  const isOperator = /^\s*[-+*/%&|^<>=?:]|[-+*/%&|^<>=?:]\s*$/;
  return (
    (isOperator.test(lines[to - 1] as string) && isRemark(lines[to])) ||
    (isOperator.test(lines[from] as string) && isRemark(lines[from - 1])) ||
    (isRemark(lines[to - 1]) && isOperator.test(lines[to] ?? "")) ||
    (isRemark(lines[from]) && isOperator.test(lines[from - 1] ?? ""))
  );
};
