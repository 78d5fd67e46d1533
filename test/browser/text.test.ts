import assert from "node:assert/strict";
import fc from "fast-check";
import { bytesText, percentText, shortId, signedText } from "../../media/dashboard/number-text.ts";
import { durationText, relativeTime } from "../../media/dashboard/time-text.ts";
import { firstLine, textSegments, visibleString } from "../../media/dashboard/visible-text.ts";

describe("visible text", () => {
  const check = (text: string, shown: string) => assert.equal(visibleString(text), shown);

  it("leaves code as it is", () => check("const a = `ä→${b}`;\n\tgo()", "const a = `ä→${b}`;\n\tgo()"));
  it("leaves markup as it is, for text nodes", () => check("<img src=x onerror=1>", "<img src=x onerror=1>"));
  it("shows bidirectional overrides", () => check("a\u202eb\u2066c", "a\\u{202e}b\\u{2066}c"));
  it("shows zero-width characters", () => check("a\u200bb\ufeff", "a\\u{200b}b\\u{feff}"));
  it("shows terminal escapes", () => check("\u001b[31mred", "\\u{1b}[31mred"));
  it("shows tag characters one by one", () => check("\u{e0041}\u{e0042}", "\\u{e0041}\\u{e0042}"));
  it("shows variation selectors that can carry bytes", () => check("a\u{e0101}\ufe01", "a\\u{e0101}\\u{fe01}"));
  it("shows Hangul fillers", () => check("a\u3164", "a\\u{3164}"));
  it("shows lone surrogates and keeps pairs", () => check("\ud83d 😀", "\\u{d83d} 😀"));
  it("reads CRLF as a line end and shows a lone CR", () => check("a\r\nb\rc", "a\nb\\u{d}c"));
  it("joins neighbouring escapes into one segment", () => {
    assert.deepEqual(textSegments("a\u200b\u200bb"), [
      { kind: "plain", text: "a" },
      { kind: "escaped", text: "\\u{200b}\\u{200b}" },
      { kind: "plain", text: "b" },
    ]);
  });
  it("never leaves a hidden character, whatever the text", () => {
    const hidden =
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e01ef}]/u;
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.doesNotMatch(visibleString(text), hidden);
      }),
    );
  });
  it("keeps printable ASCII as it is", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => assert.equal(visibleString(text), text)));
  });
  it("splits a hostile text of 200,000 characters without giving any of them up", () => {
    const text = "\u200bx".repeat(100_000);
    assert.equal(textSegments(text).length, 200_000);
  });
});

describe("first line", () => {
  const check = (text: string, line: string) => assert.equal(firstLine(text, 10), line);
  it("skips blank lines", () => check("\n   \n  a = 1\nb", "a = 1"));
  it("cuts long lines", () => check("0123456789abc", "012345678…"));
  it("is empty for blank text", () => check(" \n ", ""));
});

describe("times", () => {
  const NOW = 1_700_000_000_000;
  const check = (agoMs: number, text: string) => assert.equal(relativeTime(NOW - agoMs, NOW), text);
  it("calls a moment just now", () => check(4_000, "just now"));
  it("counts seconds", () => check(42_000, "42 seconds ago"));
  it("counts minutes", () => check(5 * 60_000, "5 minutes ago"));
  it("counts hours", () => check(3 * 3_600_000, "3 hours ago"));
  it("names yesterday", () => check(25 * 3_600_000, "yesterday"));
  it("knows the future", () => check(-120_000, "in 2 minutes"));

  const checkDuration = (ms: number, text: string) => assert.equal(durationText(ms), text);
  it("writes milliseconds", () => checkDuration(340, "340 ms"));
  it("writes short seconds with a decimal", () => checkDuration(1_840, "1.8 s"));
  it("writes minutes and seconds", () => checkDuration(125_000, "2 min 5 s"));
  it("leaves out a zero second unit", () => checkDuration(3_600_000, "1 h"));
  it("writes days", () => checkDuration(90_000_000, "1 d 1 h"));
});

describe("numbers", () => {
  it("writes percent with one decimal", () => assert.equal(percentText(0.4249), "42.5 %"));
  it("writes signs with a real minus", () => assert.equal(signedText(-0.0312, 3), "−0.031"));
  it("gives what rounds to zero no sign", () => assert.equal(signedText(-0.0001, 2), "0.00"));
  it("writes megabytes", () => assert.equal(bytesText(1_440_000), "1.4 MB"));
  it("takes the end of a UUIDv7, which differs", () =>
    assert.equal(shortId("019a1b2c-0000-7000-8000-0123456789ab"), "456789ab"));
  it("takes the head of a hash", () => assert.equal(shortId("f".repeat(64)), "f".repeat(12)));
});
