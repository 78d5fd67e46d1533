import assert from "node:assert/strict";
import fc from "fast-check";
import { compilePattern, patternBudget } from "../../../engine/lora/module-pattern.ts";

const matches = (pattern: string, name: string) => compilePattern(pattern, "field", patternBudget())(name);

describe("a module pattern", () => {
  it("matches whole names as Python's regular expressions do", () => {
    const name = "model.layers.11.self_attn.q_proj";
    for (const pattern of [
      String.raw`model\.layers\.\d+\.self_attn\.(q|v)_proj`,
      ".*q_proj",
      String.raw`(.*\.)?(q_proj)$`,
      "^model.*$",
      String.raw`model\.layers\.(?:[0-9]|1[0-5])\.[\w.]+`,
      String.raw`(?P<x>model)\.\w+\.1{2}\..+?_proj`,
      "[^ ]{5,}",
      "[]a-z0-9_.]+",
    ])
      assert.ok(matches(pattern, name), pattern);
    for (const pattern of ["q_proj", String.raw`model\.layers\.\d\..*`, "model", "", "[^m].*", ".{,5}", ".*$x"])
      assert.ok(!matches(pattern, name), pattern);
    assert.ok(matches("a{,2}b{2,}c{1}{", "abbbc{"));
  });

  const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", String.raw`\.`, String.raw`\d`, "1");
  const { pattern: generated } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      atom,
      fc.tuple(tie("pattern"), tie("pattern")).map(([x, y]) => x + y),
      fc.tuple(tie("pattern"), tie("pattern")).map(([x, y]) => `(${x}|${y})`),
      fc
        .tuple(tie("pattern"), fc.constantFrom("*", "+", "?", "{2}", "{1,3}", "{0,}"))
        .map(([x, sign]) => `(?:${x})${sign}`),
    ),
  }));
  it("agrees with the built-in engine", () => {
    fc.assert(
      fc.property(
        generated,
        fc.string({ unit: fc.constantFrom("a", "b", ".", "1"), maxLength: 8 }),
        (pattern, name) => {
          // Repetitions of repetitions may be more than RE2 takes.
          let actual: boolean | undefined;
          try {
            actual = matches(pattern, name);
          } catch (error) {
            assert.match((error as Error).message, /too many repetitions/);
          }
          fc.pre(actual !== undefined);
          assert.equal(actual, new RegExp(`^(?:${pattern})$`).test(name));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("takes no longer for a pattern that makes others hang", () => {
    assert.equal(matches("(a*)*(a|aa)+(.*.*)*b", "a".repeat(60)), false);
    assert.equal(matches("(x+x+)+y", "x".repeat(200)), false);
    assert.equal(matches("(.*[aeiou].{90}){3}", "model.layers.".repeat(20)), false);
    // Set and group sizes are no matter of time.
    assert.ok(matches("(".repeat(400) + ")".repeat(400), ""));
    assert.ok(matches(`[${"a".repeat(900)}]`, "a"));
  });
  it("bounds what all patterns of an adapter cost together", () => {
    const budget = patternBudget();
    const compileMany = () => {
      for (let i = 0; i < 100; i++) compilePattern(`(a?){${300 + i}}`, "field", budget);
    };
    assert.throws(compileMany, { code: "adapter-unsupported", message: /too many repetitions/ });
    const costly = compilePattern("(a?){300}", "field", patternBudget());
    assert.throws(() => {
      for (let i = 0; i < 1_000; i++) costly("a".repeat(200));
    }, /too many repetitions/);
  });
  it("refuses what it cannot do, naming the field", () => {
    for (const pattern of [
      "(?=a)",
      "(?i)a",
      String.raw`(a)\1`,
      "a++",
      "*a",
      "(a",
      "a)",
      "[a",
      "[b-a]",
      "a{3,2}",
      String.raw`\b`,
      String.raw`\pL`,
      String.raw`[\Qa]`,
      "[[:alpha:]]",
      "a{1001}",
      "\\",
    ])
      assert.throws(() => matches(pattern, "a"), { code: "adapter-unsupported" }, pattern);
    assert.throws(() => matches("x".repeat(3_000), "a"), /field has a pattern with more than/);
    assert.throws(() => matches("(((a{999}){999}){999})", "a"), /too many repetitions/);
  });
});
