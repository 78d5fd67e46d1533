import assert from "node:assert/strict";
import fc from "fast-check";
import { type CodeVerdictSeen, isNews, summariseVerdicts } from "../../../core/labels/code-findings.ts";
import { DEFAULT_LABEL_TABLE } from "../../../core/labels/label-table.ts";
import { labelSuggestion } from "../../../core/labels/label.ts";
import { type SignalEvent, summariseSignals } from "../../../core/labels/signals.ts";
import { attributeLines, type StandingCode } from "../../../core/survival/attribution.ts";

const said = (verdict: CodeVerdictSeen["verdict"], name = "t", share = 1): CodeVerdictSeen => ({
  verdict,
  name,
  share,
});
const findings = (...seen: CodeVerdictSeen[]) => summariseVerdicts(seen).map(({ finding, share }) => [finding, share]);

describe("findings about a suggestion's lines", () => {
  it("follow a test from pass to fail to fixed", () => {
    assert.deepEqual(findings(said("test-passed")), [["test-passed", 1]]);
    assert.deepEqual(findings(said("test-passed"), said("test-failed")), [["test-failed", 1]]);
    assert.deepEqual(findings(said("test-failed"), said("test-passed")), [["test-fixed", 1]]);
    assert.deepEqual(findings(said("test-failed"), said("test-passed"), said("test-passed")), [["test-fixed", 1]]);
    assert.deepEqual(findings(said("test-failed"), said("test-passed"), said("test-failed")), [["test-failed", 1]]);
  });

  it("count once, with the largest share, however many say the same", () => {
    assert.deepEqual(findings(said("test-failed", "a", 0.2), said("test-failed", "b", 0.6)), [["test-failed", 0.6]]);
    assert.deepEqual(findings(said("slower", "a"), said("faster", "a", 0.5)), [["faster", 0.5]]);
    assert.deepEqual(findings(said("approved", "ann"), said("changes-requested", "bob")), [
      ["approved", 1],
      ["changes-requested", 1],
    ]);
  });

  it("are stored only when they change what is known: the summary of the news is that of everything", () => {
    const verdict = fc.record({
      verdict: fc.constantFrom<CodeVerdictSeen["verdict"][]>(
        "test-passed",
        "test-failed",
        "error",
        "slower",
        "faster",
        "approved",
        "changes-requested",
      ),
      name: fc.constantFrom("a", "b"),
      share: fc.constant(1),
    });
    fc.assert(
      fc.property(fc.array(verdict, { maxLength: 30 }), (all) => {
        const news: CodeVerdictSeen[] = [];
        for (const one of all) if (isNews(one, news)) news.push(one);
        const kinds = (seen: readonly CodeVerdictSeen[]) =>
          new Set(summariseVerdicts(seen).map(({ finding }) => finding));
        const [whole, told] = [kinds(all), kinds(news)];
        // Of tests that pass beside others, only the first is told.
        if (!told.has("test-passed") && (told.has("test-failed") || told.has("test-fixed")))
          whole.delete("test-passed");
        assert.deepEqual([...told].sort(), [...whole].sort());
      }),
    );
  });

  it("move the label by their log-odds times the share, with a reason", () => {
    const shown: SignalEvent = { kind: "shown", completion: "return total;" };
    const accepted: SignalEvent = { kind: "accepted", visibleMs: 900 };
    const label = (...seen: CodeVerdictSeen[]) =>
      labelSuggestion(
        summariseSignals([shown, accepted, ...seen.map((one) => ({ kind: "code-signal" as const, ...one }))]),
      );
    assert.equal(label().verdict, "good");
    const failed = label(said("test-failed", "adds", 0.5));
    assert.deepEqual(failed.reasons[1], {
      signal: "test-failed",
      lambda: -0.75,
      detail: "adds: fails, 50 % of the code spoken of",
    });
    assert.equal(label(said("error", "TypeError")).verdict, "bad");
    assert.equal(label(said("error")).version, DEFAULT_LABEL_TABLE.version);
  });
});

describe("attribution of lines", () => {
  const standing: StandingCode = new Map([
    [
      "a.ts",
      [
        { sid: "one", line: 2, nTokens: 3 },
        { sid: "two", line: 2, nTokens: 1 },
        { sid: "one", line: 3, nTokens: 4 },
        { sid: "two", line: 9, nTokens: 5 },
      ],
    ],
  ]);

  it("shares by tokens, counts a line that is named twice once, and counts lines of nobody", () => {
    const { shares, linesWithout } = attributeLines(
      [
        { path: "a.ts", first: 1, last: 2 },
        { path: "a.ts", first: 2, last: 4 },
        { path: "b.ts", first: 1, last: 1 },
      ],
      standing,
    );
    assert.deepEqual(
      [...shares],
      [
        ["one", 7 / 8],
        ["two", 1 / 8],
      ],
    );
    assert.equal(linesWithout, 3);
  });

  it("gives shares that are together one, or none", () => {
    const range = fc
      .tuple(fc.constantFrom("a.ts", "b.ts"), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 12 }))
      .map(([path, first, more]) => ({ path, first, last: first + more }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 6 }), (named) => {
        const { shares } = attributeLines(named, standing);
        const sum = [...shares.values()].reduce((total, share) => total + share, 0);
        assert.ok(shares.size === 0 || Math.abs(sum - 1) < 1e-12);
      }),
    );
  });
});
