import assert from "node:assert/strict";
import fc from "fast-check";
import { historyVerdict, type MinedLife, writtenInstead } from "../../../core/datasets/history-verdict.ts";
import type { LossCause } from "../../../core/survival/causes.ts";

const DAY_MS = 86_400_000;
const WRITTEN = Date.UTC(2026, 0, 5);

/** A life that ended after so many days by one cause. */
const ended = (days: number, cause: LossCause, lost = 1): MinedLife => ({
  writtenAt: WRITTEN,
  retained: 1 - lost,
  nTokens: 12,
  losses: [{ commit: "c".repeat(40), lostAt: WRITTEN + days * DAY_MS, lost, left: 1 - lost, cause }],
});

describe("the verdict on code of a history", () => {
  const check = (life: MinedLife, kind: string) => assert.equal(historyVerdict(life).kind, kind);

  it("is good for what is there", () => check({ ...ended(1, "fix", 0.2), retained: 0.8 }, "good"));
  it("is good where nothing is known", () => check({ ...ended(1, "fix"), retained: null }, "good"));
  it("is good for pieces that are too short to be told apart", () => check({ ...ended(1, "fix"), nTokens: 7 }, "good"));
  it("is good for what came back", () => check({ ...ended(1, "revert"), retained: 1 }, "good"));
  it("is bad for what was reverted", () => check(ended(10, "revert"), "bad"));
  it("is bad for what a fix replaced soon", () => check(ended(3, "fix"), "bad"));
  it("is bad for what was rewritten within a day", () => check(ended(0.5, "other"), "bad"));
  it("is unknown for what a fix replaced late", () => check(ended(25, "fix"), "unknown"));
  it("is unknown for what was rewritten later, for no named reason", () => check(ended(3, "other"), "unknown"));
  it("is good for what a refactoring took", () => check(ended(3, "refactor"), "good"));
  it("is good for what was lost late, whatever the cause", () => check(ended(200, "fix"), "good"));

  it("says what took it away, when, and how sure that is", () => {
    const verdict = historyVerdict(ended(2, "fix"));
    assert.ok(verdict.kind === "bad");
    assert.deepEqual(verdict.loss, { cause: "fix", afterMs: 2 * DAY_MS, commit: "c".repeat(40) });
    assert.equal(verdict.lostAt, WRITTEN + 2 * DAY_MS);
    const reverted = historyVerdict(ended(0, "revert"));
    assert.ok(reverted.kind === "bad" && reverted.confidence > verdict.confidence && reverted.confidence <= 1);
  });

  it("blames the loss that brought it below half, not the ones before and after", () => {
    const losses = [
      { commit: "1", lostAt: WRITTEN + DAY_MS, lost: 0.3, left: 0.7, cause: "fix" as const },
      { commit: "2", lostAt: WRITTEN + 2 * DAY_MS, lost: 0.6, left: 0.1, cause: "revert" as const },
      { commit: "3", lostAt: WRITTEN + 3 * DAY_MS, lost: 0.1, left: 0, cause: "other" as const },
    ];
    const verdict = historyVerdict({ ...ended(1, "fix"), losses });
    assert.ok(verdict.kind === "bad");
    assert.deepEqual([verdict.loss.cause, verdict.loss.commit], ["revert", "2"]);
  });
});

describe("what was written instead", () => {
  const ABOVE = "import a;\nimport b;\n\nfunction f() {\n";
  const check = (later: string, expected: string | null, written = "return a;", head = "  ") =>
    assert.equal(writtenInstead(ABOVE + head, written, later), expected);

  it("is what stands at the same place later", () => check(`${ABOVE}  return b;\n}\n`, "return b;"));
  it("is found in the middle of a line", () => check(`${ABOVE}  return b + 1;\n}\n`, "b + 1;", "a;", "  return "));
  it("has as many lines", () =>
    check(`${ABOVE}  const b = 1;\n  return b;\n}\n`, "const b = 1;\n  return b;", "const a = 1;\n  return a;"));
  it("is found where lines came above", () => check(`// new\n${ABOVE}  return b;\n}\n`, "return b;"));
  it("is nothing when the place is gone, there twice, the same, or blank", () => {
    check("import a;\n", null);
    check(`${ABOVE}  return b;\n}\n${ABOVE}  return c;\n}\n`, null);
    check(`${ABOVE}  return a;\n}\n`, null);
    check(`${ABOVE}\n}\n`, null);
  });
  it("is never what was written, whatever the texts are", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n"), maxLength: 40 });
    fc.assert(
      fc.property(text, text, text, (prefix, written, later) => {
        const found = writtenInstead(prefix, written, later);
        assert.ok(found === null || (found.trim() !== "" && found !== written.trimEnd()));
      }),
    );
  });
});
