import { promptWindow } from "../../../extension/suggest/prompt-window.ts";
import { createSuggestionCache } from "../../../extension/suggest/suggestion-cache.ts";
import assert from "node:assert/strict";

const windowOf = (text: string) => promptWindow(text.replace("|", ""), text.indexOf("|"))!;

/** A suggestion made at the first place is looked for at the second. */
function check(
  name: string,
  made: string,
  text: string,
  asked: string,
  expected: string | null,
  generation = "base:0",
): void {
  it(name, () => {
    const cache = createSuggestionCache();
    const { prefix, suffix } = windowOf(made);
    cache.add({ suggestionId: "s1", document: "a.ts", prefix, suffix, text, generation: "base:0" });
    assert.equal(cache.find("a.ts", windowOf(asked), generation)?.text ?? null, expected);
  });
}

const long = "x".repeat(5_000);

describe("suggestion cache", () => {
  check("the same place", "const a = |", "foo(1)", "const a = |", "foo(1)");
  check("typed along", "const a = |", "foo(1)", "const a = fo|", "o(1)");
  check("typed to the end", "const a = |", "foo(1)", "const a = foo(1)|", null);
  check("typed something else", "const a = |", "foo(1)", "const a = ba|", null);
  check("another place", "const a = |", "foo(1)", "const b = |", null);
  check("another place with the same end", "x = |", "foo", "xx = |", null);
  check("after other text below", "const a = |\nb", "foo(1)", "const a = f|\nc", null);
  check("with a closer that the editor added", "const a = |", "foo(1)", "const a = foo(|)", "1)");
  check("with several closers", "const a = |", "f([x], 1)", "const a = f([|])", "x], 1)");
  check("with a closer that the text does not bring", "const a = |", "foo", "const a = f|)", null);
  check("with closers before other text", "a = |\nb = 2", "f(1)", "a = f(|)\nb = 2", "1)");
  check(
    "in a long document, where the window slides",
    `${long}\nconst a = |`,
    "foo(1)",
    `${long}\nconst a = foo|`,
    "(1)",
  );
  check("with an adapter that was swapped in", "const a = |", "foo(1)", "const a = |", null, "v2:0");

  it("says how many closers the rest replaces", () => {
    const cache = createSuggestionCache();
    const { prefix, suffix } = windowOf("a = |\n");
    cache.add({ suggestionId: "s1", document: "a.ts", prefix, suffix, text: "f([1])", generation: "g" });
    assert.equal(cache.find("a.ts", windowOf("a = |\n"), "g")?.nClosers, 0);
    assert.equal(cache.find("a.ts", windowOf("a = f(|)\n"), "g")?.nClosers, 1);
    assert.equal(cache.find("a.ts", windowOf("a = f([|])\n"), "g")?.nClosers, 2);
  });

  it("forgets a decided suggestion", () => {
    const cache = createSuggestionCache();
    const window = windowOf("const a = |");
    cache.add({
      suggestionId: "s1",
      document: "a.ts",
      prefix: window.prefix,
      suffix: window.suffix,
      text: "foo",
      generation: "g",
    });
    cache.remove("s1");
    assert.equal(cache.find("a.ts", window, "g"), null);
  });

  it("prefers the newest of two", () => {
    const cache = createSuggestionCache();
    const window = windowOf("const a = |");
    for (const text of ["old", "new"])
      cache.add({
        suggestionId: text,
        document: "a.ts",
        prefix: window.prefix,
        suffix: window.suffix,
        text,
        generation: "g",
      });
    assert.equal(cache.find("a.ts", window, "g")?.suggestionId, "new");
  });

  it("knows nothing of other documents", () => {
    const cache = createSuggestionCache();
    const window = windowOf("const a = |");
    cache.add({
      suggestionId: "s1",
      document: "a.ts",
      prefix: window.prefix,
      suffix: window.suffix,
      text: "foo",
      generation: "g",
    });
    assert.equal(cache.find("b.ts", window, "g"), null);
  });
});
