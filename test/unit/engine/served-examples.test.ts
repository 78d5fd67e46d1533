import { createServedExamples } from "../../../engine/process/served-examples.ts";
import type { IndexedExample } from "../../../engine/retrieve/example-index.ts";
import assert from "node:assert/strict";

const codes = (text: string): number[] => Array.from(text, (character) => character.codePointAt(0)!);

const example = (id: string, text: string, more: Partial<IndexedExample> = {}): IndexedExample => ({
  id,
  root: "/work",
  path: "a.ts",
  language: "typescript",
  text,
  ...more,
});

const query = { prefix: "frobnicate(", path: "b.ts", language: "typescript" };

/** What the memory of a folder has seen after a text. */
const after = (served: ReturnType<typeof createServedExamples>, root: string, text: string): string =>
  (served.memoryOf(root)?.tokens.matches(codes(text)) ?? []).map(({ next }) => String.fromCodePoint(next)).join("");

describe("served examples", () => {
  it("reads only what is new of a list that replaces the last one", async () => {
    const read: string[] = [];
    const served = createServedExamples((text) => (read.push(text), codes(text)));
    await served.take([example("1", "frobnicate(one)"), example("2", "frobnicate(two)")], "replace");
    await served.take([example("2", "frobnicate(two)"), example("3", "frobnicate(three)")], "replace");
    assert.deepEqual(read, ["frobnicate(one)\n", "frobnicate(two)\n", "frobnicate(three)\n"]);
    assert.deepEqual(
      served
        .query(query, 9)
        .map(({ id }) => id)
        .sort(),
      ["2", "3"],
    );
    assert.equal(after(served, "/work", "ate("), "tt");
    assert.equal(after(served, "/work", "(one"), "");
  });

  it("keeps the memories of folders apart, and none of a folder without examples", async () => {
    const served = createServedExamples(codes);
    await served.take([example("1", "let a = 1"), example("2", "let a = 2", { root: "/other" })], "add");
    assert.equal(after(served, "/work", "a = "), "1");
    assert.equal(after(served, "/other", "a = "), "2");
    await served.take([example("1", "let a = 1")], "replace");
    assert.equal(served.memoryOf("/other"), null);
  });

  it("takes one list after the other, however long they take to read", async () => {
    const served = createServedExamples(codes);
    const many = Array.from({ length: 100 }, (_, i) => example(`${i}`, `frobnicate(${i})`));
    const first = served.take(many, "add");
    const second = served.take([example("last", "frobnicate(last)")], "replace");
    await Promise.all([first, second]);
    assert.deepEqual(
      served.query(query, 9).map(({ id }) => id),
      ["last"],
    );
  });

  it("replaces an example that moved to another file", async () => {
    const served = createServedExamples(codes);
    await served.take([example("1", "frobnicate(x)")], "add");
    await served.take([example("1", "frobnicate(x)", { path: "moved.ts" })], "add");
    assert.equal(served.query(query, 1)[0]!.path, "moved.ts");
  });
});
