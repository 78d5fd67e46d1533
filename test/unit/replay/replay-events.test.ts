import { keptEvent } from "../../../protocol/events.ts";
import { judge, replayEvents, survivalEvents, type ReplayOutcome } from "../../../server/replay/replay-events.ts";
import { newSession } from "../../../server/replay/replay.ts";
import { aPoint } from "./a-point.ts";
import assert from "node:assert/strict";
import fc from "fast-check";

function checkJudge(completion: string, target: string, expected: ReplayOutcome): void {
  it(`${JSON.stringify(completion)} for ${JSON.stringify(target)} is ${expected}`, () => {
    assert.equal(judge(completion, target), expected);
  });
}

describe("replay judgement", () => {
  checkJudge("return 1;", "return 1;", "accepted");
  checkJudge("return 1;  ", "return 1;", "accepted");
  checkJudge("a();\nb();", "a();  \nb();\n", "accepted");
  checkJudge("a();", "a();\nb();", "accepted");
  checkJudge("a();\nc();", "a();\nb();", "partially-accepted");
  checkJudge("return 2;", "return 1;", "rejected");
  checkJudge("return 1", "return 1;", "rejected");
  checkJudge("  a();", "a();\nb();", "rejected");

  it("never accepts what differs in its first line", () => {
    const line = fc.stringMatching(/^[a-z]{1,8}$/);
    fc.assert(
      fc.property(line, line, (left, right) => {
        assert.equal(judge(left, right) === "rejected", left !== right);
      }),
    );
  });
});

function events(completion: string, outcome: ReplayOutcome, point = aPoint()) {
  const session = newSession();
  const model = { base: "b".repeat(64), adapter: null };
  const suggestionId = session.newId(point.writtenAt);
  const suggestion = { suggestionId, root: "/repo", point, completion, outcome, examples: [], model, latencyMs: 12 };
  return replayEvents(suggestion, session);
}

describe("replay events", () => {
  function check(outcome: ReplayOutcome, kinds: string): void {
    it(`of ${outcome} are ${kinds}`, () => {
      const found = events("a();\nb();", outcome);
      assert.equal(found.map(({ kind }) => kind).join(" "), kinds);
      for (const event of found) assert.deepEqual(keptEvent.parse(event), event);
      assert.deepEqual(
        found.map(({ sequence }) => sequence),
        [...found.keys()],
      );
      assert.equal(new Set(found.map(({ suggestionId }) => suggestionId)).size, 1);
      assert.equal(new Set(found.map(({ id }) => id)).size, found.length);
    });
  }
  check("accepted", "shown read accepted");
  check("partially-accepted", "shown read partially-accepted typed-instead");
  check("rejected", "shown read rejected typed-instead");

  it("say that a history stood in, at the time when the code was written", () => {
    const [shown] = events("x", "rejected");
    assert.ok(shown?.kind === "shown");
    assert.equal(shown.source, "replay");
    assert.equal(shown.wallMs, aPoint().writtenAt);
  });

  it("count the accepted part to the end of the first line", () => {
    const part = events("\n  a();\nb();", "partially-accepted").find(({ kind }) => kind === "partially-accepted");
    assert.ok(part?.kind === "partially-accepted");
    assert.equal(part.characters, "\n  a();".length);
    assert.equal(part.fraction, "\n  a();".length / "\n  a();\nb();".length);
  });

  it("carry what was written in the suggestion's place", () => {
    const typed = events("x", "rejected").at(-1);
    assert.ok(typed?.kind === "typed-instead");
    assert.equal(typed.text, aPoint().target);
  });
});

describe("replayed survival", () => {
  const found = { id: "s", tokens: 0.5, place: "head", commit: "c9" } as const;
  const later = (fields: object) =>
    survivalEvents(
      {
        suggestionId: newSession().newId(0),
        point: aPoint(),
        found: { ...found, ...fields },
        headAt: 1_700_000_005_000,
      },
      newSession(),
    );

  it("begins whole in the code's own commit, without which a later absence would say nothing", () => {
    const [first] = later({});
    assert.ok(first?.kind === "survived");
    assert.deepEqual([first.commit, first.afterMs, first.tokens, first.place], ["c1", 0, 1, "head"]);
  });

  it("is a survived event at the later commit", () => {
    const [, event] = later({});
    assert.ok(event?.kind === "survived");
    assert.deepEqual([event.commit, event.afterMs, event.tokens, event.place], ["c9", 5_000, 0.5, "head"]);
    assert.deepEqual(keptEvent.parse(event), event);
  });
  it("is nothing when no later commit is known", () => assert.deepEqual(later({ commit: null }), []));
  it("is nothing at the commit that wrote the code", () => assert.deepEqual(later({ commit: "c1" }), []));
});
