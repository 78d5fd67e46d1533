import { numeralEnd, numeralKey } from "../../../core/survival/numerals.ts";
import { completedTokens } from "../../../core/survival/completed-tokens.ts";
import { codeTokens } from "../../../core/survival/code-tokens.ts";
import { tokenTable } from "../../../core/survival/token-table.ts";
import { significantTokens } from "../../../core/survival/tokens.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

describe("numbers as tokens", () => {
  const same = (...written: readonly string[]): void => {
    it(`are one for ${written.join("  ")}`, () => {
      const [first = "", ...others] = written;
      for (const other of others) assert.equal(numeralKey(other), numeralKey(first), other);
    });
  };
  same("0.5", ".5", "0.50", "5e-1", ".5E0", "0.05e+01");
  same("1.5", "1.50", "1.5e0", "15e-1");
  same("5", "5.", "5.0", "5.00", "5e0", "0.5e1");
  same("1000", "1_000", "1e3", "1E+3", "1000.0");
  same("0", "0.0", ".0", "0e5", "0.");
  same("1e100", "1E100", "10e99", "1.0e+100");
  same("0xff", "0XFF", "0xFf");
  same("0.5em", ".5em", "0.50EM");
  same("1.5ms", "1.50MS");
  same("123456789012345678901234567890", "123456789012345678901234567890.0");

  const other = (one: string, two: string): void => {
    it(`are two for ${one} and ${two}`, () => assert.notEqual(numeralKey(one), numeralKey(two)));
  };
  other("1.5", "15");
  other("1e3", "1e4");
  other("10n", "10");
  other("017", "17");
  other("0x10", "10");
  other("0b10", "10");
  other("1.20.3", "1.2.3");
  other("3D", "3d");
  other("5em", "5rem");
  other("1e40", "1e41");
  other("12345678901234567890", "12345678901234567891");

  it("have equal keys where their values are equal, and only there", () => {
    const written = fc
      .record({
        whole: fc.stringMatching(/^(?:0|[1-9]\d{0,4})$/),
        part: fc.option(fc.stringMatching(/^\d{0,5}$/), { nil: undefined }),
        exponent: fc.option(fc.integer({ min: -12, max: 12 }), { nil: undefined }),
        isUpper: fc.boolean(),
      })
      .map(
        ({ whole, part, exponent, isUpper }) =>
          `${whole === "0" && part !== undefined && part !== "" && isUpper ? "" : whole}${part === undefined ? "" : `.${part}`}${exponent === undefined ? "" : `${isUpper ? "E" : "e"}${exponent < 0 ? "" : "+"}${exponent}`}`,
      );
    fc.assert(
      fc.property(written, written, (one, two) =>
        assert.equal(numeralKey(one) === numeralKey(two), exact(one) === exact(two)),
      ),
      { numRuns: 500 },
    );
    fc.assert(fc.property(written, (one) => assert.equal(numeralKey(numeralKey(one)), numeralKey(one))));
  });

  const end = (text: string, expected: string): void => {
    it(`${JSON.stringify(text)} begins with ${expected}`, () =>
      assert.equal(text.slice(0, numeralEnd(text, 0)), expected));
  };
  end("1.50em;", "1.50em");
  end("1E+5)", "1E+5");
  end("1e+x", "1e");
  end("0x1e+5", "0x1e");
  end("5.max(3)", "5");
  end("5..toFixed()", "5.");
  end("5.toFixed", "5");
  end("1..5", "1");
  end("0..n", "0.");
  end("1...x", "1");
  end("5.\n", "5.");
  end("5.e3+1", "5.e3");
  end("1.20.3-beta", "1.20.3");
  end("1_000.50", "1_000.50");
  end("12-3", "12");
  end("2µm", "2µm");
});

describe("numbers in code", () => {
  const check = (text: string, expected: string): void => {
    it(JSON.stringify(text), () => {
      const expectedTokens = expected.split(" ");
      assert.deepEqual(significantTokens(text), expectedTokens);
      assert.deepEqual([...codeTokens(text.split("\n")).tokens], expectedTokens);
      assert.deepEqual([...tokenTable(text, "significant").tokens], expectedTokens);
    });
  };
  check("x = 1.50 + .5 - 5.;", "x = 1.5 + 0.5 - 5");
  check("a ? .5 : 1E+5", "a ? 0.5 : 100000");
  check("pair.0.50", "pair . 0.50");
  check("v1.5.10", "v1 . 5.10");
  check("[1.0.toFixed(), 1..toFixed()]", "[ 1 . toFixed 1 . toFixed ]");
  check("color: #FFF; width: -.50EM", "color : # fff width : - 0.5em");
  check("a.#Face", "a . # face");
  check("a.#private", "a . # private");
  check("'1.50' + \"2.0 kg\"", "1.50 + 2.0 kg");
  check("{ 1.5: a, '1.5': b }", "{ 1.5 : a 1.5 : b }");
  check('<a b="&quot;x&apos;" />', "< a b = x >");
  check("a &\n  quot", "a & quot");
  check("x as\n  | A\n  | B", "x as A | B");
  check("width: 2µm 1.0", "width : 2µm 1");
});

describe("tokens that an accepted text completes", () => {
  const check = (before: string, text: string, after: string, expected: readonly [string, string]): void => {
    it(`${before}[${text}]${after}`, () => assert.deepEqual(completedTokens(before, text, after), expected));
  };
  check("con", "sole.log(", "x)", ["con", ""]);
  check("x = 1", ".50 + y", ";", ["1", ""]);
  check("x = ", "1.", "50;", ["", "50"]);
  check('a["', "1.50", '"]', ['"', '"']);
  check("color: #", "FFF", ";", ["#", ""]);
  check("a + ", "b", " + c", ["", ""]);
  check("x = 1e", "+5", ";", ["1e", ""]);
  check("return ", "", "x", ["", ""]);
});

/** The value of a decimal number as `digits e exponent`, by big integers. */
const exact = (written: string): string => {
  const [mantissa = "", exponent = "0"] = written.toLowerCase().split("e");
  const [whole = "", part = ""] = mantissa.split(".");
  let digits = BigInt(whole + part || "0");
  let power = Number(exponent) - part.length;
  if (digits === 0n) return "0";
  for (; digits % 10n === 0n; power += 1) digits /= 10n;
  return `${digits}e${power}`;
};
