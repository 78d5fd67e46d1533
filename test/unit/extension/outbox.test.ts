import { openOutbox, type Outbox, type OutboxLimits } from "../../../extension/sync/outbox.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

const event = (n: number): KeptEvent => ({
  id: uuidv7(),
  v: 1,
  suggestionId: uuidv7(),
  sessionId: uuidv7(),
  sequence: n,
  wallMs: 1,
  monotonicMs: n,
  kind: "superseded",
});
const sequencesOf = (lines: readonly string[]): number[] =>
  lines.map((line) => (JSON.parse(line) as KeptEvent).sequence);
/** As if every other process of the folder had ended. */
const nobodyAlive = () => false;

describe("outbox", () => {
  let dir = "";
  const opened: Outbox[] = [];
  const open = async (name = "w1", isAlive: (pid: number) => boolean = nobodyAlive, limits?: OutboxLimits) => {
    const outbox = await openOutbox(dir, name, isAlive, limits);
    opened.push(outbox);
    return outbox;
  };
  /** What a crash leaves: the folder's files as they are, in a new folder. */
  const crash = () => {
    const copy = path.join(dir, "after-crash");
    mkdirSync(copy);
    for (const name of readdirSync(dir, { withFileTypes: true })) {
      if (name.isFile()) copyFileSync(path.join(dir, name.name), path.join(copy, name.name));
    }
    dir = copy;
  };
  let top = "";
  beforeEach(() => {
    top = mkdtempSync(path.join(tmpdir(), "kept-outbox-"));
    dir = path.join(top, "outbox");
  });
  afterEach(async () => {
    for (const outbox of opened.splice(0)) await outbox.close();
    rmSync(top, { recursive: true, force: true });
  });

  it("gives events back in order", async () => {
    const outbox = await open();
    for (let n = 0; n < 5; n += 1) outbox.append(event(n));
    assert.deepEqual(sequencesOf(outbox.peek(3, 1e6)), [0, 1, 2]);
    await outbox.acknowledge(2);
    assert.deepEqual(sequencesOf(outbox.peek(9, 1e6)), [2, 3, 4]);
  });

  it("keeps what was flushed through a crash", async () => {
    const outbox = await open();
    for (let n = 0; n < 3; n += 1) outbox.append(event(n));
    await outbox.flush();
    crash();
    assert.deepEqual(sequencesOf((await open("w2")).peek(9, 1e6)), [0, 1, 2]);
  });

  it("writes within its own time, without a flush", async () => {
    const outbox = await open();
    outbox.append(event(7));
    const file = path.join(dir, readdirSync(dir)[0]!);
    const deadline = performance.now() + 5_000;
    while (readFileSync(file, "utf8") === "" && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(sequencesOf(readFileSync(file, "utf8").trim().split("\n"))[0], 7);
  });

  it("does not send again what was acknowledged before the crash", async () => {
    const outbox = await open();
    for (let n = 0; n < 4; n += 1) outbox.append(event(n));
    await outbox.flush();
    await outbox.acknowledge(3);
    crash();
    assert.deepEqual(sequencesOf((await open("w2")).peek(9, 1e6)), [3]);
  });

  it("sends again, with the same ids, when the cursor was lost", async () => {
    const outbox = await open();
    const first = event(0);
    outbox.append(first);
    outbox.append(event(1));
    await outbox.flush();
    await outbox.acknowledge(1);
    crash();
    for (const name of readdirSync(dir).filter((entry) => entry.endsWith(".cursor"))) rmSync(path.join(dir, name));
    const lines = (await open("w2")).peek(9, 1e6);
    assert.equal((JSON.parse(lines[0]!) as KeptEvent).id, first.id);
    assert.equal(lines.length, 2);
  });

  it("empties its file when everything is acknowledged", async () => {
    const outbox = await open();
    outbox.append(event(0));
    await outbox.flush();
    await outbox.acknowledge(1);
    const file = readdirSync(dir).find((name) => name.endsWith(".jsonl"))!;
    assert.equal(readFileSync(path.join(dir, file), "utf8"), "");
  });

  it("goes on after it was emptied", async () => {
    const outbox = await open();
    outbox.append(event(0));
    await outbox.flush();
    await outbox.acknowledge(1);
    outbox.append(event(1));
    await outbox.flush();
    crash();
    assert.deepEqual(sequencesOf((await open("w2")).peek(9, 1e6)), [1]);
  });

  it("leaves the files of living windows alone", async () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "4242-other.jsonl"), `${JSON.stringify(event(0))}\n`);
    const outbox = await open("w1", (pid) => pid === 4242);
    assert.deepEqual(outbox.peek(9, 1e6), []);
    assert.ok(readdirSync(dir).includes("4242-other.jsonl"));
  });

  it("takes over the files of windows that are gone, and removes them", async () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "4242-a.jsonl"), `${JSON.stringify(event(0))}\n`);
    writeFileSync(path.join(dir, "4243-b.jsonl"), `${JSON.stringify(event(1))}\n`);
    const outbox = await open();
    assert.deepEqual(sequencesOf(outbox.peek(9, 1e6)), [0, 1]);
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.startsWith("424")),
      [],
    );
  });

  it("sends good lines of a damaged file and counts the others", async () => {
    mkdirSync(dir, { recursive: true });
    const good = JSON.stringify(event(0));
    writeFileSync(path.join(dir, "4242-a.jsonl"), `${good}\ngarbage\n{"no":"id"}\n${good.slice(0, 20)}`);
    const outbox = await open();
    assert.equal(outbox.peek(9, 1e6).length, 1);
    assert.equal(outbox.stats().damaged, 3);
  });

  it("a file cut at any byte gives a prefix of its events", async () => {
    const lines = [event(0), event(1), event(2)].map((one) => JSON.stringify(one));
    const whole = `${lines.join("\n")}\n`;
    for (let cut = 0; cut <= whole.length; cut += 37) {
      dir = path.join(top, `cut-${cut}`);
      mkdirSync(dir, { recursive: true });
      appendFileSync(path.join(dir, "4242-a.jsonl"), whole.slice(0, cut));
      const found = sequencesOf((await open(`w-${cut}`)).peek(9, 1e6));
      assert.deepEqual(found, [0, 1, 2].slice(0, found.length));
      assert.ok(found.length >= whole.slice(0, cut).split("\n").length - 1);
    }
  });

  it("drops and counts what is beyond its number of events", async () => {
    const outbox = await open("w1", nobodyAlive, { maxEvents: 2, maxBytes: 1e6 });
    assert.deepEqual(
      [0, 1, 2, 3].map((n) => outbox.append(event(n))),
      [true, true, false, false],
    );
    assert.equal(outbox.stats().dropped, 2);
    await outbox.acknowledge(1);
    assert.equal(outbox.append(event(4)), true);
  });

  it("drops and counts what is beyond its bytes", async () => {
    const size = Buffer.byteLength(JSON.stringify(event(0)));
    const outbox = await open("w1", nobodyAlive, { maxEvents: 100, maxBytes: size * 2 + 10 });
    for (let n = 0; n < 4; n += 1) outbox.append(event(n));
    assert.equal(outbox.stats().waiting, 2);
    assert.equal(outbox.stats().dropped, 2);
    assert.ok(outbox.stats().bytes <= size * 2 + 10);
  });

  it("keeps a batch within its bytes, but never sends nothing", async () => {
    const outbox = await open();
    for (let n = 0; n < 4; n += 1) outbox.append(event(n));
    const size = Buffer.byteLength(JSON.stringify(event(0)));
    assert.equal(outbox.peek(9, size * 2 + 8).length, 2);
    assert.equal(outbox.peek(9, 1).length, 1);
  });

  it("wakes who waits for events", async () => {
    const outbox = await open();
    const waiting = outbox.waitForEvents(AbortSignal.timeout(5_000));
    outbox.append(event(0));
    await waiting;
    assert.equal(outbox.stats().waiting, 1);
  });

  it("removes its files when it is closed empty", async () => {
    const outbox = await open();
    outbox.append(event(0));
    await outbox.acknowledge(1);
    await outbox.close();
    assert.deepEqual(readdirSync(dir), []);
  });
});
