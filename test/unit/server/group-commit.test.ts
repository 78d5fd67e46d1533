import assert from "node:assert/strict";
import path from "node:path";
import { systemClock } from "../../../server/clock.ts";
import { commitGroup, type GroupAnswer } from "../../../server/ingest/group-commit.ts";
import { createIngestQuota, QUOTA_BURST, QUOTA_PER_SECOND } from "../../../server/ingest/quota.ts";
import { derivePending } from "../../../server/labels/derive.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";

async function check(body: (commit: (...batches: unknown[]) => GroupAnswer, store: Store) => void): Promise<void> {
  await using folder = await tempFolder();
  using store = openStore(path.join(folder.dir, "kept.db"));
  const quota = createIngestQuota(() => 0);
  const json = (batch: unknown) => (typeof batch === "string" ? batch : JSON.stringify({ events: batch }));
  body((...batches) => commitGroup(batches.map(json), { store, clock: systemClock, quota }), store);
}

const outcome = ({ answers, broken }: GroupAnswer) => [
  ...answers.map((answer) => (answer.ok ? answer.response.results.map(({ status }) => status).join() : answer.code)),
  ...(broken === null ? [] : ["broken"]),
];

describe("a group commit", () => {
  const story = (kinds: string) => sampleSession().story(kinds);

  it("answers every batch of the group in its place", () =>
    check((commit, store) => {
      const first = story("shown accepted");
      const group = commit(first, "{", '{"events":[]}', "[]", story("shown"), [first[1], { id: "x" }]);
      assert.deepEqual(outcome(group), [
        "accepted,accepted",
        "malformed",
        "invalid",
        "invalid",
        "accepted",
        "duplicate,rejected",
      ]);
      assert.deepEqual(store.events.ledger(), { accepted: 3, duplicate: 1, rejected: 1 });
      assert.equal(store.events.count(), 3);
    }));

  it("refuses a batch with too many events and stores nothing of it", () =>
    check((commit, store) => {
      const [shown] = story("shown");
      assert.deepEqual(outcome(commit(Array.from({ length: 501 }, () => shown))), ["too-large"]);
      assert.equal(store.events.count(), 0);
    }));

  it("is one transaction: a disk that fills up in the middle refuses all of it", () =>
    check((commit, store) => {
      const pages = store.db.pragma("page_count", { simple: true }) as number;
      store.db.pragma(`max_page_count = ${pages + 2}`);
      const large = () => story("shown").map((event) => ({ ...event, completion: "x".repeat(8_000) }));
      assert.deepEqual(outcome(commit(large(), large(), large())), ["storage-full", "storage-full", "storage-full"]);
      assert.equal(store.events.count(), 0);
      store.db.pragma(`max_page_count = ${pages + 1_000}`);
      assert.deepEqual(outcome(commit(large())), ["accepted"]);
    }));

  it("says that the store is broken when it can only be read", () =>
    check((commit, store) => {
      store.db.pragma("query_only = ON");
      assert.deepEqual(outcome(commit(story("shown"))), ["storage-failed", "broken"]);
    }));

  it("leaves what has to be derived in the outbox, once for a suggestion", () =>
    check((commit, store) => {
      commit(story("shown accepted"), story("shown"));
      assert.equal(store.derivations.count(), 2);
      assert.equal(store.suggestions.count(), 0);
      const derived = derivePending(store, 1);
      assert.deepEqual([derived.suggestions.length, derived.pending, store.suggestions.count()], [1, true, 1]);
      assert.deepEqual([derivePending(store, 5).pending, store.suggestions.count()], [false, 2]);
    }));

  it("takes one that cannot be derived off alone and names it", () =>
    check((commit, store) => {
      const broken = story("shown");
      commit(story("shown"), broken, story("shown"));
      store.db.exec("DROP TRIGGER events_never_change");
      store.db.prepare("UPDATE events SET body = '{' WHERE suggestion_id = ?").run(broken[0]!.suggestionId);
      const derived = derivePending(store, 10);
      assert.deepEqual(derived.failed, [broken[0]!.suggestionId]);
      assert.deepEqual([derived.suggestions.length, derived.pending], [2, false]);
    }));

  it("stops a session that sends more than a person can cause, and no other", () =>
    check((commit, store) => {
      const wild = sampleSession();
      const batch = Array.from({ length: 500 }, () => wild.of("read", wild.sessionId));
      for (let i = 0; i < QUOTA_BURST / 500; i += 1) assert.equal(commit(batch).answers[0]!.ok, true);
      assert.deepEqual(outcome(commit(batch, story("shown"))), ["too-many", "accepted"]);
      assert.equal(store.events.count(), 501);
    })).timeout(20_000);
});

describe("the quota of a session", () => {
  it("comes back with time, up to its burst", () => {
    let now = 0;
    const quota = createIngestQuota(() => now);
    const take = (n: number) => quota.take(Array.from({ length: n }, () => "a"));
    assert.equal(take(QUOTA_BURST), null);
    assert.equal(take(1), "a");
    now += 1_000;
    assert.equal(take(QUOTA_PER_SECOND + 1), "a");
    assert.equal(take(QUOTA_PER_SECOND), null);
    now += 3_600_000;
    assert.equal(take(QUOTA_BURST + 1), "a");
    assert.equal(take(QUOTA_BURST), null);
  });

  it("takes nothing of anybody when one has none left", () => {
    const quota = createIngestQuota(() => 0);
    const many = (id: string, n: number) => Array.from({ length: n }, () => id);
    quota.take(many("a", QUOTA_BURST));
    assert.equal(quota.take([...many("b", 10), "a"]), "a");
    assert.equal(quota.take(many("b", QUOTA_BURST)), null);
  });
});
