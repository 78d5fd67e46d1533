import { acceptanceTable, replayCase, summarise, type ReplayCase } from "../../../server/replay/acceptance.ts";
import { batches } from "../../../server/replay/event-batches.ts";
import { duration } from "../../../server/replay/progress-line.ts";
import { mostChanged, type LaterWalk } from "../../../server/replay/demo/before-and-after.ts";
import type { ReplayedSuggestion } from "../../../server/replay/replay-events.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { aPoint } from "./a-point.ts";
import assert from "node:assert/strict";

const one = (completion: string, outcome: ReplayCase["outcome"], fields = {}) =>
  replayCase(aPoint(fields), completion, outcome);

describe("replay acceptance", () => {
  const report = summarise([
    one("return sum(items);", "accepted"),
    one("return sum(items);\nx", "partially-accepted", { kind: "block" }),
    one("", "silent", { nHunkDeleted: 2 }),
    one("nothing alike", "rejected", { nHunkDeleted: 1 }),
  ]);
  it("is a share of the points, silent ones too", () => {
    assert.deepEqual(
      [report.all.points, report.all.shown, report.all.accepted, report.all.acceptedAtLine],
      [4, 3, 2, 0.5],
    );
  });
  it("is told apart by kind and by whether code was replaced", () => {
    assert.deepEqual(
      [report.lines, report.blocks, report.insertions, report.rewrites].map(
        ({ accepted, points }) => `${accepted}/${points}`,
      ),
      ["1/3", "1/1", "2/2", "0/2"],
    );
  });
  it("of nothing is zero", () => assert.equal(summarise([]).all.acceptedAtLine, 0));
  it("is never called acceptance rate", () => {
    assert.match(acceptanceTable(report), /replay acceptance/);
    assert.doesNotMatch(acceptanceTable(report), /acceptance rate/);
  });
});

describe("event batches", () => {
  const events = (n: number, chars: number) =>
    Array.from({ length: n }, (_, i) => ({ id: i, text: "x".repeat(chars) }) as unknown as KeptEvent);
  function check(n: number, chars: number, expected: readonly number[]): void {
    it(`of ${n} events with ${chars} characters have ${expected.join(", ")}`, () => {
      const found = batches(events(n, chars));
      assert.deepEqual(
        found.map(({ length }) => length),
        expected,
      );
      assert.deepEqual(found.flat(), events(n, chars));
      for (const batch of found) assert.ok(JSON.stringify({ events: batch }).length <= 1_048_576);
    });
  }
  check(0, 0, []);
  check(501, 1, [500, 1]);
  check(40, 50_000, [20, 20]);
});

describe("most changed suggestion", () => {
  const walk = (...pairs: [string, string, string][]): LaterWalk => ({
    acceptance: summarise([]),
    suggestions: new Map(
      pairs.map(([id, completion, target]) => [
        id,
        { suggestion: { point: aPoint({ id, target }), completion } as ReplayedSuggestion, events: [] },
      ]),
    ),
  });
  it("is the one that came closest to what was written", () => {
    const before = walk(["a", "return sum(items)", "return sum(items);"], ["b", "zzzz", "throw new Error();"]);
    const after = walk(
      ["a", "return sum(items);", "return sum(items);"],
      ["b", "throw new Error()", "throw new Error();"],
    );
    assert.equal(mostChanged(before, after)?.after.point.id, "b");
  });
  it("is none without suggestions", () => assert.equal(mostChanged(walk(), walk()), null));
});

describe("durations", () => {
  const check = (ms: number, expected: string) =>
    it(`${ms} ms is ${expected}`, () => assert.equal(duration(ms), expected));
  check(12.4, "12 ms");
  check(1_000, "1 s");
  check(59_400, "59 s");
  check(185_000, "3 min 5 s");
});
