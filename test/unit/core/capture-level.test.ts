import { stricterLevel, withheldSizes, withoutText } from "../../../core/capture-level.ts";
import { labelSuggestion } from "../../../core/labels/label.ts";
import { summariseSignals } from "../../../core/labels/signals.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

describe("capture levels", () => {
  it("the stricter of two holds", () => {
    assert.equal(stricterLevel("code", "outcomes"), "outcomes");
    assert.equal(stricterLevel("off", "code"), "off");
    assert.equal(stricterLevel("code", "code"), "code");
  });

  it("keeps numbers and closed words, hides places, and empties the rest", () => {
    const said = withoutText(
      {
        kind: "shown",
        completion: "canary()",
        latencyMs: 12,
        context: { root: "/canary", path: "src/canary.ts", language: "ts", line: 4, column: 2, prefix: "canary" },
        examples: [{ id: "canary", text: "canary" }],
        comment: "canary",
        unknownField: "canary",
        fractions: [0.5, 1],
        accepted: true,
      },
      (place) => `hidden-${place.length}`,
    );
    assert.deepEqual(said, {
      kind: "shown",
      completion: "",
      latencyMs: 12,
      context: { root: "hidden-7", path: "hidden-13", language: "ts", line: 0, column: 0, prefix: "" },
      examples: [],
      unknownField: "",
      fractions: [0.5, 1],
      accepted: true,
    });
  });

  it("lets no text through that is not on its lists, whatever holds it", () => {
    const canary = "canary";
    const key = fc.stringMatching(/^[a-z]{1,8}X$/);
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constant(canary),
        fc.integer(),
        fc.array(tie("any"), { maxLength: 4 }),
        fc.dictionary(key, tie("any"), { maxKeys: 4 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (any) => {
        assert.ok(!JSON.stringify(withoutText({ any }, () => "hidden")).includes(canary));
      }),
    );
  });

  it("labels a suggestion without its text like the one with it", () => {
    const completion = "return a.x + b.x;";
    const rest = [
      { kind: "accepted", visibleMs: 900 },
      { kind: "retained", afterMs: 600_000, tokens: 1 },
    ] as const;
    const withText = summariseSignals([{ kind: "shown", completion }, ...rest]);
    const withheld = withheldSizes(completion, { prefix: "", suffix: "", examples: [] });
    const without = summariseSignals([{ kind: "shown", completion: "", withheld }, ...rest]);
    assert.deepEqual(without, withText);
    assert.deepEqual(labelSuggestion(without), labelSuggestion(withText));
  });
});
