import assert from "node:assert/strict";
import type { Insertion } from "../../bench/survival-accuracy/insertions.ts";
import { fateOfRemoved } from "../../bench/survival-accuracy/judged-insertions.ts";
import type { Fate } from "../../bench/survival-accuracy/truth.ts";
import { createRepository } from "../tracker/repository.ts";

const AROUND = "first();\n";
const TEXT = `expect(program.opts().pepper).toBe(true);
expect(program.opts().cheese).toBe(false);
expect(program.opts().olives).toBe(null);
`;
const KINDS = `export type Runtime =
  | "node"
  | "deno"
  | "workerd"
  | "lagon"
`;

/** What git says of code that one commit added, after others have changed the file. */
const check = (what: string, text: string, later: readonly (string | null)[], fate: Fate): void => {
  it(`${what}: ${fate}`, async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": AROUND });
    const commit = await repository.commit("insert", { "a.ts": AROUND + text });
    for (const next of later) {
      const other = next === null ? { "b.ts": "elsewhere();\n" } : { "a.ts": AROUND + next };
      await repository.commit("later", other);
    }
    const commits = (await repository.git("rev-list", "--first-parent", "--reverse", "HEAD")).split("\n");
    const nLines = text.split("\n").length - 1;
    const insertion: Insertion = { commit, index: 1, path: "a.ts", line: 1, nLines, text, file: AROUND + text };
    const found = await fateOfRemoved(insertion, {
      repo: repository.root,
      commits,
      indexOf: new Map(commits.map((one, index) => [one, index])),
      until: commits.at(-1) ?? "",
      patches: new Map(),
      signal: AbortSignal.timeout(15_000),
    });
    assert.equal(found, fate);
  });
};

describe("what became of code of which blame finds no line", () => {
  check("taken out", TEXT, ["", "other();\n"], "deleted");
  check("replaced by other code", TEXT, ["const total = sum(prices);\nreturn total;\n"], "deleted");
  check("of each line more than seven tenths of the words", TEXT, [TEXT.replaceAll("toBe", "toEqual")], "rewritten");
  check(
    "of each line half of the words",
    TEXT,
    [TEXT.replaceAll("expect(", "assert.equal(").replaceAll(/\)\.toBe\(/g, ", ")],
    "reworded",
  );
  check(
    "lines of one word, joined by a formatter",
    KINDS,
    [`type Runtime = "node" | "deno" | "workerd";\n`],
    "rewritten",
  );
  check("put back by a later commit, and then edited", TEXT, ["", null, TEXT, "x();\n"], "restored");
});
