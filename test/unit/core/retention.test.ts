import assert from "node:assert/strict";
import fc from "fast-check";
import { fourGramRecall, retainedFraction, strictRetainedFraction } from "../../../core/survival/retention.ts";
import { significantTokens, strictTokens } from "../../../core/survival/tokens.ts";

const SNIPPET = `function totalPrice(items) {
  let total = 0;
  for (const item of items) {
    if (item.hidden) continue;
    total += item.price * item.quantity;
  }
  return total;
}
`;

const FILE = Array.from({ length: 200 }, (_, at) => `const setting${at} = load("name ${at}", ${at}).value;`).join("\n");

/** Distinct words: nothing is found twice by chance. */
const words = (from: number, count: number, stem = "word"): string[] =>
  Array.from({ length: count }, (_, at) => `${stem}${from + at}`);

describe("tokens", () => {
  const check = (text: string, significant: string, strict: string = significant): void => {
    it(JSON.stringify(text), () => {
      assert.equal(significantTokens(text).join(" "), significant);
      assert.equal(strictTokens(text).join(" "), strict);
    });
  };
  check("", "");
  check("a.b = c1;", "a . b = c1", "a . b = c1 ;");
  check("f(x, 'y')", "f x y", "f ( x , ' y ' )");
  check("$el_1 !== `q`", "$el_1 ! = = q", "$el_1 ! = = ` q `");
  check("größe\r\nnaïve", "größe naïve");
  check("\ufeffcafe\u0301", "caf\u00e9");
  check("'it\\'s'", "it s", "' it \\ ' s '");
  check("'a\\nb'", "a \\ nb", "' a \\ nb '");
  check("type A =\n  | B\n  | C", "type A = B | C", "type A = | B | C");
  check("[K in\n  | A\n  | B]: C", "[ K in A | B ] : C", "[ K in | A | B ] : C");
  check("f(a: | X, b & c || d)", "f a : X b & c | | d", "f ( a : | X , b & c | | d )");
  check("if (a) { b(); }", "if a { b }", "if ( a ) { b ( ) ; }");
});

describe("retainedFraction", () => {
  const check = (name: string, current: string, expected: number | readonly [number, number], text = SNIPPET): void => {
    it(name, () => {
      const retained = retainedFraction(text, current);
      if (typeof expected === "number") assert.equal(retained, expected);
      else assert.ok(retained > expected[0] && retained < expected[1], `retained ${retained}`);
    });
  };
  check("is 1 for the text itself", SNIPPET, 1);
  check("is 1 inside a file", `${FILE}\n${SNIPPET}\n${FILE}`, 1);
  check("is 1 without semicolons and with other quotes", SNIPPET.replaceAll(";", "").replaceAll("  ", "\t"), 1);
  check("is 1 with every token on its own line", strictTokens(SNIPPET).join("\n"), 1);
  check("is nearly 1 with remarks between its lines", SNIPPET.replaceAll(";\n", ";\n// note\n"), [0.8, 1]);
  check(
    "is 1 after a leading bar was added to a union",
    "type Shade =\n  | dark\n  | light\n  | none\n",
    1,
    "type Shade = dark | light | none",
  );
  check("is 1 when its two halves changed places", halvesSwapped(), 1);
  check("is just below 1 after a changed literal", SNIPPET.replace("= 0", "= 1"), [0.9, 1]);
  check("is high after a renamed variable", SNIPPET.replaceAll("total", "sum"), [0.8, 1]);
  check("is about half after half was deleted", SNIPPET.split("\n").slice(0, 4).join("\n"), [0.4, 0.7]);
  check(
    "is low after a rewrite",
    "function totalPrice(items) {\n  return sumBy(items, priceOf).toFixed(2);\n}\n",
    [0, 0.35],
  );
  check("is 0 in other code", FILE, 0);
  check("is 0 where only common phrases are left", "for (const item of list) {\n  go(item);\n}\nreturn out;", 0);
  check("is 0 in nothing", "", 0);
  check("is 1 for nothing", FILE, 1, "");
  check("asks a short snippet for the whole of it", "let a = b;", 1, "a = b");
  check("finds no part of a short snippet", "let a = c;", 0, "a = b");
  check("compares punctuation by itself", "f(x);\n", 1, ");");
  check("misses punctuation that is gone", "f x\n", 0, ");");
  check("is not fooled by an earlier look-alike", "a b c x y z a b c d e f g h", 1, "a b c d e f g h");
  check("counts one copy for two", "p q r s t u", 0.5, "p q r s t u p q r s t u");

  it("does not count a distant phrase of a few letters", () => {
    const text = `${SNIPPET}export const go = () => { return 1; };`;
    const current = `${SNIPPET}${FILE.repeat(3)}\nlet q = () => { return x; };`;
    const own = significantTokens(SNIPPET).length / significantTokens(text).length;
    assert.equal(retainedFraction(text, current), own);
  });

  it("is 1 under any white space", () => {
    const space = fc.constantFrom(" ", "\n", "\t", "\r\n", "  ", "\u00a0");
    fc.assert(
      fc.property(fc.array(space, { minLength: 80, maxLength: 80 }), (spaces) => {
        const text = strictTokens(SNIPPET)
          .map((token, at) => token + spaces[at % spaces.length])
          .join("");
        assert.equal(retainedFraction(SNIPPET, text), 1);
        assert.equal(strictRetainedFraction(SNIPPET, text), 1);
        assert.equal(fourGramRecall(SNIPPET, text), 1);
      }),
    );
  });

  const code = fc.array(fc.constantFrom("a", "b", "foo", "bar", "=", ".", "{", "}", "(", ")", ";", "=>", "1"), {
    maxLength: 60,
  });

  it("stays within 0 and 1, with the strict fraction below it", () => {
    fc.assert(
      fc.property(code, code, (accepted, current) => {
        const [left, right] = [accepted.join(" "), current.join(" ")];
        const retained = retainedFraction(left, right);
        const strict = strictRetainedFraction(left, right);
        assert.ok(0 <= strict && strict <= retained && retained <= 1);
      }),
    );
  });

  it("is 1 wherever the whole snippet stands", () => {
    fc.assert(
      fc.property(code, code, code, (before, accepted, after) => {
        const text = accepted.join(" ");
        assert.equal(retainedFraction(text, [...before, ...accepted, ...after].join(" ")), 1);
      }),
    );
  });

  it("is 0 where no four tokens in a row are left", () => {
    fc.assert(
      fc.property(code, code, (accepted, current) => {
        const text = accepted.join(" ");
        const tokens = significantTokens(text);
        const grams = new Set(gramsOf(tokens, Math.min(4, tokens.length)));
        fc.pre(tokens.length > 0);
        const found = gramsOf(significantTokens(current.join(" ")), Math.min(4, tokens.length));
        fc.pre(!found.some((gram) => grams.has(gram)));
        assert.equal(retainedFraction(text, current.join(" ")), 0);
      }),
    );
  });

  it("equals the share of distinct words in the pieces of four or more that are left", () => {
    const piece = fc.record({ keep: fc.boolean(), length: fc.integer({ min: 4, max: 12 }) });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 2, maxLength: 12 }), (pieces) => {
        let at = 0;
        let nKept = 0;
        const current: string[] = [];
        for (const { keep, length } of pieces) {
          // Foreign words between pieces, more than a gap that a run may grow over.
          current.push(...words(at, 3, "foreign"));
          if (keep) {
            current.push(...words(at, length));
            nKept += length;
          }
          at += length;
        }
        const expected = nKept / at;
        assert.ok(Math.abs(retainedFraction(words(0, at).join(" "), current.join("\n")) - expected) < 1e-12);
      }),
    );
  });

  it("gives each token of the current text to one token of the snippet only", () => {
    fc.assert(
      fc.property(code, code, (accepted, current) => {
        const nAccepted = significantTokens(accepted.join(" ")).length;
        const nCurrent = significantTokens(current.join(" ")).length;
        fc.pre(nAccepted > 0);
        const retained = retainedFraction(accepted.join(" "), current.join(" "));
        assert.ok(Math.round(retained * nAccepted) <= nCurrent);
      }),
    );
  });

  it("survives snippets that repeat one token thousands of times", () => {
    const zeros = "0, ".repeat(3_000);
    assert.equal(retainedFraction(zeros, zeros), 1);
    assert.ok(retainedFraction(zeros, "0, ".repeat(2_000)) > 0.6);
  });
});

describe("strictRetainedFraction", () => {
  it("sees the punctuation that a formatter took", () => {
    const strict = strictRetainedFraction(SNIPPET, SNIPPET.replaceAll(";", ""));
    assert.ok(strict > 0.7 && strict < 1, `${strict}`);
  });
});

describe("fourGramRecall", () => {
  const check = (accepted: string, current: string, expected: number): void => {
    it(`${JSON.stringify(accepted)} in ${JSON.stringify(current)}`, () =>
      assert.equal(fourGramRecall(accepted, current), expected));
  };
  check("a b c d e", "a b c d e", 1);
  check("a b c d e", "x a b c d y", 0.5);
  check("a b c d a b c d", "a b c d", 0.2);
  check("a b", "x a b", 1);
  check("a b", "b a", 0);
  check("", "anything", 1);
});

function halvesSwapped(): string {
  const lines = SNIPPET.split("\n");
  return [...lines.slice(4), FILE, ...lines.slice(0, 4)].join("\n");
}

const gramsOf = (tokens: readonly string[], size: number): string[] =>
  tokens.slice(0, Math.max(0, tokens.length - size + 1)).map((_, at) => tokens.slice(at, at + size).join(" "));
