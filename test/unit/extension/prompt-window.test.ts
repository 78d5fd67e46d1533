import {
  MAX_PREFIX_CHARS,
  MAX_SUFFIX_CHARS,
  presentable,
  promptWindow,
} from "../../../extension/suggest/prompt-window.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

/** `|` is the cursor; the expectation is `single`, `block`, or `none`. */
function checkLines(name: string, text: string, expected: "single" | "block" | "none"): void {
  it(name, () => {
    assert.equal(promptWindow(text.replace("|", ""), text.indexOf("|"))?.lines ?? "none", expected);
  });
}

/** What is shown of the model's text at the cursor. */
function checkShown(name: string, text: string, completion: string, expected: string): void {
  it(name, () => {
    const window = promptWindow(text.replace("|", ""), text.indexOf("|"));
    assert.ok(window);
    assert.equal(presentable(completion, window), expected);
  });
}

describe("prompt window", () => {
  checkLines("a blank line asks for a block", "function f() {\n  |\n}", "block");
  checkLines("the end of a line asks for its rest", "const a = |\nconst b", "single");
  checkLines("an open brace asks for a block", "function f() {|\n", "block");
  checkLines("closers after the cursor do not matter", "call(|)", "single");
  checkLines("a closer and a semicolon do not matter", "call(a, |);\n", "single");
  checkLines("text after the cursor is left alone", "const | = 1;", "none");
  checkLines("inside a word nothing is suggested", "con|st a", "none");
  checkLines("an empty document asks for a block", "|", "block");

  it("cuts at the windows and never inside the cursor", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 6_000 }), fc.nat(6_000), (text, at) => {
        const window = promptWindow(text, Math.min(at, text.length));
        if (!window) return;
        assert.ok(window.prefix.length <= MAX_PREFIX_CHARS && window.suffix.length <= MAX_SUFFIX_CHARS);
        assert.ok(!window.prefix.includes("\r\n"));
      }),
    );
  });

  it("gives the model line feeds, whatever the document has", () => {
    const window = promptWindow("a\r\nb\r\n\r\nc", 6);
    assert.equal(window?.prefix, "a\nb\n");
    assert.equal(window?.suffix, "\nc");
  });

  checkShown("trailing space goes", "const a = |", "1;  \n", "1;");
  checkShown("a blank text is no suggestion", "const a = |", " \n ", "");
  checkShown("the closer that stands there already is not repeated", "call(|)", "a, b)", "a, b");
  checkShown("a balanced closer stays", "const a = (|)", "f(b)", "f(b)");
  checkShown(
    "a line that stands below already is no suggestion",
    "const a = 1;\n|\nreturn total;",
    "return total;",
    "",
  );
  checkShown("a short line below may be repeated", "{\n|\n}", "}", "}");
});
