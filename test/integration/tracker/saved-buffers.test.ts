import assert from "node:assert/strict";
import { createBufferFollower, settleNow } from "../../../core/survival/buffer-follower.ts";
import type { SavedBuffer } from "../../../core/survival/saved-buffer.ts";
import { diffSequences } from "../../../tracker/sequence-diff.ts";
import { BASKET, followRepository, SNIPPET } from "./followed-repository.ts";

const WITH_SNIPPET = `${BASKET}\n${SNIPPET}`;

/** What the editor knows at a save: the text, and where the accepted code stands after the edits that it saw. */
const savedAfter = (accepted: string, edits: readonly (readonly [from: string, to: string])[]): SavedBuffer => {
  const follower = createBufferFollower(diffSequences);
  const start = accepted.indexOf(SNIPPET);
  const region = { start, end: start + SNIPPET.length };
  follower.follow({ suggestionId: "s", text: SNIPPET, region, before: "", after: "", acceptedAt: 0 });
  settleNow(follower, accepted, 0);
  let text = accepted;
  for (const [from, to] of edits) {
    const offset = text.indexOf(from);
    text = text.slice(0, offset) + to + text.slice(offset + from.length);
    follower.changed([{ offset, deleted: from.length, text: to }], "edit");
    settleNow(follower, text, 0);
  }
  return { text, places: follower.places() };
};

describe("saved buffers as a source of a commit (survival.md section 3.5 b)", () => {
  it("of two copies that one commit brings, the one that was accepted is the one that is followed", async () => {
    const both = `${SNIPPET}\n${BASKET}\n${SNIPPET}`;
    for (const isTold of [true, false]) {
      await using repository = await followRepository();
      await repository.write("a.ts", WITH_SNIPPET);
      await repository.accept("s", "a.ts", SNIPPET);
      await repository.look();
      // The person writes the same above: the editor has seen which one came from the accept.
      await repository.write("a.ts", both);
      if (isTold) repository.tracker.saved("a.ts", savedAfter(WITH_SNIPPET, [[BASKET, `${SNIPPET}\n${BASKET}`]]));
      await repository.commit("both");
      assert.equal((await repository.see()).tok, 1);
      await repository.commit("the upper one goes", { "a.ts": WITH_SNIPPET });
      assert.equal((await repository.see()).where.find(({ place }) => place === "head")?.tok ?? 0, isTold ? 1 : 0);
    }
  });

  it("a part that was staged is told from the text that was saved", async () => {
    await using repository = await followRepository();
    await repository.accept("s", "a.ts", SNIPPET);
    const half = SNIPPET.split("\n").slice(0, 5).join("\n");
    await repository.write("a.ts", `${BASKET}\n${half}\n`);
    await repository.git("add", "a.ts");
    await repository.write("a.ts", WITH_SNIPPET);
    repository.tracker.saved("a.ts", savedAfter(WITH_SNIPPET, []));
    await repository.git("commit", "-qm", "half");
    const first = await repository.see();
    const inHead = first.where.find(({ place }) => place === "head")?.tok ?? 0;
    assert.ok(inHead > 0 && inHead < 1 && first.tok === 1, `${inHead} in HEAD, ${first.tok}`);
    await repository.commit("the rest");
    assert.equal((await repository.see()).tok, 1);
  });

  it("text of an open document that nobody saved is a place of its own", async () => {
    const open = new Map<string, string>();
    await using repository = await followRepository({ openText: (file) => open.get(file) ?? null });
    open.set("a.ts", WITH_SNIPPET);
    await repository.accept("s", "a.ts", SNIPPET);
    assert.deepEqual((await repository.see()).state, { kind: "alive", in: "buffer" });
    open.clear();
    await repository.write("a.ts", WITH_SNIPPET);
    repository.tracker.undone("s", false);
    assert.deepEqual((await repository.see()).state, { kind: "alive", in: "worktree" });
  });
});
