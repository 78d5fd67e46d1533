import assert from "node:assert/strict";
import path from "node:path";
import Database from "better-sqlite3";
import fc from "fast-check";
import { closeDatabase, openDatabase, schemaVersion } from "../../../server/store/database.ts";
import { canonicalJson, MAX_EVENTS_OF_SUGGESTION } from "../../../server/store/event-store.ts";
import { MIGRATIONS } from "../../../server/store/migrations.ts";
import { openStore } from "../../../server/store/store.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { statSync, writeFileSync, readFileSync } from "node:fs";
import { v7 as uuidv7 } from "uuid";

describe("store", () => {
  it("migrates an empty file to the newest schema, with durable settings", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "kept.db");
    const db = openDatabase(file);
    assert.equal(schemaVersion(db), MIGRATIONS.length);
    assert.equal(db.pragma("journal_mode", { simple: true }), "wal");
    assert.equal(db.pragma("synchronous", { simple: true }), 2);
    assert.equal(db.pragma("foreign_keys", { simple: true }), 1);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    closeDatabase(db);
    assert.equal(statSync(file).size > 0, true);
  });

  it("opens again without migrating twice and keeps what was stored", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "kept.db");
    const [event] = sampleSession().story("shown");
    {
      using store = openStore(file);
      store.events.append(event!, 1);
    }
    using store = openStore(file);
    assert.deepEqual(store.events.ofSuggestion(event!.suggestionId), [event]);
  });

  it("empties its log when nobody reads it, and does not wait for whoever does", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "kept.db");
    using store = openStore(file);
    const append = (n: number) => {
      for (const event of sampleSession().story("shown ".repeat(n).trim())) store.events.append(event, 1);
    };
    append(3);
    const reader = new Database(file, { readonly: true });
    reader.exec("BEGIN");
    assert.equal(reader.prepare("SELECT count(*) FROM events").pluck().get(), 3);
    append(2);
    assert.equal(store.truncateLog(), false);
    assert.ok(statSync(`${file}-wal`).size > 0);
    reader.exec("COMMIT");
    assert.equal(store.truncateLog(), true);
    assert.equal(statSync(`${file}-wal`).size, 0);
    assert.equal(reader.prepare("SELECT count(*) FROM events").pluck().get(), 5);
    reader.close();
    assert.equal(store.db.pragma("busy_timeout", { simple: true }), 5_000);
  });

  it("cuts a log that has become large, and leaves a small one", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "kept.db");
    using store = openStore(file);
    const logBytes = () => statSync(`${file}-wal`).size;
    store.boundLog();
    assert.ok(logBytes() > 0);
    store.db.exec("CREATE TABLE big (bytes BLOB); INSERT INTO big VALUES (zeroblob(17000000))");
    assert.ok(logBytes() > 16 * 1_048_576);
    store.boundLog();
    assert.equal(logBytes(), 0);
  });

  it("does what can be computed again in whole transactions, and is durable again afterwards", async () => {
    await using folder = await tempFolder();
    using store = openStore(path.join(folder.dir, "kept.db"));
    const durability = () => store.db.pragma("synchronous", { simple: true });
    const [event] = sampleSession().story("shown");
    store.derivedTransaction(() => {
      assert.equal(durability(), 1);
      store.events.append(event!, 1);
    });
    assert.equal(durability(), 2);
    assert.throws(
      () =>
        store.derivedTransaction(() => {
          store.db.exec("DELETE FROM event_counts");
          throw new Error("in the middle");
        }),
      /in the middle/,
    );
    assert.equal(durability(), 2);
    assert.equal(store.db.prepare("SELECT count(*) FROM event_counts").pluck().get(), 1);
    assert.equal(store.events.count(), 1);
  });

  it("refuses a newer schema and leaves the file as it is", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "kept.db");
    const raw = new Database(file);
    raw.pragma(`user_version = ${MIGRATIONS.length + 1}`);
    raw.close();
    const before = readFileSync(file);
    assert.throws(() => openDatabase(file), { code: "newer-schema" });
    assert.deepEqual(readFileSync(file), before);
  });

  for (const [what, bytes] of [
    ["a text file", Buffer.from("not a database, but long enough to be looked at\n".repeat(40))],
    ["a damaged header", Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(4_080, 0xff)])],
  ] as const) {
    it(`refuses ${what} with a code and does not overwrite it`, async () => {
      await using folder = await tempFolder();
      const file = path.join(folder.dir, "kept.db");
      writeFileSync(file, bytes);
      assert.throws(() => openDatabase(file), { code: "corrupt-store" });
      assert.deepEqual(readFileSync(file), bytes);
    });
  }

  it("rolls a failing transaction back whole", async () => {
    await using folder = await tempFolder();
    using store = openStore(path.join(folder.dir, "kept.db"));
    const [event] = sampleSession().story("shown");
    assert.throws(() =>
      store.transaction(() => {
        store.events.append(event!, 1);
        throw new Error("later step");
      }),
    );
    assert.equal(store.events.count(), 0);
  });
});

describe("event store", () => {
  const check = async (body: (store: ReturnType<typeof openStore>) => void) => {
    await using folder = await tempFolder();
    using store = openStore(path.join(folder.dir, "kept.db"));
    body(store);
  };

  it("stores an event once however often it comes", () =>
    check((store) => {
      const [event] = sampleSession().story("shown");
      assert.deepEqual(
        [1, 2, 3].map((at) => store.events.append(event!, at)),
        ["accepted", "duplicate", "duplicate"],
      );
      assert.equal(store.events.count(), 1);
    }));

  it("calls the same id with other fields a conflict, keeps the first and leaves an audit row", () =>
    check((store) => {
      const [event] = sampleSession().story("shown");
      store.events.append(event!, 1);
      assert.equal(store.events.append({ ...event!, wallMs: 5 }, 2), "conflict");
      assert.equal(store.events.nConflicts(), 1);
      assert.deepEqual(store.events.ofSuggestion(event!.suggestionId), [event]);
    }));

  it("does not mind the order of fields", () =>
    check((store) => {
      const [event] = sampleSession().story("rated");
      store.events.append(event!, 1);
      const turned = Object.fromEntries(Object.entries(event!).reverse()) as typeof event;
      assert.equal(store.events.append(turned!, 2), "duplicate");
    }));

  it("never changes a stored event, not even by hand", () =>
    check((store) => {
      const [event] = sampleSession().story("shown");
      store.events.append(event!, 1);
      assert.throws(() => store.db.prepare("UPDATE events SET kind = 'rated'").run(), /append-only/);
    }));

  it("reads the first thousand events of a suggestion, whoever sends more", async () => {
    await using folder = await tempFolder();
    using store = openStore(path.join(folder.dir, "kept.db"));
    const session = sampleSession();
    const id = uuidv7();
    const sent = session.story("shown ".concat("read ".repeat(MAX_EVENTS_OF_SUGGESTION + 20)).trim(), id);
    store.transaction(() => sent.forEach((event) => store.events.append(event, 1)));
    assert.deepEqual(store.events.ofSuggestion(id), sent.slice(0, MAX_EVENTS_OF_SUGGESTION));
    assert.equal(store.events.count(), sent.length);
  });

  it("numbers events in the order of arrival, without gaps from duplicates that matter", () =>
    check((store) => {
      const session = sampleSession();
      const events = session.story("shown read accepted");
      for (const event of events) store.events.append(event, 1);
      store.events.append(events[0]!, 2);
      assert.equal(store.events.count(), 3);
      assert.equal(store.events.watermark() >= 3, true);
      assert.equal(store.events.shownSequence(events[0]!.suggestionId), 1);
    }));

  it("writes equal values as equal text", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        assert.equal(canonicalJson(turned), canonicalJson(value));
        const back: unknown = JSON.parse(canonicalJson(value));
        assert.deepEqual(back, JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("suggestion pages", () => {
  it("walks every suggestion once, newest first", async () => {
    await using folder = await tempFolder();
    using store = openStore(path.join(folder.dir, "kept.db"));
    const ids = Array.from({ length: 7 }, () => uuidv7());
    const session = sampleSession();
    ids.forEach((id, i) => {
      const { context, completion } = shownWith(session, id, {});
      const { root, path, language, line } = context;
      store.suggestions.put({
        id,
        sequence: i + 1,
        shownAt: i,
        source: "editor",
        root,
        path,
        language,
        line,
        completion,
        base: "b",
        adapter: null,
        outcome: "open",
        rating: null,
        retained: null,
        survived: null,
      });
    });
    const walked: string[] = [];
    let before: number | null = null;
    do {
      const page = store.suggestions.page(3, before);
      walked.push(...page.suggestions.map(({ id }) => id));
      before = page.next === null ? null : Number(page.next);
    } while (before !== null);
    assert.deepEqual(walked, ids.toReversed());
  });
});
