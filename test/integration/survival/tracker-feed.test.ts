import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createBufferFollower, settleNow } from "../../../core/survival/buffer-follower.ts";
import type { EventFields } from "../../../extension/observe/event-recorder.ts";
import { openTrackerFeed } from "../../../extension/survive/tracker-feed.ts";
import { diffSequences } from "../../../tracker/sequence-diff.ts";
import { threadOfTracker } from "../../support/survival/thread-of-tracker.ts";
import { BASKET, SNIPPET } from "../tracker/followed-repository.ts";
import { createRepository } from "../tracker/repository.ts";

const DEADLINE_MS = 20_000;

describe("what the editor tells the tracker", () => {
  it("where accepted code stood in a saved file, and what is open and not saved", async function () {
    this.timeout(2 * DEADLINE_MS);
    await using repository = await createRepository();
    const { root } = repository;
    await repository.commit("start", { "a.ts": BASKET });
    const storage = await mkdtemp(path.join(tmpdir(), "kept-feed-"));
    const told = new EventEmitter();
    const next = async (): Promise<EventFields<"survived">> => {
      const [fields] = (await once(told, "survived", { signal: AbortSignal.timeout(DEADLINE_MS) })) as [
        EventFields<"survived">,
      ];
      return fields;
    };
    let save: (document: string, file: string) => void = () => assert.fail("nobody listens");
    const unsaved = new Map<string, string>();
    const file = path.join(root, "a.ts");
    // The same code stands above, by hand: only the editor knows which of the two was accepted.
    const both = `${SNIPPET}\n${BASKET}\n${SNIPPET}`;
    const region = { start: both.length - SNIPPET.length, end: both.length };
    const buffer = createBufferFollower(diffSequences);
    buffer.follow({ suggestionId: "s", text: SNIPPET, region, before: "", after: "", acceptedAt: 0 });
    settleNow(buffer, both, 0);
    const feed = openTrackerFeed({
      dir: storage,
      following: () => threadOfTracker((message) => assert.fail(message)),
      levelOf: () => "code",
      roots: () => [root],
      record: (_, fields) => void told.emit("survived", fields),
      log: (message) => assert.fail(message),
      around: () => ({ before: "", after: "" }),
      onDidRename: () => ({ dispose() {} }),
      onDidSave(listener) {
        save = listener;
        return { dispose() {} };
      },
      savedBuffer: async (document) => (document === "file:a.ts" ? { text: both, places: buffer.places() } : null),
      unsavedText: (name) => unsaved.get(name) ?? null,
      debounceMs: 20,
    });
    try {
      await repository.write("a.ts", both);
      feed.follow({ suggestionId: "s", document: "file:a.ts", root, path: "a.ts", region, text: SNIPPET });
      save("file:a.ts", file);
      // What was told before is taken in turn: this is done when the save is.
      await feed.forget(() => false);
      const committed = next();
      await repository.commit("both");
      assert.deepEqual([(await committed).place, (await committed).tokens], ["head", 1]);
      unsaved.set(file, both);
      const open = next();
      await repository.commit("the accepted one goes", { "a.ts": `${SNIPPET}\n${BASKET}` });
      assert.deepEqual([(await open).place, (await open).state], ["elsewhere", "alive(buffer)"]);
      unsaved.delete(file);
      const gone = next();
      await repository.commit("something else", { "b.ts": "export const b = 1;\n" });
      // The file on disk is the committed one, and what it holds is the other of the two.
      assert.deepEqual([(await gone).place, (await gone).state], ["nowhere", "dead"]);
    } finally {
      await feed.close();
      await rm(storage, { recursive: true, force: true });
    }
  });
});
