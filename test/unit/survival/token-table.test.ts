import { readSpans } from "../../../core/survival/token-spans.ts";
import { tokenTable } from "../../../core/survival/token-table.ts";
import { anchorLines } from "../../../core/survival/line-anchors.ts";
import { significantTokens, strictTokens } from "../../../core/survival/tokens.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.constantFrom(
        "a",
        "_$",
        "é",
        "e\u0301",
        "\u200b",
        "\ufeff",
        "\r\n",
        "\n",
        " ",
        "|",
        "&",
        "=",
        "\\",
        "'",
        "😀",
        "한",
        "ㅎ",
        "\ud800",
      ),
    )
    .map((parts) => parts.join("")),
);

describe("tokens with their places", () => {
  it("are the tokens of the text", () => {
    fc.assert(fc.property(text, (code) => assert.deepEqual([...readSpans(code, "strict").tokens], strictTokens(code))));
    fc.assert(
      fc.property(text, (code) => assert.deepEqual([...tokenTable(code, "strict").tokens], strictTokens(code))),
    );
  });

  it("are the significant tokens of a text of many lines, read in steps", () => {
    const lines = fc.array(fc.constantFrom("type A =", "  | B", "  | C;", "f(a, 'it\\'s')", "", "x &", "y"), {
      maxLength: 600,
    });
    fc.assert(
      fc.property(lines, (all) => {
        const code = all.join("\n");
        assert.deepEqual([...tokenTable(code, "significant").tokens], significantTokens(code));
      }),
      { numRuns: 30 },
    );
  });

  it("stand where they say, in order", () => {
    fc.assert(
      fc.property(text, fc.nat({ max: 9 }), (code, at) => {
        const { tokens, starts, ends } = readSpans(code, "strict", at);
        let reached = at;
        for (const [idx, start] of starts.entries()) {
          assert.ok(start >= reached && ends[idx]! >= start, JSON.stringify([starts, ends]));
          if (code.normalize("NFC") === code) assert.equal(code.slice(start - at, ends[idx]! - at), tokens[idx]);
          reached = start;
        }
      }),
    );
  });
});

describe("lines that occur once on both sides", () => {
  it("give ascending blocks of equal lines", () => {
    const lines = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"), { maxLength: 40 });
    fc.assert(
      fc.property(lines, lines, (old, now) => {
        const steps = anchorLines(old, now);
        let step = steps.next();
        while (step.done !== true) step = steps.next();
        let endOld = 0;
        let endNow = 0;
        for (const { before, after, length } of step.value) {
          assert.ok(before >= endOld && after >= endNow && length > 0);
          assert.deepEqual(old.slice(before, before + length), now.slice(after, after + length));
          endOld = before + length;
          endNow = after + length;
        }
      }),
    );
  });

  it("find all that is left of a file whose lines all differ", () => {
    const old = Array.from({ length: 9_000 }, (_, at) => `line ${at}`);
    const now = old.filter((_, at) => at % 50 !== 0);
    const steps = anchorLines(old, now);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    assert.equal(
      step.value.reduce((sum, { length }) => sum + length, 0),
      now.length,
    );
  });
});
