import assert from "node:assert/strict";
import path from "node:path";
import { startEventWriter, type EventWriter } from "../../../server/ingest/event-writer.ts";
import { createLog } from "../../../server/log.ts";
import { writerEntry } from "../../../server/places.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { storeBatch } from "../../../server/ingest/ingest.ts";
import { createIngestQuota } from "../../../server/ingest/quota.ts";
import { tempFolder } from "../../server/temp-folder.ts";

interface Running {
  readonly store: Store;
  readonly pushed: string[];
  start(): EventWriter;
}

async function check(body: (running: Running) => Promise<void>): Promise<void> {
  await using folder = await tempFolder();
  const database = path.join(folder.dir, "kept.db");
  using store = openStore(database);
  const pushed: string[] = [];
  const hub = { ...createPushHub(), publish: (name: string) => void pushed.push(name) };
  const log = createLog({ level: "info", destination: path.join(folder.dir, "log") });
  await body({
    store,
    pushed,
    start: () => startEventWriter({ entry: writerEntry(), data: { database }, hub, log }),
  });
}

const batch = (events: unknown): string => JSON.stringify({ events });
const soon = () => AbortSignal.timeout(20_000);

describe("the event writer", () => {
  it("stores from its own thread what another connection then reads, and tells what was derived", () =>
    check(async ({ start, store, pushed }) => {
      await using writer = start();
      const session = sampleSession();
      const answers = await Promise.all(
        Array.from({ length: 40 }, () => writer.take(batch(session.story("shown accepted")))),
      );
      assert.deepEqual(
        new Set(answers.flatMap(({ results }) => results.map(({ status }) => status))),
        new Set(["accepted"]),
      );
      assert.equal(store.events.count(), 80);
      await writer.settled(soon());
      assert.equal(store.suggestions.count(), 40);
      assert.equal(pushed.filter((name) => name === "suggestion").length, 40);
      assert.equal(pushed.includes("examples"), true);
    }));

  it("refuses by code and goes on", () =>
    check(async ({ start }) => {
      await using writer = start();
      await assert.rejects(writer.take("{"), { code: "malformed" });
      await assert.rejects(writer.take("{}"), { code: "invalid" });
      assert.equal((await writer.take(batch(sampleSession().story("shown")))).results.length, 1);
    }));

  it("derives what an earlier server stored and did not come to derive", () =>
    check(async ({ start, store }) => {
      const values = sampleSession().story("shown accepted");
      store.transaction(() => storeBatch(values, { store, quota: createIngestQuota(() => 0), nowMs: 1 }));
      assert.equal(store.suggestions.count(), 0);
      await using writer = start();
      await writer.settled(soon());
      assert.equal(store.suggestions.get(values[0]!.suggestionId)?.outcome, "accepted");
    }));

  it("finishes what was sent before it ends, and takes nothing afterwards", () =>
    check(async ({ start, store }) => {
      const writer = start();
      const session = sampleSession();
      const sent = Array.from({ length: 20 }, () => writer.take(batch(session.story("shown"))));
      await writer[Symbol.asyncDispose]();
      await Promise.all(sent);
      assert.equal(store.events.count(), 20);
      await assert.rejects(writer.take(batch(session.story("shown"))), { code: "busy" });
    }));

  it("says so when its thread cannot open the store, and acknowledges nothing", async () => {
    await using folder = await tempFolder();
    const log = createLog({ level: "info", destination: path.join(folder.dir, "log") });
    const data = { database: path.join(folder.dir, "nothing-here.db") };
    await using writer = startEventWriter({ entry: writerEntry(), data, hub: createPushHub(), log });
    await assert.rejects(writer.take(batch(sampleSession().story("shown"))), { code: "storage-failed" });
    assert.match(await writer.broken, /unable to open/);
    await assert.rejects(writer.take(batch([])), { code: "busy" });
  });
});
