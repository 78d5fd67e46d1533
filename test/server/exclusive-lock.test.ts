import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { lockExclusively } from "../../server/exclusive-lock.ts";
import { tempFolder } from "./temp-folder.ts";

const PROGRAM = path.join(import.meta.dirname, "exclusive-lock-program.ts");
const WAIT_MS = 250;

/** A process that asks for locks. */
async function startAsking() {
  const child = spawn(process.execPath, [PROGRAM, String(WAIT_MS)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, "ready");
  return {
    async ask(file: string): Promise<boolean> {
      child.stdin.write(`${file}\n`);
      return (await lines.next()).value === "1";
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

describe("an exclusive lock", function () {
  this.timeout(60_000);

  it("has exactly one holder of two processes that ask at once", async () => {
    await using folder = await tempFolder();
    await using one = await startAsking();
    await using other = await startAsking();
    for (let n = 0; n < 30; n += 1) {
      const file = path.join(folder.dir, `${n}.lock`);
      const both = await Promise.all([one.ask(file), other.ask(file)]);
      assert.equal(both.filter(Boolean).length, 1, `lock ${n}: ${String(both)}`);
    }
  });

  it("is free again when its process is killed, which leaves nothing beside the file", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "one.lock");
    {
      await using asking = await startAsking();
      assert.equal(await asking.ask(file), true);
      assert.equal(lockExclusively(file, 0), null);
    }
    assert.deepEqual(readdirSync(folder.dir), ["one.lock"]);
    using lock = lockExclusively(file, 0);
    assert.ok(lock !== null);
  });
});
