import assert from "node:assert/strict";
import { createPushHub, MAX_QUEUED_EVENTS, MAX_SUBSCRIBERS, type Subscription } from "../../../server/push/hub.ts";

async function take(subscription: Subscription, n: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const { id, name, data } of subscription.events) {
    seen.push(`${id} ${name} ${data}`);
    if (seen.length === n) break;
  }
  return seen;
}

describe("push hub", () => {
  it("gives every reader every event in order, with rising ids", async () => {
    using hub = createPushHub();
    using one = hub.subscribe(null)!;
    using two = hub.subscribe(null)!;
    hub.publish("suggestion", { id: "a" });
    hub.publish("examples", { revision: 2 });
    const expected = ['1 suggestion {"id":"a"}', '2 examples {"revision":2}'];
    assert.deepEqual(await take(one, 2), expected);
    assert.deepEqual(await take(two, 2), expected);
  });

  it("wakes a reader that waits", async () => {
    using hub = createPushHub();
    using reader = hub.subscribe(null)!;
    const waiting = take(reader, 1);
    await new Promise(setImmediate);
    hub.publish("suggestion", { id: "late" });
    assert.deepEqual(await waiting, ['1 suggestion {"id":"late"}']);
  });

  it("repeats what a reader missed, and nothing that it has seen", async () => {
    using hub = createPushHub();
    for (const id of ["a", "b", "c"]) hub.publish("suggestion", { id });
    using reader = hub.subscribe(1)!;
    assert.deepEqual(await take(reader, 2), ['2 suggestion {"id":"b"}', '3 suggestion {"id":"c"}']);
  });

  it("drops a reader that does not read, and counts it", async () => {
    using hub = createPushHub();
    let nTold = 0;
    using slow = hub.subscribe(null, () => (nTold += 1))!;
    using _other = hub.subscribe(null, () => (nTold += 100))!;
    _other[Symbol.dispose]();
    for (let i = 0; i <= MAX_QUEUED_EVENTS; i++) hub.publish("examples", { revision: i });
    assert.deepEqual([hub.nSubscribers, hub.nDropped, nTold], [0, 1, 1]);
    // What was queued is still given; then the stream ends.
    let n = 0;
    for await (const _ of slow.events) n++;
    assert.equal(n, MAX_QUEUED_EVENTS);
  });

  it("has room for so many readers, and again when one leaves", () => {
    using hub = createPushHub();
    const readers = Array.from({ length: MAX_SUBSCRIBERS }, () => hub.subscribe(null)!);
    assert.equal(hub.subscribe(null), null);
    readers[0]![Symbol.dispose]();
    assert.notEqual(hub.subscribe(null), null);
  });

  it("ends every stream when it closes and opens no more", async () => {
    const hub = createPushHub();
    const reader = hub.subscribe(null)!;
    const waiting = take(reader, 1);
    hub[Symbol.dispose]();
    assert.deepEqual(await waiting, []);
    assert.equal(hub.subscribe(null), null);
  });
});
