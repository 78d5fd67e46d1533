import { type GitError, gitStream } from "../../../tracker/git.ts";
import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";

describe("a stream of git", () => {
  it("takes a write after the signal has ended git, and says so when it is read", async () => {
    const stop = new AbortController();
    const git = gitStream(import.meta.dirname, ["cat-file", "--batch"], stop.signal);
    const chunks = git.chunks[Symbol.asyncIterator]();
    await git.write("HEAD\n");
    assert.equal((await chunks.next()).done, false);
    stop.abort();
    // The answer may come in several pieces: what was printed before the signal is still read.
    const readToEnd = async (): Promise<void> => {
      while ((await chunks.next()).done !== true);
    };
    await assert.rejects(readToEnd(), (error: GitError) => error.code === "git-aborted");
    // Until the pipe itself has closed, a write still ends with it.
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    await git.write("HEAD\n");
    assert.equal((await chunks.next()).done, true);
  });
});
