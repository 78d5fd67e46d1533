import { openOutbox } from "../../../extension/sync/outbox.ts";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** What a flush may take beside its period on a busy machine, milliseconds. */
const FLUSH_MS = 250;
const SLACK_MS = 1_500;

/** F17: a window is killed while it writes. */
describe("a killed window", function () {
  this.timeout(60_000);
  let dir = "";
  beforeEach(() => (dir = mkdtempSync(path.join(tmpdir(), "kept-killed-"))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** Lets a window append for a while, kills it, and gives what it had appended: ids with their times. */
  const live = async (name: string, ms: number): Promise<{ appended: Map<string, number>; killedAt: number }> => {
    const child = spawn(process.execPath, [path.join(import.meta.dirname, "append-forever.ts"), dir, name], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, ms));
    const killedAt = Date.now();
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    const lines = said.split("\n").slice(0, -1);
    return {
      killedAt,
      appended: new Map(lines.map((line) => [line.split(" ")[0]!, Number(line.split(" ")[1])] as const)),
    };
  };

  it("loses at most what was not synced yet, and the next window sends the rest once", async () => {
    const lives = [];
    // The second life takes over what the first left, and is killed too.
    for (const [n, ms] of [700, 430, 910].entries()) lives.push(await live(`life-${n}`, ms));
    const outbox = openOutbox(dir, "last");
    await outbox.recovered;
    const found: string[] = [];
    for (;;) {
      const batch = await outbox.peek(500, 1e6);
      if (batch.lines.length === 0) break;
      found.push(...batch.lines.map((line) => (JSON.parse(line) as { id: string }).id));
      await outbox.acknowledge(batch);
    }
    assert.equal(new Set(found).size, found.length);
    const known = new Set(found);
    for (const { appended, killedAt } of lives) {
      assert.ok(appended.size > 20);
      const lost = [...appended].filter(([id]) => !known.has(id));
      for (const [, at] of lost) assert.ok(killedAt - at <= FLUSH_MS + SLACK_MS, `lost after ${killedAt - at} ms`);
      assert.ok(lost.length < appended.size);
    }
    await outbox.close();
    // No lock, no offset, no file of a window that is gone.
    assert.deepEqual(
      readdirSync(dir).filter((name) => name !== "damaged.txt"),
      [],
    );
  });
});
