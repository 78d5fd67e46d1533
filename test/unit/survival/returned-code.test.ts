import assert from "node:assert/strict";
import { commitLine, type Tree } from "../../support/survival/commit-line.ts";

const SNIPPET = [
  "const server = createServer(handleRequest);",
  "server.listen(portOf(settings), reportListening);",
  "process.once('SIGTERM', () => server.close(exitCleanly));",
  "process.once('SIGINT', () => server.close(exitAtOnce));",
  "watchCertificates(settings.certificates, server.setSecureContext);",
  "announce(server, settings.neighbours, settings.announceEveryMs);",
];
const OTHER = Array.from({ length: 12 }, (_, at) => `export const other${at} = computeOther(${at});`);
const text = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

interface Check {
  /** The tree before that commit. */
  readonly before?: Tree;
  /** Trees after the commit that brought the snippet in `start.ts`. */
  readonly then: readonly Tree[];
  readonly tok: number;
  readonly files?: readonly string[];
}

const BEFORE: Tree = { "start.ts": text(...OTHER), "app/copy.ts": text(...OTHER) };
const WITH: Tree = { ...BEFORE, "start.ts": text(...OTHER, ...SNIPPET) };

const check = (what: string, { before = BEFORE, then, tok, files }: Check): void => {
  it(what, () => {
    const line = commitLine(before, [{ file: "start.ts", text: text(...SNIPPET) }]);
    line.commit({ ...before, "start.ts": WITH["start.ts"] ?? "" });
    assert.equal(line.tok(), 1);
    for (const tree of then) line.commit(tree);
    assert.ok(Math.abs(line.tok() - tok) < 0.01, `${line.tok()} is not ${tok}`);
    if (files !== undefined) assert.deepEqual(line.files(), files);
  });
};

describe("code that comes back in a later commit than the one that took it", () => {
  check("is the snippet where it comes back whole, in its own file or in another", {
    then: [BEFORE, { ...BEFORE, "app/new.ts": text(...OTHER, ...SNIPPET) }],
    tok: 1,
    files: ["app/new.ts"],
  });
  check("is the snippet in its own file if most of what went comes back", {
    then: [BEFORE, { ...BEFORE, "start.ts": text(...OTHER, ...SNIPPET.slice(0, 5)) }],
    tok: 0.826,
    files: ["start.ts"],
  });
  check("is not the snippet in its own file if less than that comes back", {
    then: [BEFORE, { ...BEFORE, "start.ts": text(...OTHER, ...SNIPPET.slice(0, 3)) }],
    tok: 0,
  });
  check("is not the snippet in another file unless all of it comes back", {
    then: [BEFORE, { ...BEFORE, "app/new.ts": text(...SNIPPET.slice(0, 5)) }],
    tok: 0,
  });
  check("is not the snippet when its pieces come into several files", {
    then: [
      BEFORE,
      { ...BEFORE, "one.ts": text(...SNIPPET.slice(0, 2)) },
      { ...BEFORE, "one.ts": text(...SNIPPET.slice(0, 2)), "two.ts": text(...SNIPPET.slice(2, 4)) },
      { ...BEFORE, "start.ts": text(...SNIPPET.slice(4)) },
    ],
    tok: 0,
  });
  const copied: Tree = { ...BEFORE, "app/copy.ts": text(...OTHER, ...SNIPPET) };
  check("is not the snippet when the commit only moves a copy of it that is older", {
    before: copied,
    then: [copied, { ...BEFORE, "lib/copy.ts": copied["app/copy.ts"] ?? "" }],
    tok: 0,
  });
  check("is not the snippet when the commit only adds to a copy of it that is older", {
    before: copied,
    then: [
      copied,
      { ...BEFORE, "app/copy.ts": text(...OTHER, "const more = 1;", ...SNIPPET.map((line) => `  ${line}`)) },
    ],
    tok: 0,
  });
  const thrice: Tree = { ...copied, "app/third.ts": text(...SNIPPET), "start.ts": WITH["start.ts"] ?? "" };
  const left: Tree = { ...thrice, "start.ts": text(...OTHER) };
  check("is not the snippet in another file when it stayed in others as it was taken", {
    then: [thrice, left, { ...left, "app/new.ts": text(...OTHER, ...SNIPPET) }],
    tok: 0,
  });
  check("is the snippet in its own file though it stayed in others", {
    then: [thrice, left, thrice],
    tok: 1,
    files: ["start.ts", "app/copy.ts", "app/third.ts"],
  });
  check("is asked for commit by commit: what the last one took may come back alone", {
    then: [
      { ...BEFORE, "start.ts": text(...OTHER, ...SNIPPET.slice(0, 3)) },
      BEFORE,
      { ...BEFORE, "start.ts": text(...OTHER, ...SNIPPET.slice(0, 3)) },
    ],
    tok: 0.457,
    files: ["start.ts"],
  });
  const alike = SNIPPET.filter((_, at) => at !== 2);
  check("is not in lines that stood in the changed place before, when the commit that takes it adds one to them", {
    before: { ...BEFORE, "app/copy.ts": text(...alike) },
    then: [{ ...BEFORE, "app/copy.ts": text(...SNIPPET) }],
    tok: 0.217,
    files: ["app/copy.ts"],
  });
  check("is found in pieces in the very commit that took it", {
    then: [{ ...BEFORE, "one.ts": text(...SNIPPET.slice(0, 3)), "two.ts": text(...SNIPPET.slice(3)) }],
    tok: 1,
  });

  it("is not a short snippet in a file where it never stood, but is one in its own", () => {
    const short = "const app = createApp();";
    const line = commitLine(BEFORE, [{ file: "start.ts", text: short }]);
    line.commit({ ...BEFORE, "start.ts": text(...OTHER, short) });
    line.commit(BEFORE);
    line.commit({ ...BEFORE, "app/new.ts": text(short) });
    assert.equal(line.tok(), 0);
    line.commit({ ...BEFORE, "app/new.ts": text(short), "start.ts": text(...OTHER, short) });
    assert.equal(line.tok(), 1);
  });
});
