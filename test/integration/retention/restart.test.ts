import { fakeClock, WALL_AT_START, type FakeClock } from "../../unit/extension/fake-clock.ts";
import { RETENTION_SCHEDULE_MS, type RetentionCheck } from "../../../extension/observe/retention-watch.ts";
import { adoptPendingChecks, openPendingChecks, type StoredCheck } from "../../../extension/survive/pending-checks.ts";
import { resumeChecks } from "../../../extension/survive/resumed-checks.ts";
import { readDocument } from "../../../extension/survive/text-source.ts";
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { v7 as uuidv7 } from "uuid";

const WINDOW = path.join(import.meta.dirname, "window.ts");
const CODE =
  "export function sum(items: number[]): number {\n  return items.reduce((all, item) => all + item, 0);\n}\n";

describe("pending checks over the end of a window", () => {
  let dir = "";
  let root = "";
  let file = "";
  const children: ChildProcess[] = [];
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), "kept-retention-"));
    dir = path.join(root, "storage");
    file = path.join(root, "sum.ts");
    writeFileSync(file, CODE);
  });
  afterEach(async () => {
    for (const child of children.splice(0))
      if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
    rmSync(root, { recursive: true, force: true });
  });

  /** Another process that accepts CODE and has written what is pending. */
  const startWindow = async (id: string, end: "stay" | "close") => {
    const child = spawn(process.execPath, [WINDOW, dir, root, file, id, end], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    await once(child.stdout, "data");
    return child;
  };
  const kill = async (child: ChildProcess) => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  const names = () => readdirSync(dir).filter((name) => name.endsWith(".json"));
  const adopt = (folder = root) => adoptPendingChecks(dir, (one) => one === folder, Date.now());

  it("are read by the next window after a kill: measured from disk, what was due meanwhile is censored", async () => {
    const id = uuidv7();
    await kill(await startWindow(id, "stay"));
    const [check, ...others] = await adopt();
    assert.ok(check && others.length === 0);
    assert.deepEqual([check.suggestionId, check.text, check.nextIdx], [id, CODE, 0]);
    assert.deepEqual(names(), []);

    writeFileSync(file, `// above\n${CODE}`);
    const window = resume([{ ...check, acceptedWallMs: WALL_AT_START - 40_000 }]);
    assert.deepEqual(window.told(), ["15s window-closed", "30s window-closed"]);
    await window.clock.pass(81_000);
    await window.reads();
    await window.clock.pass(0);
    writeFileSync(file, "// gone\n");
    await window.clock.pass(180_000);
    await window.reads();
    rmSync(file);
    await window.clock.pass(300_000);
    await window.reads();
    assert.deepEqual(window.told().slice(2), ["120s 1", "300s 0", "600s file-missing"]);
    assert.deepEqual(
      window.resumed.pending().map(({ nextIdx }) => nextIdx),
      [5],
    );
  });

  it("are left in order by a window that closes, and taken by one window only", async () => {
    const id = uuidv7();
    const child = await startWindow(id, "close");
    if (child.exitCode === null) await once(child, "exit");
    const taken = (await Promise.all([adopt(), adopt(), adopt()])).flat();
    assert.deepEqual(
      taken.map(({ suggestionId }) => suggestionId),
      [id],
    );
    assert.deepEqual(await adopt(), []);
  });

  it("stay with a window that is alive, and with windows on other folders", async () => {
    await startWindow(uuidv7(), "stay");
    assert.deepEqual(await adopt(), []);
    await kill(await startWindow(uuidv7(), "stay"));
    assert.deepEqual(await adopt(path.join(root, "other")), []);
    assert.equal((await adopt()).length, 1);
  });

  it("are never half written: what cannot be read is dropped, what is old too", async () => {
    mkdirSync(dir, { recursive: true });
    for (const [name, text] of [
      ["999999999-a.json", '{"v":1,"checks":[{"sugg'],
      ["999999999-b.json", '{"v":2,"checks":[]}'],
      ["closed-c.json", JSON.stringify({ v: 1, checks: [stored()] })],
    ] as const)
      writeFileSync(path.join(dir, name), text);
    const old = Date.now() / 1_000 - 2 * 3_600;
    utimesSync(path.join(dir, "closed-c.json"), old, old);
    assert.deepEqual(await adopt(), []);
    assert.deepEqual(readdirSync(dir), []);
  });

  it("are bounded, private to the user, and hold no code where none may be stored", async () => {
    const many = Array.from({ length: 300 }, () => ({ ...stored(), text: null }));
    const long = { ...stored(), text: "x".repeat(20_000) };
    const pending = openPendingChecks(dir, uuidv7(), async () => [...many, long], assert.fail);
    pending.save();
    await pending.close();
    const [name = ""] = names();
    assert.equal(statSync(path.join(dir, name)).mode & 0o077, 0);
    const { checks } = JSON.parse(readFileSync(path.join(dir, name), "utf8")) as { checks: StoredCheck[] };
    assert.equal(checks.length, 200);
    assert.ok(checks.every(({ text }) => text === null));
  });

  it("leave no file when nothing is pending", async () => {
    let checks: StoredCheck[] = [stored()];
    const pending = openPendingChecks(dir, uuidv7(), async () => checks, assert.fail);
    checks = [];
    pending.save();
    await pending.close();
    assert.throws(() => readdirSync(dir));
  });

  it("without a stored text are censored, and follow a rename meanwhile", async () => {
    const window = resume([{ ...stored(), text: null }, stored()]);
    const moved = path.join(root, "moved.ts");
    writeFileSync(moved, CODE);
    rmSync(file);
    window.resumed.renamed(pathToFileURL(file).href, pathToFileURL(moved).href);
    await window.clock.pass(16_000);
    await window.reads();
    assert.deepEqual(window.told(), ["15s not-stored", "15s 1"]);
  });

  const stored = (): StoredCheck => ({
    suggestionId: uuidv7(),
    document: pathToFileURL(file).href,
    root,
    path: "sum.ts",
    acceptedWallMs: WALL_AT_START,
    nextIdx: 0,
    text: CODE,
  });
});

/** A window that goes on with these checks; its clock stands where the earlier one's accept was. */
function resume(checks: readonly StoredCheck[]) {
  const clock: FakeClock = fakeClock();
  const found: RetentionCheck[] = [];
  let reading: Promise<unknown> = Promise.resolve();
  const texts = {
    open: () => null,
    openFiles: () => [],
    read(document: string, signal: AbortSignal) {
      const text = readDocument(document, signal);
      reading = Promise.all([reading, text]);
      return text;
    },
  };
  const resumed = resumeChecks(RETENTION_SCHEDULE_MS, texts, clock, {
    onCheck: (check) => found.push(check),
    onPending: () => {},
  });
  resumed.resume(checks);
  return {
    clock,
    resumed,
    /** Resolves when the files asked for so far were read. */
    async reads() {
      await reading;
      await clock.pass(0);
    },
    told: () => found.map(({ afterMs, tokens, censored }) => `${Math.floor(afterMs / 1_000)}s ${tokens ?? censored}`),
  };
}
