import assert from "node:assert/strict";
import path from "node:path";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { systemClock } from "../../../server/clock.ts";
import { createIngestQuota } from "../../../server/ingest/quota.ts";
import type { FromWriter, ToWriter } from "../../../server/ingest/writer-messages.ts";
import { runWriter } from "../../../server/ingest/writer-thread.ts";
import { derivePending } from "../../../server/labels/derive.ts";
import { openStore } from "../../../server/store/store.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";

/** Runs the writer over requests that all wait when it starts. Answers the ids that each commit stored, in order. */
async function groupsOf(requests: readonly string[]): Promise<number[][]> {
  await using folder = await tempFolder();
  using store = openStore(path.join(folder.dir, "kept.db"));
  const { port1: main, port2: writer } = new MessageChannel();
  for (const [i, json] of requests.entries()) main.postMessage({ kind: "batch", id: i + 1, json } satisfies ToWriter);
  main.postMessage({ kind: "close" } satisfies ToWriter);
  const groups: number[][] = [];
  const closed = new Promise<void>((resolve) =>
    runWriter(writer, {
      store,
      clock: systemClock,
      quota: createIngestQuota(() => 0),
      derivePending: (limit) => derivePending(store, limit),
      close: resolve,
    }),
  );
  await closed;
  for (let got = receiveMessageOnPort(main); got !== undefined; got = receiveMessageOnPort(main)) {
    const message = got.message as FromWriter;
    if (message.kind !== "stored") continue;
    assert.ok(message.answers.every(({ answer }) => answer.ok));
    groups.push(message.answers.map(({ id }) => id));
  }
  main.close();
  return groups;
}

const small = () => JSON.stringify({ events: sampleSession().story("shown") });
/** About 380 kB. */
const large = () =>
  JSON.stringify({
    events: Array.from({ length: 48 }, () => ({
      ...sampleSession().story("shown")[0]!,
      completion: "x".repeat(7_500),
    })),
  });

describe("the writer's groups", () => {
  it("hold all that waits, in the order in which it came", async () => {
    assert.deepEqual(await groupsOf([small(), small(), small()]), [[1, 2, 3]]);
  });

  it("take what is small out of the queue of what is large, and the oldest always", async () => {
    const requests = [large(), large(), large(), small(), large(), small()];
    const groups = await groupsOf(requests);
    assert.deepEqual(groups[0], [1, 2, 4, 6]);
    assert.deepEqual(
      groups.flat().toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6],
    );
    for (const [i, group] of groups.entries()) {
      // The oldest that waits is in every group: nobody waits for ever.
      const before = new Set(groups.slice(0, i).flat());
      assert.ok(group.includes([1, 2, 3, 4, 5, 6].find((id) => !before.has(id))!));
    }
  });
});
