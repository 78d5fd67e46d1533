import type { SuggestionRow } from "../../../protocol/api.ts";
import type { EventKind, EventOf, KeptEvent } from "../../../protocol/events.ts";
import { entryOfRow, withEvent, type JournalEntry } from "../../../extension/observe/journal-entry.ts";
import { journalFile } from "../../../extension/observe/journal-file.ts";
import { createSuggestionJournal, JOURNAL_CAPACITY } from "../../../extension/observe/suggestion-journal.ts";
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const WORK = { root: "/work", isHidden: false };
const ID = "01990000-0000-7000-8000-000000000001";

function event<K extends EventKind>(kind: K, fields: object = {}, suggestionId = ID, wallMs = 1_000): KeptEvent {
  return { kind, suggestionId, wallMs, ...fields } as unknown as EventOf<K>;
}

const shown = (id = ID, wallMs = 1_000, completion = "  return a + b;\n") =>
  event(
    "shown",
    {
      completion,
      model: { base: "b".repeat(64), adapter: null },
      context: { root: "/work", path: "src/a.ts", line: 4 },
    },
    id,
    wallMs,
  );

const fold = (...events: KeptEvent[]): JournalEntry => {
  const folded = events.reduce<JournalEntry | null>(withEvent, null);
  assert.ok(folded);
  return folded;
};

const row = (fields: Partial<SuggestionRow> = {}): SuggestionRow => ({
  id: ID,
  shownAt: new Date(1_000).toISOString(),
  source: "editor",
  root: "/work",
  path: "src/a.ts",
  language: "typescript",
  line: 4,
  completion: "return a + b;",
  outcome: "accepted",
  rating: null,
  retained: null,
  survived: null,
  model: { base: "b".repeat(64), adapter: "v1" },
  label: null,
  ...fields,
});

describe("journal entry", () => {
  it("begins with what was shown, and tells its first line", () => {
    const entry = fold(shown());
    assert.equal(entry.outcome, "open");
    assert.equal(entry.preview, "return a + b;");
    assert.equal(entry.line, 4);
  });

  it("names the branch that HEAD was on, and none without one or without the code", () => {
    const survived = (ref: string) =>
      event("survived", { commit: "c", tokens: 1, place: "head", places: [{ place: "head", ref, tokens: 1 }] });
    assert.equal(fold(shown(), survived("main")).survived?.branch, "main");
    assert.equal(fold(shown(), survived("main"), survived("HEAD")).survived?.branch, null);
    const hidden = { ...shown(), withheld: {} } as KeptEvent;
    assert.equal(fold(hidden, survived("main")).survived?.branch, null);
  });

  it("has no code where none was recorded, and says that its place is hidden", () => {
    const entry = fold({ ...shown(ID, 1, ""), withheld: {} } as KeptEvent);
    assert.equal(entry.preview, null);
    assert.equal(entry.isHidden, true);
  });

  it("knows nothing of a suggestion that was never shown", () => {
    assert.equal(withEvent(null, event("accepted", { visibleMs: 1 })), null);
  });

  const outcomes: readonly [string, readonly KeptEvent[], string, number][] = [
    ["an accept", [event("accepted")], "accepted", 1],
    ["a partial accept", [event("partially-accepted", { fraction: 0.25 })], "partially-accepted", 0.25],
    ["words, then all", [event("partially-accepted", { fraction: 0.2 }), event("accepted")], "accepted", 1],
    [
      "a word, then Escape",
      [event("partially-accepted", { fraction: 0.2 }), event("rejected")],
      "partially-accepted",
      0.2,
    ],
    ["Escape", [event("rejected")], "rejected", 0],
    ["typing something else", [event("typed-over")], "typed-over", 0],
    ["typing it out", [event("typed-through", { fraction: 0.5 }), event("ignored")], "typed-through", 0.5],
    ["a cursor that went away", [event("read"), event("ignored")], "ignored", 0],
    ["an undo and a redo", [event("accepted"), event("undone"), event("redone")], "accepted", 1],
    ["an undo", [event("accepted"), event("undone", { afterMs: 5 })], "undone", 1],
  ];
  for (const [what, events, outcome, fraction] of outcomes) {
    it(`${what} is ${outcome}`, () => {
      const entry = fold(shown(), ...events);
      assert.deepEqual([entry.outcome, entry.fraction], [outcome, fraction]);
    });
  }

  it("keeps the last measured retention when a later look was censored", () => {
    const entry = fold(
      shown(),
      event("accepted"),
      event("retained", { afterMs: 30_000, tokens: 0.9 }),
      event("retained", { afterMs: 120_000, tokens: null }),
    );
    assert.deepEqual(entry.retained, { afterMs: 30_000, tokens: 0.9 });
  });

  it("a withdrawn rating is none", () => {
    const up = event("rated", { verdict: "up" });
    const down = event("rated", { verdict: "down", reason: "insecure", comment: "eval" });
    assert.deepEqual(fold(shown(), up, down).rating, { verdict: "down", reason: "insecure", comment: "eval" });
    assert.equal(fold(shown(), up, event("rated", { verdict: "withdrawn" })).rating, null);
  });
});

describe("suggestion journal", () => {
  let dir = "";
  const open = () => createSuggestionJournal({ file: journalFile(dir), log: (message) => assert.fail(message) });
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), "kept-journal-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const stored = () => readFileSync(path.join(dir, "journal.jsonl"), "utf8");

  it("comes back after a restart, newest first", async () => {
    const first = open();
    first.see(shown("a", 1));
    first.see(shown("b", 2));
    first.see(event("accepted", {}, "a"));
    await first.close();
    const second = open();
    await second.reload();
    assert.deepEqual(
      second.entries().map(({ id, outcome }) => [id, outcome]),
      [
        ["b", "open"],
        ["a", "accepted"],
      ],
    );
    await second.close();
  });

  it("sees what another window wrote, and keeps what it has not written itself", async () => {
    const here = open();
    const there = open();
    there.see(shown("there", 1));
    await there.close();
    here.see(shown("here", 2));
    await here.reload();
    assert.deepEqual(
      here.entries().map(({ id }) => id),
      ["here", "there"],
    );
    await here.close();
  });

  it("forgets in memory, on disk and in the other window", async () => {
    const here = open();
    here.see(shown("secret", 1, "launchCodes();"));
    here.see(shown("kept", 2));
    await here.close();
    const there = open();
    await there.reload();
    await here.forget(({ id }) => id === "secret");
    assert.ok(!stored().includes("launchCodes"));
    await there.reload();
    assert.deepEqual(
      there.entries().map(({ id }) => id),
      ["kept"],
    );
    await there.close();
  });

  it("holds the newest few hundred, and its file does not grow without end", async () => {
    const journal = open();
    for (let round = 0; round < 12; round += 1) {
      for (let at = 0; at < JOURNAL_CAPACITY + 10; at += 1) journal.see(shown(`s${at}`, round * 1_000 + at));
      await journal.close();
    }
    assert.equal(journal.entries().length, JOURNAL_CAPACITY);
    await journal.reload();
    assert.equal(stored().trimEnd().split("\n").length, JOURNAL_CAPACITY);
    await journal.close();
  });

  it("passes over damaged lines", async () => {
    const file = journalFile(dir);
    await file.append([fold(shown("good"))]);
    const damaged = path.join(dir, "journal.jsonl");
    const { appendFileSync } = await import("node:fs");
    appendFileSync(damaged, '{"id":"half\n[]\nnull\n');
    await file.append([fold(shown("later"))]);
    assert.deepEqual([...(await file.read()).entries.keys()], ["good", "later"]);
  });

  it("takes survival and ratings from the server, and suggestions of its own folders", async () => {
    const journal = open();
    journal.see(shown());
    journal.see(event("accepted"));
    journal.merge(
      [
        row({ id: "other", root: "/elsewhere" }),
        row({ id: "older", outcome: "rejected", rating: "down" }),
        row({ survived: 0.5, rating: "up", retained: 1 }),
      ],
      ({ root }) => (root === "/work" ? WORK : null),
    );
    assert.equal(journal.get("other"), null);
    assert.equal(journal.get("older")?.outcome, "rejected");
    assert.equal(journal.get("older")?.rating?.verdict, "down");
    const entry = journal.get(ID);
    assert.deepEqual(entry?.survived, { place: "head", tokens: 0.5, commit: "", branch: null });
    assert.equal(entry?.rating?.verdict, "up");
    await journal.close();
  });

  it("keeps the reason that it saw when the server says only the thumb", () => {
    const entry = entryOfRow(row({ rating: "down" }), WORK);
    assert.deepEqual(entry.rating, { verdict: "down", reason: null, comment: null });
    const journal = open();
    journal.see(shown());
    journal.see(event("rated", { verdict: "down", reason: "style" }));
    journal.merge([row({ rating: "down" })], () => WORK);
    assert.equal(journal.get(ID)?.rating?.reason, "style");
    return journal.close();
  });

  it("tells of a change, and of nothing when nothing changed", async () => {
    const journal = open();
    let nChanges = 0;
    journal.onDidChange(() => (nChanges += 1));
    journal.see(shown());
    journal.see(event("read", { visibleMs: 750 }));
    assert.equal(nChanges, 1);
    journal.merge([row({ outcome: "open" })], () => WORK);
    assert.equal(nChanges, 1);
    await journal.close();
  });
});
