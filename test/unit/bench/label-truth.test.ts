import { matrixLines, pairsOf, qualityOf } from "../../bench/labels/confusion.ts";
import type { Inferred } from "../../bench/labels/inferred.ts";
import type { LogEntry, Meaning } from "../../bench/labels/log.ts";
import { shownNow, truthsOf, type Outcome } from "../../bench/labels/truth.ts";
import { walkOf } from "../../bench/labels/walks.ts";
import assert from "node:assert/strict";

/** A log in short: `show a`, `word a`, `end a accepted`, `end a ignored b`, `act a typed-over`; one each 100 ms. */
function logOf(lines: string): LogEntry[] {
  return lines.split(", ").map((line, i): LogEntry => {
    const [verb, id = "", what = "", by] = line.split(" ");
    const at = i * 100;
    switch (verb) {
      case "show":
        return { kind: "show", at, id, text: "" };
      case "word":
      case "suggest":
        return { kind: "partial", at, id, length: 3, by: verb };
      case "end":
        return { kind: "end", at, id, reason: what as "ignored", supersededBy: by ?? null };
      default:
        return { kind: "act", at, action: { name: line, means: what as Meaning, target: id } };
    }
  });
}

function check(log: string, expected: string): void {
  it(log, () => {
    assert.equal(
      truthsOf(logOf(log))
        .map(({ id, outcome }) => `${id} ${outcome}`)
        .join(", "),
      expected,
    );
  });
}

describe("label truth", () => {
  check("show a, end a accepted", "a accepted");
  check("show a, word a, act a ignored, end a ignored", "a partially-accepted");
  check("show a, word a, end a accepted", "a accepted");
  check("show a, suggest a, act a ignored, end a ignored", "a ignored");
  check("show a, end a rejected, act a ignored", "a rejected");
  check("show a, act a typed-over, act a ignored, end a ignored", "a typed-over");
  check("show a, act a none, end a ignored b, show b, end b accepted", "a superseded, b accepted");
  check("show a, end a ignored a, show a, act a typed-through, end a ignored", "a typed-through");
  check("show a", "a ignored");

  it("knows what is up while an item gives way to the next of the same suggestion", () => {
    assert.equal(shownNow(logOf("show a, show a, end a ignored a")), "a");
    assert.equal(shownNow(logOf("show a, end a rejected")), null);
    assert.equal(shownNow(logOf("show a, show b, end b ignored")), null);
  });

  it("counts precision and recall by outcome, and leaves glimpses out", () => {
    const said = (id: string, outcome: Outcome): Inferred => ({
      id,
      path: "",
      outcome,
      notes: [],
      nEndings: 1,
      acceptedCharacters: 0,
    });
    const truth = (id: string, outcome: Outcome, visibleMs = 500) => ({ id, outcome, behaviour: "", visibleMs });
    const pairs = pairsOf(
      [truth("a", "accepted"), truth("b", "accepted"), truth("c", "ignored"), truth("d", "ignored", 20)],
      [said("a", "accepted"), said("b", "ignored"), said("c", "ignored"), said("e", "ignored")],
    );
    assert.deepEqual(
      pairs.map(({ real, said: told }) => `${real}>${told}`),
      ["accepted>accepted", "accepted>ignored", "ignored>ignored", "not-shown>ignored"],
    );
    assert.deepEqual(qualityOf(pairs, "accepted"), { outcome: "accepted", nReal: 2, precision: 1, recall: 0.5 });
    assert.equal(qualityOf(pairs, "ignored").precision, 1 / 3);
    assert.equal(matrixLines(pairs).length, 4);
  });

  it("walks the same way for the same seed", () => {
    assert.deepEqual(walkOf(7), walkOf(7));
    assert.notDeepEqual(walkOf(7).steps, walkOf(8).steps);
  });
});
