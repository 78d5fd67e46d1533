import assert from "node:assert/strict";
import fc from "fast-check";
import { commitLine, type Tree } from "../../support/survival/commit-line.ts";

const SNIPPET = [
  "const server = createServer(handleRequest);",
  "server.listen(portOf(settings), reportListening);",
  "process.once('SIGTERM', () => server.close(exitCleanly));",
  "process.once('SIGINT', () => server.close(exitAtOnce));",
  "watchCertificates(settings.certificates, server.setSecureContext);",
  "announce(server, settings.neighbours, settings.announceEveryMs);",
];
const filler = (name: string): string[] =>
  Array.from({ length: 12 }, (_, at) => `export const ${name}${at} = compute${name}(${at});`);
const text = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

const BEFORE: Tree = { "start.ts": text(...filler("start")), "app/copy.ts": text(...filler("copy")) };
const FIRST = text(...filler("start"), ...SNIPPET);
const SECOND = text(...filler("copy"), ...SNIPPET);
const WITH: Tree = { ...BEFORE, "start.ts": FIRST };
const TWICE: Tree = { "start.ts": FIRST, "app/copy.ts": SECOND };
const MOVED: Tree = { ...BEFORE, "app/copy.ts": SECOND };

const lineOf = (before: Tree, ...trees: readonly Tree[]) => {
  const line = commitLine(before, [{ file: "start.ts", text: text(...SNIPPET) }]);
  for (const tree of trees) line.commit(tree);
  return line;
};

const check = (what: string, trees: readonly Tree[], tok: number, files: readonly string[], before = BEFORE): void => {
  it(what, () => {
    const line = lineOf(before, ...trees);
    assert.ok(Math.abs(line.tok() - tok) < 0.01, `${line.tok()} is not ${tok}`);
    assert.deepEqual(line.files(), files);
  });
};

describe("a second place of code", () => {
  check("is told beside the first", [WITH, TWICE], 1, ["start.ts", "app/copy.ts"]);
  check("takes over when the first dies", [WITH, TWICE, MOVED], 1, ["app/copy.ts"]);
  check("is no place any more when it is taken out", [WITH, TWICE, WITH], 1, ["start.ts"]);
  check("takes nothing over once it is taken out", [WITH, TWICE, WITH, BEFORE], 0, []);
  check(
    "moves with its file",
    [WITH, TWICE, { "start.ts": FIRST, "lib/new.ts": SECOND }, { "lib/new.ts": SECOND }],
    1,
    ["lib/new.ts"],
  );
  check(
    "adds nothing to a first place that is only edited",
    [WITH, TWICE, { ...TWICE, "start.ts": text(...filler("start"), ...SNIPPET.slice(0, 5)) }],
    0.826,
    ["start.ts", "app/copy.ts"],
  );
  check(
    "brings back nothing that an edit took before the first place died",
    [WITH, TWICE, { ...TWICE, "start.ts": text(...filler("start"), ...SNIPPET.slice(0, 5)) }, MOVED],
    0.826,
    ["app/copy.ts"],
  );
  const half = text(...filler("copy"), ...SNIPPET.slice(0, 3));
  check(
    "is none with a half of the code",
    [WITH, { ...TWICE, "app/copy.ts": half }, { ...MOVED, "app/copy.ts": half }],
    0,
    [],
  );
  check(
    "takes nothing over when it has lost a half by then",
    [WITH, TWICE, { ...TWICE, "app/copy.ts": half }, { ...MOVED, "app/copy.ts": half }],
    0,
    [],
  );
  const thrice = { ...TWICE, "app/third.ts": SECOND };
  check(
    "takes nothing over from code that is written a third time",
    [WITH, TWICE, thrice, { ...MOVED, "app/third.ts": SECOND }],
    0,
    [],
  );
  check("takes over once the third is taken out again", [WITH, TWICE, thrice, TWICE, MOVED], 1, ["app/copy.ts"]);
  check("is none when it stood before the code was written", [TWICE, MOVED], 0, [], MOVED);
  const edited = text(...filler("copy"), ...SNIPPET.map((line) => `  ${line}`));
  const elsewhere = text(...filler("new"), ...SNIPPET);
  check(
    "is none when a commit only moves a copy that is older than the code",
    [
      TWICE,
      { "start.ts": FIRST, "app/copy.ts": text(...filler("copy")), "lib/new.ts": elsewhere },
      { "lib/new.ts": elsewhere },
    ],
    0,
    [],
    MOVED,
  );
  check(
    "is none when a commit only edits a copy that is older than the code",
    [TWICE, { ...TWICE, "app/copy.ts": edited }, { ...BEFORE, "app/copy.ts": edited }],
    0,
    [],
    MOVED,
  );
  check(
    "is still one when a commit moves it on to another file",
    [
      WITH,
      TWICE,
      { "start.ts": FIRST, "app/copy.ts": text(...filler("copy")), "lib/new.ts": elsewhere },
      { ...BEFORE, "lib/new.ts": elsewhere },
    ],
    1,
    ["lib/new.ts"],
  );
  check(
    "is one when the commit that writes it edits the lines around the first",
    [
      WITH,
      {
        "start.ts": text(...filler("start").slice(0, -1), "const more = 1;", ...SNIPPET, "const end = 1;"),
        "app/copy.ts": SECOND,
      },
      { "start.ts": text(...filler("start"), "const more = 1;"), "app/copy.ts": SECOND },
    ],
    1,
    ["app/copy.ts"],
  );
  check("is none when the commit that brings the code writes it twice", [TWICE, MOVED], 0, []);
  check(
    "can be in the first one's own file",
    [
      WITH,
      { ...WITH, "start.ts": text(...SNIPPET, ...filler("start"), ...SNIPPET) },
      { ...WITH, "start.ts": text(...SNIPPET, ...filler("start")) },
    ],
    1,
    ["start.ts"],
  );

  it("is none of short code", () => {
    const short = "const app = createApp(settings);";
    const line = commitLine(BEFORE, [{ file: "start.ts", text: short }]);
    line.commit({ ...BEFORE, "start.ts": text(...filler("start"), short) });
    line.commit({ "start.ts": text(...filler("start"), short), "app/copy.ts": text(...filler("copy"), short) });
    line.commit({ ...BEFORE, "app/copy.ts": text(...filler("copy"), short) });
    assert.equal(line.tok(), 0);
  });

  it("goes to one of two snippets with the same text", () => {
    const both = [SNIPPET, SNIPPET].map((lines) => ({ file: "start.ts", text: text(...lines) }));
    const line = commitLine(BEFORE, both);
    line.commit({ ...BEFORE, "start.ts": text(...SNIPPET, ...filler("start"), ...SNIPPET) });
    line.commit({ "start.ts": text(...SNIPPET, ...filler("start"), ...SNIPPET), "app/copy.ts": SECOND });
    line.commit(MOVED);
    assert.deepEqual(
      [line.tok(0), line.tok(1)].toSorted((left, right) => left - right),
      [0, 1],
    );
    const places = line.heldPlaces();
    assert.equal(new Set(places).size, places.length);
  });

  it("P9 makes a move in two commits what it is in one, whatever is edited between", () => {
    const edits = fc.array(fc.record({ at: fc.nat(11), isFirst: fc.boolean() }), { maxLength: 6 });
    fc.assert(
      fc.property(edits, fc.nat(12), (edited, at) => {
        const own = [...filler("copy")];
        const start = [...filler("start")];
        const trees: Tree[] = [WITH];
        const place = (): Tree => ({
          "start.ts": text(...start, ...SNIPPET),
          "app/copy.ts": text(...own.slice(0, at), ...SNIPPET, ...own.slice(at)),
        });
        trees.push(place());
        for (const [number, edit] of edited.entries()) {
          (edit.isFirst ? start : own)[edit.at] = `export const edited${number} = true;`;
          trees.push(place());
        }
        const last = { "start.ts": text(...start), "app/copy.ts": place()["app/copy.ts"] ?? "" };
        const inTwo = lineOf(BEFORE, ...trees, last);
        const inOne = lineOf(BEFORE, WITH, last);
        assert.deepEqual([inTwo.tok(), inTwo.files()], [inOne.tok(), inOne.files()]);
        assert.equal(inTwo.tok(), 1);
      }),
    );
  });
});
