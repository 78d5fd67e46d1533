import { entryOfRow, type JournalEntry } from "../../../extension/observe/journal-entry.ts";
import { groupEntries, passes, todayOf, type Filter } from "../../../extension/ui/suggestion-groups.ts";
import assert from "node:assert/strict";

const entry = (id: string, fields: Partial<JournalEntry> = {}): JournalEntry => ({
  ...entryOfRow(
    {
      id,
      shownAt: "2026-01-01T10:00:00.000Z",
      source: "editor",
      path: "a.ts",
      language: "typescript",
      line: 0,
      completion: "x",
      outcome: "open",
      rating: null,
      retained: null,
      survived: null,
      model: { base: "b", adapter: null },
      label: null,
    },
    { root: "/work", isHidden: false },
  ),
  ...fields,
});

const UP = { verdict: "up", reason: null, comment: null } as const;
const HEAD = { place: "head", tokens: 1, commit: "c", branch: "main" } as const;
const all = [
  entry("open"),
  entry("accepted", { outcome: "accepted", survived: HEAD, path: "b.ts" }),
  entry("rated", { outcome: "accepted", rating: UP, survived: { ...HEAD, place: "nowhere", tokens: 0 } }),
  entry("rejected", { outcome: "rejected", rating: { ...UP, verdict: "down" } }),
  entry("undone", { outcome: "undone", path: "b.ts" }),
  entry("deleted", { outcome: "partially-accepted", retained: { afterMs: 1, tokens: 0 } }),
];

const check = (filter: Filter, expected: readonly string[]) =>
  it(`${filter}: ${expected.join(", ")}`, () => {
    assert.deepEqual(
      all.filter((one) => passes(one, filter)).map(({ id }) => id),
      expected,
    );
  });

describe("suggestion groups", () => {
  check("all", ["open", "accepted", "rated", "rejected", "undone", "deleted"]);
  check("taken", ["accepted", "rated", "undone", "deleted"]);
  check("refused", ["rejected", "undone"]);
  check("rated", ["rated", "rejected"]);
  check("unrated", ["accepted", "undone", "deleted"]);
  check("alive", ["accepted"]);
  check("gone", ["rated", "deleted"]);

  it("stand in the order of their newest suggestion", () => {
    const groups = groupEntries(all, "taken", ({ path }) => path);
    assert.deepEqual(
      groups.map(({ key, entries }) => [key, entries.map(({ id }) => id)]),
      [
        ["b.ts", ["accepted", "undone"]],
        ["a.ts", ["rated", "deleted"]],
      ],
    );
  });

  it("count a day", () => {
    const day = new Date("2026-01-01T10:00:00.000Z").toDateString();
    assert.deepEqual(todayOf(all, day), { shown: 6, accepted: 3, rated: 2 });
    assert.deepEqual(todayOf(all, "another day"), { shown: 0, accepted: 0, rated: 0 });
  });
});
