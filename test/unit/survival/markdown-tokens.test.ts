import assert from "node:assert/strict";
import fc from "fast-check";
import { createBufferFollower, settleNow } from "../../../core/survival/buffer-follower.ts";
import { codeTokens } from "../../../core/survival/code-tokens.ts";
import { readableText, type Syntax, syntaxOf } from "../../../core/survival/markdown-text.ts";
import { anchorsOfPlaces } from "../../../core/survival/saved-anchors.ts";
import { placesInVersion } from "../../../core/survival/saved-buffer.ts";
import { retainedFraction } from "../../../core/survival/retention.ts";
import { tokenTable } from "../../../core/survival/token-table.ts";
import { significantTokens } from "../../../core/survival/tokens.ts";

const NO_DIFF = () => null;

const PAGE = `# Following *accepted* code

Every suggestion that you accept is followed for as long as the repository lives, **whatever** happens to it.

* the tracker reads the commits of each branch
* it never writes a file of the repository
* a log beside it holds what was found

1. open a folder
2. accept a suggestion

| Option | Meaning |
|---|:-:|
| \`--json\` | prints one object for each line |
| \`--repo\` | another folder than this one |

> What was deleted on purpose counts as lost, and what was moved does not.

\`\`\`ts
const retained = found.length / wanted_tokens * 100;
\`\`\`
`;

describe("tokens of Markdown", () => {
  const reads = (text: string, expected: string): void => {
    it(JSON.stringify(text), () => {
      const tokens = expected === "" ? [] : expected.split(" ");
      assert.deepEqual(significantTokens(text, "markdown"), tokens);
      assert.deepEqual([...codeTokens(text.split("\n"), "part", "markdown").tokens], tokens);
      assert.deepEqual([...tokenTable(text, "markdown").tokens], tokens);
    });
  };
  reads("* one\n+ two\n  - three", "one two three");
  reads("1. one\n1) two\n> 12. three\n- 3. four", "one two three four");
  reads("1. 2. one\n1.\n22) two", "one two");
  reads("version 2. of 3) and 1995. of", "version 2 of 3 and 1995 of");
  reads("(a >>>\n  0) /\n 2) && b", "a 0 / 2 & & b");
  reads("1) **bold**\n2) `c`", "bold c");
  reads("1.5 kg\n2.x\n3.", "1.5 kg 2 . x");
  reads("*a* _b_ **c** __d__ ***e*** _**f g**_", "a b c d e f g");
  reads("snake_case_name _private trailing_ __init__.py a_", "snake_case_name private trailing init . py a");
  reads("_ __ ___ * - +", "");
  reads("# One #\n\nTwo\n===\n\nThree\n---\n\n#tag issue #12", "One Two Three # tag issue # 12");
  reads("a == b\n=", "a = = b =");
  reads("~~~js\nf(~x)\n~~~", "js f ~ x");
  reads("| a | b |\n|:--|---|\n| c \\| d | e", "a b : c d e");
  reads("> quoted\n>> twice\n>", "quoted twice");
  reads("1 \\* 2 \\_ 3 C:\\dir a\\\nb", "1 2 3 C : \\ dir a b");
  reads("well-known --flag", "well known flag");
  reads("x = 1E+5 - 1e-5;", "x = 100000 0.00001");
  reads("<br />\n<br/><br>", "< br < br < br");
  reads("é_ _größe_ 한국_ *日本*", "é größe 한국 日本");

  it("are those of code in all other files, and of any name of Markdown's", () => {
    const names = ["a.ts", "md", "README", "a.md.ts", "a.rst", "b.mdc", "", null];
    for (const name of names) assert.equal(syntaxOf(name), "code", String(name));
    for (const name of ["a.md", "README.MD", "x/y.mdx", "z.markdown", "file:///a/b.md"])
      assert.equal(syntaxOf(name), "markdown", name);
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => assert.equal(readableText(text, "code"), text)));
  });

  const signs = [
    "*",
    "_",
    "-",
    "+",
    "|",
    ">",
    "#",
    "=",
    "~",
    "\\",
    "`",
    "'",
    ":",
    ",",
    "&",
    "{",
    "===",
    "~~~",
    "/>",
    "😀",
  ];
  const words = ["5", "é", "1.", "12)", "word", "a_b", ".5", "1e-5", "ẛ̣", "한"];
  const part = fc.constantFrom(...signs, ...words, " ", "  ", "\t", "\n", "\n\n", "\r\n");
  const text = fc.array(part, { maxLength: 80 }).map((parts) => parts.join(""));

  it("are the same by all readers, at the same places as in code", () => {
    fc.assert(
      fc.property(text, (page) => {
        const tokens = significantTokens(page, "markdown");
        const table = tokenTable(page, "markdown");
        assert.deepEqual([...table.tokens], tokens);
        assert.deepEqual([...codeTokens(page.split("\n"), "whole", "markdown").tokens], tokens);
        assert.equal(readableText(page, "markdown").length, page.length);
        for (const [at, token] of tokens.entries()) {
          const written = page.slice(table.starts[at], table.ends[at]).normalize("NFC");
          if (!/\d/.test(token)) assert.equal(written, token);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("have the same ordinals on their lines as in code, so that a file may change its name", () => {
    const word = fc.constantFrom("*one*", "_two_", "three_four", "-", "+", "|", ">", "#", "12.", "\\*", "5", "=", "__");
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        const lines = [words.join(" ")];
        const code = codeTokens(lines);
        const markdown = codeTokens(lines, "part", "markdown");
        const bare = (token: string | undefined): string => (token ?? "").replace(/^_+|_+$/g, "");
        for (const [at, token] of markdown.tokens.entries()) {
          const index = code.at.indexOf(markdown.at[at] as number);
          assert.equal(bare(code.tokens[index]), token, lines[0]);
        }
      }),
    );
  });
});

describe("retention in Markdown", () => {
  const kept = (name: string, before: string, after: string): void => {
    it(`is 1 for ${name}`, () => {
      assert.ok(PAGE.includes(before));
      const page = PAGE.replaceAll(before, after);
      assert.equal(retainedFraction(PAGE, page, "markdown"), 1);
      assert.equal(inBuffer(PAGE, page, "markdown"), 1);
    });
  };
  kept("other list marks", "\n* ", "\n-   ");
  kept("other numbers of a list", "\n2. ", "\n1. ");
  kept("other emphasis", "*accepted*", "_accepted_");
  kept("another heading", "# Following *accepted* code", "Following *accepted* code\n===");
  kept("a table without padding", "|---|:-:|", "| --------- | :-------------------: |");
  kept("a table without outer bars", "| Option | Meaning |", "Option | Meaning");
  kept("another fence", "```", "~~~~");
  kept("a quotation that is broken anew", "as lost, and what", "as lost,\n> and what");
  kept("a paragraph that is broken anew", "as long as the repository", "as\nlong as the\nrepository");
  kept("escapes", "one object for", "one object\\\nfor");

  const lowered = (name: string, before: string, after: string, nLost: number): void => {
    it(`falls by ${nLost} tokens when ${name}`, () => {
      assert.ok(PAGE.includes(before));
      const page = PAGE.replace(before, after);
      const nTokens = significantTokens(PAGE, "markdown").length;
      const expected = (nTokens - nLost) / nTokens;
      assert.equal(retainedFraction(PAGE, page, "markdown"), expected);
      assert.ok(inBuffer(PAGE, page, "markdown") <= expected);
    });
  };
  lowered("words are taken out", "of each branch", "", 3);
  lowered("an item of a list is removed", "* it never writes a file of the repository\n", "", 8);
  lowered("a row of a table is removed", "| `--json` | prints one object for each line |\n", "", 7);
  lowered("an emphasised word is replaced", "*accepted*", "*rejected*", 1);
  lowered(
    "a quotation is removed",
    "> What was deleted on purpose counts as lost, and what was moved does not.\n",
    "",
    15,
  );
  lowered("a number is another one", "* 100", "* 10", 1);
  lowered("a word of an example is another one", "wanted_tokens", "wanted", 1);

  it("is told of a saved page that was formatted before it was committed, token by token", () => {
    const home = { start: 0, end: PAGE.length };
    const nTokens = significantTokens(PAGE, "markdown").length;
    const places = [{ suggestionId: "s", text: PAGE, home, intervals: [{ token: 0, nTokens, ...home }] }];
    const version = PAGE.replaceAll("\n* ", "\n- ").replace("*accepted*", "_accepted_").replace("\n2. ", "\n1. ");
    const found = placesInVersion({ text: PAGE, places, syntax: "markdown" }, version, NO_DIFF);
    const runs = anchorsOfPlaces(found, version, () => 0, "markdown");
    assert.deepEqual(
      runs.map(({ from }) => from),
      Array.from({ length: nTokens }, (_, at) => at),
    );
    const lines = version.split("\n");
    const { line, at } = codeTokens(lines, "whole", "markdown");
    assert.deepEqual(
      runs.map((run) => [run.line, run.at]),
      Array.from(line, (one, index) => [one + 1, at[index]]),
    );
  });

  it("is 0 where the page was written anew", () => {
    const other = "# Something else\n\n* not a word\n* of the other page\n\n| a | b |\n|---|---|\n| c | d |\n";
    assert.equal(retainedFraction(PAGE, other, "markdown"), 0);
  });

  it("is 0 after all words are gone, though the marks are left", () => {
    assert.equal(retainedFraction(PAGE, PAGE.replace(/[\p{L}\p{N}_$]+/gu, "x"), "markdown"), 0);
  });
});

describe("tokens beside a remark, in an open document", () => {
  const before = "f();\n/* one */\ng(a, b, c);\n/* two */\nh(d, e, f);\n";
  const after = before.replaceAll("/*", "\t/*");
  for (const [first, end] of [
    [0, 5],
    [0, 4],
    [1, 4],
    [1, 5],
    [3, 4],
  ] as const) {
    it(`stay when its line is indented, of lines ${first} to ${end}`, () => {
      const lines = before.split("\n");
      const text = lines.slice(first, end).join("\n");
      const start = lines.slice(0, first).join("\n").length + (first === 0 ? 0 : 1);
      for (const syntax of ["code", "markdown"] as const) {
        const follower = createBufferFollower(NO_DIFF, null, syntax);
        const region = { start, end: start + text.length };
        const around = { before: before.slice(0, region.start), after: before.slice(region.end) };
        settleNow(follower, before, 0);
        follower.follow({ suggestionId: "s", text, region, ...around, acceptedAt: 0 });
        settleNow(follower, before, 0);
        follower.replaced(after, "edit");
        settleNow(follower, after, 1);
        assert.equal(follower.measure("s")?.tokens, 1, syntax);
        follower.replaced(before, "edit");
        settleNow(follower, before, 2);
        assert.equal(follower.measure("s")?.tokens, 1, syntax);
      }
    });
  }
});

/** What a document's follower says of a text that gave way to another at once, as on a formatting save. */
const inBuffer = (before: string, after: string, syntax: Syntax): number => {
  const follower = createBufferFollower(NO_DIFF, null, syntax);
  const region = { start: 0, end: before.length };
  settleNow(follower, "", 0);
  follower.changed([{ offset: 0, deleted: 0, text: before }], "edit");
  follower.follow({ suggestionId: "s", text: before, region, before: "", after: "", acceptedAt: 0 });
  settleNow(follower, before, 0);
  assert.equal(follower.measure("s")?.tokens, 1);
  follower.changed([{ offset: 0, deleted: before.length, text: after }], "edit");
  settleNow(follower, after, 1);
  return follower.measure("s")?.tokens ?? 0;
};
