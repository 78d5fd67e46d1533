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
  statSync,
  truncateSync,
  utimesSync,
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
/** The oldest events that wait, as the drain would get them. */
const linesOf = async (outbox: Outbox): Promise<readonly string[]> => (await outbox.peek(9_999, 1e9)).lines;
/** Everything that waits, taken batch by batch. */
const drained = async (outbox: Outbox): Promise<string[]> => {
  const all: string[] = [];
  for (;;) {
    const batch = await outbox.peek(500, 1e6);
    if (batch.lines.length === 0) return all;
    all.push(...batch.lines);
    await outbox.acknowledge(batch);
  }
};
/** Answers for the `n` oldest. */
const answer = async (outbox: Outbox, n: number): Promise<void> => outbox.acknowledge(await outbox.peek(n, 1e9));
/** As if every other process of the folder had ended. */
const nobodyAlive = () => false;

describe("outbox", () => {
  let dir = "";
  const opened: Outbox[] = [];
  const open = async (name = "w1", isAlive: (pid: number) => boolean = nobodyAlive, limits?: OutboxLimits) => {
    const outbox = openOutbox(dir, name, { isAlive, ...(limits ? { limits } : {}) });
    opened.push(outbox);
    await outbox.recovered;
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
    assert.deepEqual(sequencesOf((await outbox.peek(3, 1e6)).lines), [0, 1, 2]);
    await answer(outbox, 2);
    assert.deepEqual(sequencesOf(await linesOf(outbox)), [2, 3, 4]);
  });

  it("keeps what was flushed through a crash", async () => {
    const outbox = await open();
    for (let n = 0; n < 3; n += 1) outbox.append(event(n));
    await outbox.flush();
    crash();
    assert.deepEqual(sequencesOf(await linesOf(await open("w2"))), [0, 1, 2]);
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
    await answer(outbox, 3);
    crash();
    assert.deepEqual(sequencesOf(await linesOf(await open("w2"))), [3]);
  });

  it("sends again, with the same ids, when the offset was lost", async () => {
    const outbox = await open();
    const first = event(0);
    outbox.append(first);
    outbox.append(event(1));
    await outbox.flush();
    await answer(outbox, 1);
    crash();
    for (const name of readdirSync(dir).filter((entry) => entry.endsWith(".offset"))) rmSync(path.join(dir, name));
    const lines = await linesOf(await open("w2"));
    assert.equal((JSON.parse(lines[0]!) as KeptEvent).id, first.id);
    assert.equal(lines.length, 2);
  });

  it("empties its file when everything is acknowledged", async () => {
    const outbox = await open();
    outbox.append(event(0));
    await outbox.flush();
    await answer(outbox, 1);
    const file = readdirSync(dir).find((name) => name.endsWith(".jsonl"))!;
    assert.equal(readFileSync(path.join(dir, file), "utf8"), "");
  });

  it("goes on after it was emptied", async () => {
    const outbox = await open();
    outbox.append(event(0));
    await outbox.flush();
    await answer(outbox, 1);
    outbox.append(event(1));
    await outbox.flush();
    crash();
    assert.deepEqual(sequencesOf(await linesOf(await open("w2"))), [1]);
  });

  it("leaves the files of living windows alone", async () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "4242-other.jsonl"), `${JSON.stringify(event(0))}\n`);
    const outbox = await open("w1", (pid) => pid === 4242);
    assert.deepEqual(await linesOf(outbox), []);
    assert.ok(readdirSync(dir).includes("4242-other.jsonl"));
  });

  it("takes over the files of windows that are gone, and removes them", async () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "4242-a.jsonl"), `${JSON.stringify(event(0))}\n`);
    writeFileSync(path.join(dir, "4243-b.jsonl"), `${JSON.stringify(event(1))}\n`);
    const outbox = await open();
    assert.equal(outbox.stats().waiting, 2);
    assert.deepEqual(sequencesOf(await drained(outbox)), [0, 1]);
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
    assert.equal((await drained(outbox)).length, 1);
    assert.equal(outbox.stats().damaged, 3);
  });

  it("a file cut at any byte gives a prefix of its events", async () => {
    const lines = [event(0), event(1), event(2)].map((one) => JSON.stringify(one));
    const whole = `${lines.join("\n")}\n`;
    for (let cut = 0; cut <= whole.length; cut += 37) {
      dir = path.join(top, `cut-${cut}`);
      mkdirSync(dir, { recursive: true });
      appendFileSync(path.join(dir, "4242-a.jsonl"), whole.slice(0, cut));
      const found = sequencesOf(await linesOf(await open(`w-${cut}`)));
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
    await answer(outbox, 1);
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
    assert.equal((await outbox.peek(9, size * 2 + 8)).lines.length, 2);
    assert.equal((await outbox.peek(9, 1)).lines.length, 1);
  });

  it("sets damaged lines aside, where a person can look at them", async () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "4242-a.jsonl"), `garbage\n${JSON.stringify(event(0))}\nmore garbage\n`);
    const outbox = await open();
    await answer(outbox, 9);
    assert.deepEqual(await linesOf(outbox), []);
    assert.equal(readFileSync(path.join(dir, "damaged.txt"), "utf8"), "garbage\nmore garbage\n");
    assert.equal(outbox.stats().damaged, 2);
    assert.equal(outbox.stats().waiting, 0);
  });

  it("sends on from a file that is nothing but damage", async () => {
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "4242-a.jsonl"), "\u0000\u0001 not\n\n{]\n");
    const outbox = await open();
    outbox.append(event(3));
    assert.deepEqual(sequencesOf(await linesOf(outbox)), [3]);
    assert.equal(outbox.stats().waiting, 1);
  });

  it("keeps its file within twice what waits, however long the queue never runs empty", async () => {
    const outbox = await open();
    const long = { ...event(0), kind: "typed-instead", text: "x".repeat(8_000) } as KeptEvent;
    const expected: number[] = [];
    for (let n = 0; n < 3_000; n += 1) {
      outbox.append({ ...long, id: uuidv7(), sequence: n });
      expected.push(n);
      if (n % 100 === 99) {
        await answer(outbox, 98);
        expected.splice(0, 98);
      }
    }
    const file = readdirSync(dir).find((name) => name.endsWith(".jsonl"))!;
    assert.ok(statSync(path.join(dir, file)).size < 10 * 1024 * 1024);
    assert.deepEqual(sequencesOf(await linesOf(outbox)), expected);
    crash();
    assert.deepEqual(sequencesOf(await linesOf(await open("w2"))), expected);
  });

  it("holds nothing in memory that it has written", async () => {
    const outbox = await open();
    for (let n = 0; n < 100; n += 1) outbox.append(event(n));
    await outbox.flush();
    for (const name of readdirSync(dir).filter((entry) => entry.endsWith(".jsonl"))) truncateSync(path.join(dir, name));
    assert.deepEqual(await linesOf(outbox), []);
  });

  it("removes what matches, in memory, in its file and in those taken over", async () => {
    mkdirSync(dir, { recursive: true });
    const old = [event(0), event(1)];
    writeFileSync(
      path.join(dir, "4242-a.jsonl"),
      `${old.map((one) => JSON.stringify(one)).join("\n")}\nsecret half li`,
    );
    const outbox = await open();
    const mine = [event(2), event(3)];
    for (const one of mine) outbox.append(one);
    await outbox.flush();
    const gone = new Set([old[0]!.id, mine[0]!.id]);
    assert.equal(await outbox.count(({ id }) => gone.has(id)), 2);
    const removed = await outbox.remove(({ id }) => gone.has(id));
    assert.deepEqual(removed.map(({ id }) => id).sort(), [...gone].sort());
    assert.equal(outbox.stats().waiting, 2);
    for (const name of readdirSync(dir)) {
      const text = readFileSync(path.join(dir, name), "utf8");
      for (const id of gone) assert.ok(!text.includes(id), name);
      assert.ok(!text.includes("secret half"), name);
    }
    assert.deepEqual(sequencesOf(await drained(outbox)), [1, 3]);
  });

  it("hands nothing out while it is held", async () => {
    const outbox = await open();
    const release = outbox.hold();
    outbox.append(event(0));
    assert.deepEqual(await linesOf(outbox), []);
    const waiting = outbox.waitForEvents(AbortSignal.timeout(5_000));
    release();
    await waiting;
    assert.deepEqual(sequencesOf(await linesOf(outbox)), [0]);
  });

  it("leaves no byte of what was sent and then removed", async () => {
    const outbox = await open();
    const sent = event(0);
    for (const one of [sent, event(1)]) outbox.append(one);
    await answer(outbox, 1);
    await outbox.remove(({ id }) => id === sent.id);
    for (const name of readdirSync(dir)) assert.ok(!readFileSync(path.join(dir, name), "utf8").includes(sent.id), name);
    assert.deepEqual(sequencesOf(await linesOf(outbox)), [1]);
  });

  it("loses nothing when events are removed while a batch is on its way", async () => {
    const outbox = await open();
    const all = [0, 1, 2, 3, 4].map(event);
    for (const one of all) outbox.append(one);
    const batch = await outbox.peek(2, 1e6);
    await outbox.remove(({ id }) => id === all[0]!.id);
    await outbox.acknowledge(batch);
    assert.deepEqual(sequencesOf(await linesOf(outbox)), [2, 3, 4]);
  });

  it("takes over a file whose process number was given to another after a boot", async () => {
    mkdirSync(dir, { recursive: true });
    const file = path.join(dir, "4242-a.jsonl");
    writeFileSync(file, `${JSON.stringify(event(0))}\n`);
    utimesSync(file, 1_000, 1_000);
    const outbox = await open("w1", () => true);
    assert.deepEqual(sequencesOf(await linesOf(outbox)), [0]);
  });

  it("sends from memory while its folder cannot be written, and says what is wrong", async () => {
    writeFileSync(dir, "a file where the folder should be");
    const outbox = await open();
    outbox.append(event(0));
    outbox.append(event(1));
    const batch = await outbox.peek(1, 1e6);
    assert.deepEqual(sequencesOf(batch.lines), [0]);
    assert.match(outbox.stats().problem ?? "", /^E(EXIST|NOTDIR)$/);
    await outbox.acknowledge(batch);
    assert.deepEqual(sequencesOf(await linesOf(outbox)), [1]);
    rmSync(dir);
    await outbox.flush();
    assert.equal(outbox.stats().problem, null);
    assert.equal(outbox.stats().waiting, 1);
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
    await answer(outbox, 1);
    await outbox.close();
    assert.deepEqual(readdirSync(dir), []);
  });
});
