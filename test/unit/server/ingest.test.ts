import assert from "node:assert/strict";
import path from "node:path";
import { MAX_EVENT_BYTES } from "../../../server/ingest/ingest.ts";
import { deriveSuggestions, MAX_EXAMPLE_CHARS } from "../../../server/labels/derive.ts";
import { explainSuggestion } from "../../../server/labels/why.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { storeEvents } from "../../server/store-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { v7 as uuidv7 } from "uuid";

type Ingest = (...values: unknown[]) => { statuses: string[]; pushed: readonly string[] };

async function check(body: (ingest: Ingest, store: Store) => void): Promise<void> {
  await using folder = await tempFolder();
  using store = openStore(path.join(folder.dir, "kept.db"));
  const ingest: Ingest = (...values) => {
    const { results, pushed } = storeEvents(store, values);
    return {
      statuses: results.map(({ status, reason }) => (reason === undefined ? status : `${status} ${reason}`)),
      pushed,
    };
  };
  body(ingest, store);
}

describe("ingest", () => {
  it("gives every event its own status", () =>
    check((ingest) => {
      const session = sampleSession();
      const [shown, accepted] = session.story("shown accepted");
      const { statuses } = ingest(shown, accepted, shown, { ...accepted!, wallMs: 1 }, "nonsense", null, { id: "x" });
      assert.deepEqual(statuses.slice(0, 4), ["accepted", "accepted", "duplicate", "rejected conflict"]);
      assert.equal(
        statuses.slice(4).every((status) => status.startsWith("rejected invalid: ")),
        true,
      );
    }));

  const shown = () => sampleSession().of("shown", uuidv7());
  for (const [what, event, reason] of [
    ["an unknown kind", { ...shown(), kind: "invented" }, /kind/],
    ["a newer schema version", { ...shown(), v: 2 }, /v/],
    ["an id that is not a UUIDv7", { ...shown(), id: "1" }, /id/],
    ["a negative time", { ...shown(), wallMs: -1 }, /wallMs/],
    ["a time that is not a number", { ...shown(), wallMs: "yesterday" }, /wallMs/],
    ["a fraction above one", { ...sampleSession().of("retained", uuidv7()), tokens: 1.5 }, /tokens/],
    ["a completion that is too long", { ...shown(), completion: "x".repeat(8_193) }, /completion/],
    ["an event above its size", { ...shown(), more: "x".repeat(MAX_EVENT_BYTES) }, /too-large/],
  ] as const) {
    it(`rejects ${what} by name and stores nothing`, () =>
      check((ingest, store) => {
        const { statuses, pushed } = ingest(event);
        assert.match(statuses[0]!, /^rejected /);
        assert.match(statuses[0]!, reason);
        assert.equal(store.events.count(), 0);
        assert.deepEqual(pushed, []);
      }));
  }

  it("does not repeat source text in a reason", () =>
    check((ingest) => {
      const { statuses } = ingest({ ...shown(), completion: "secret ".repeat(2_000) });
      assert.equal(statuses[0]!.includes("secret"), false);
    }));

  it("waits with a row until the shown event is here, in whatever order they come", () =>
    check((ingest, store) => {
      const [shown, accepted] = sampleSession().story("shown accepted");
      assert.deepEqual(ingest(accepted).pushed, []);
      assert.equal(store.suggestions.count(), 0);
      ingest(shown);
      assert.equal(store.suggestions.get(shown!.suggestionId)?.outcome, "accepted");
    }));

  it("keeps a clock that is far off within dates that can be shown", () =>
    check((ingest, store) => {
      const event = { ...shown(), wallMs: 1e300 };
      assert.deepEqual(ingest(event).statuses, ["accepted"]);
      assert.equal(store.suggestions.get(event.suggestionId)?.shownAt, "9999-12-31T23:59:59.999Z");
    }));

  const stories: [string, string, string, string, boolean][] = [
    ["shown", "open", "unknown", "no example", false],
    ["shown read accepted", "accepted", "good", "example", true],
    ["shown read rejected", "rejected", "bad", "no example", false],
    ["shown read ignored", "ignored", "unknown", "no example", false],
    ["shown accepted undone", "accepted", "unknown", "no example", false],
    ["shown rated", "open", "good", "example", true],
    ["shown typed-through", "typed-through", "good", "example", true],
    ["shown read rejected typed-instead", "rejected", "bad", "example of what was typed", true],
  ];
  for (const [kinds, outcome, verdict, what, hasExample] of stories) {
    it(`${kinds}: ${outcome}, ${verdict}, ${what}`, () =>
      check((ingest, store) => {
        const events = sampleSession().story(kinds);
        const { pushed } = ingest(...events);
        const id = events[0]!.suggestionId;
        const row = store.suggestions.get(id)!;
        assert.equal(row.outcome, outcome);
        assert.equal(row.label?.verdict, verdict);
        assert.equal(store.examples.list(null, 10).length, hasExample ? 1 : 0);
        assert.equal(pushed.includes(`suggestion {"id":"${id}"}`), true);
        assert.equal(
          pushed.some((line) => line.startsWith("examples ")),
          hasExample,
        );
      }));
  }

  it("takes an example away when the label turns", () =>
    check((ingest, store) => {
      const session = sampleSession();
      const id = uuidv7();
      ingest(...session.story("shown accepted", id));
      assert.equal(store.examples.revision(), 1);
      const { pushed } = ingest(session.of("rated", id, { verdict: "down" }));
      assert.deepEqual(store.examples.list(null, 10), []);
      assert.equal(pushed.includes('examples {"revision":2}'), true);
    }));

  it("shows only the accepted part, with the lines before it", () =>
    check((ingest, store) => {
      const session = sampleSession();
      const id = uuidv7();
      ingest(session.of("shown", id), session.of("partially-accepted", id, { characters: 6, fraction: 0.95 }));
      assert.match(store.examples.list(null, 1)[0]!.text, /^export function sum[^]*\n {2}return$/);
    }));

  it("keeps examples short", () =>
    check((ingest, store) => {
      const session = sampleSession();
      const id = uuidv7();
      ingest(shownWith(session, id, { completion: "x".repeat(5_000) }), session.of("accepted", id));
      assert.equal(store.examples.list(null, 1)[0]!.text.length, MAX_EXAMPLE_CHARS);
    }));

  it("lists the examples of one folder only", () =>
    check((ingest, store) => {
      const session = sampleSession();
      for (const root of ["/a", "/b"]) {
        const id = uuidv7();
        ingest(shownWith(session, id, { root }), session.of("accepted", id));
      }
      assert.deepEqual(
        store.examples.list("/b", 10).map(({ root }) => root),
        ["/b"],
      );
    }));

  it("derives the same tables again from the events alone", () =>
    check((ingest, store) => {
      const session = sampleSession();
      const stories = ["shown accepted retained", "shown read rejected typed-instead", "shown rated"];
      const all = stories.map((kinds) => session.story(kinds));
      ingest(...all.flat());
      const dump = () => [
        store.suggestions.page(10, null),
        store.examples
          .list(null, 10)
          .map(({ text }) => text)
          .sort(),
      ];
      const before = dump();
      store.db.exec("DELETE FROM examples; DELETE FROM labels; DELETE FROM suggestions");
      deriveSuggestions(
        store,
        all.map((events) => events[0]!.suggestionId),
      );
      assert.deepEqual(dump(), before);
    }));

  it("says why: context, examples and events in the order in which they happened", () =>
    check((ingest, store) => {
      const session = sampleSession();
      const id = uuidv7();
      const [shown, read, accepted] = session.story("shown read accepted", id);
      ingest(accepted, shown, read);
      const why = explainSuggestion(store, id)!;
      assert.deepEqual(
        why.events.map(({ kind }) => kind),
        ["shown", "read", "accepted"],
      );
      assert.equal(why.adapter, null);
      assert.equal(explainSuggestion(store, uuidv7()), null);
    }));
});
