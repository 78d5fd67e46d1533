import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { KeptEvent } from "../../protocol/events.ts";
import { prepareDataDir } from "../../server/data-dir.ts";
import { openStore } from "../../server/store/store.ts";
import { until } from "../server/server-process.ts";
import { sampleSession, shownWith } from "../server/sample-events.ts";
import { createRandom } from "../../core/statistics/random.ts";
import { faultSeed, isFullRun } from "./seed.ts";
import { sideBySide } from "./side-by-side.ts";
import { createPoweredFolder } from "./power/power.ts";
import { checkAfterwards } from "./server/afterwards.ts";
import { call, startFaultyServer, type ServerFaults } from "./server/faulty-server.ts";
import { emptyLedger, sendOnce, sendPatiently, someEvents } from "./server/patient-clients.ts";
import { someVersions } from "./server/some-versions.ts";
import { v7 as uuidv7 } from "uuid";

/** A server takes events again by then after there is room, milliseconds. */
const RECOVERED_MS = 5_000;

/** A disk that can be full. */
interface SmallDisk extends Disposable {
  readonly root: string;
  readonly faults: ServerFaults;
  fill(): void;
  makeRoom(): void;
}

/** A real file system of a few MiB. Only the superuser may mount one. */
function mountSmallDisk(): SmallDisk | null {
  const root = mkdtempSync(path.join(tmpdir(), "kept-full-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m,mode=0700", "none", root], { stdio: "ignore" });
  } catch {
    rmSync(root, { recursive: true });
    return null;
  }
  const filler = path.join(root, "filler");
  return {
    root,
    faults: {},
    fill() {
      const fd = openSync(filler, "a");
      try {
        for (const bytes of [65_536, 4_096, 1]) {
          try {
            for (;;) writeSync(fd, Buffer.alloc(bytes));
          } catch (error) {
            assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
          }
        }
      } finally {
        closeSync(fd);
      }
    },
    makeRoom: () => rmSync(filler),
    [Symbol.dispose]() {
      execFileSync("umount", ["-l", root]);
      rmSync(root, { recursive: true });
    },
  };
}

/** Every operation is refused, even those that would make room: fuller than any real disk. */
function refusingDisk(): SmallDisk {
  const folder = createPoweredFolder();
  const { root } = folder;
  return {
    root,
    faults: { disk: { folder } },
    fill: folder.fill,
    makeRoom: folder.makeRoom,
    [Symbol.dispose]: folder[Symbol.dispose],
  };
}

/** Events with much code around them. */
function largeEvents(n: number): KeptEvent[] {
  const session = sampleSession();
  return Array.from({ length: n }, () => shownWith(session, uuidv7(), { prefix: "const x = 1;\n".repeat(1_000) }));
}

const mounted = mountSmallDisk();
const disks: [string, () => SmallDisk][] = [["that refuses every operation", refusingDisk]];
if (mounted !== null) {
  mounted[Symbol.dispose]();
  disks.unshift(["of a few MiB", () => mountSmallDisk()!]);
}

describe("F04 a full disk", function () {
  this.timeout(120_000);

  for (const [what, make] of disks) {
    it(`${what}: nothing is acknowledged that is not stored, and the server goes on by itself when there is room`, async () => {
      using disk = make();
      const dataDir = path.join(disk.root, "data");
      const [first, second] = someVersions(dataDir, 2);
      const server = await startFaultyServer(dataDir, disk.faults);
      const ledger = emptyLedger();
      const events = largeEvents(400);
      await sendPatiently(() => server, events.slice(0, 40), ledger, { batch: 4 });
      assert.equal((await call(server, "PUT", "/v1/aliases/champion", { to: second, expected: first })).status, 200);

      disk.fill();
      let at = 40;
      while (at < events.length && (await sendOnce(server, [events[at]!], ledger))) at += 1;
      assert.ok(at < events.length, "it was never full");
      assert.deepEqual([...ledger.refusals.keys()], [507], server.complaint());
      // Reading goes on.
      assert.equal((await call(server, "GET", "/v1/status")).body.events, ledger.acknowledged.size);
      assert.equal((await call(server, "GET", "/v1/suggestions")).status, 200);
      assert.equal((await call(server, "GET", "/v1/deployment")).body.adapter.version, second);
      if (what === "of a few MiB") {
        // So does what a person may have to do now: go back to an earlier adapter, and make something forgotten.
        const back = await call(server, "PUT", "/v1/aliases/champion", { to: first, expected: second });
        assert.equal(back.status, 200, JSON.stringify(back.body));
        const scope = { kind: "suggestions", ids: [events[0]!.suggestionId] };
        const forget = await call(server, "POST", "/v1/forget", { id: uuidv7(), requestedAtMs: Date.now(), scope });
        assert.equal(forget.status, 200, JSON.stringify(forget.body));
      }
      // What the reserve gave up is soon used.
      while (at < events.length - 41 && (await sendOnce(server, [events[at]!], ledger))) at += 1;
      for (let n = 0; n < 20; n += 1) assert.equal(await sendOnce(server, [events[at]!], ledger), false);

      disk.makeRoom();
      const roomAt = performance.now();
      await until(async () => ((await sendOnce(server, [events[at]!], ledger)) ? true : null), RECOVERED_MS);
      assert.ok(performance.now() - roomAt < RECOVERED_MS);
      await sendPatiently(() => server, events.slice(at, at + 40), ledger, { batch: 4 });
      assert.equal(await server.stop("SIGTERM"), 0);
      const forgotten = what === "of a few MiB" ? [events[0]!.id] : [];
      const acknowledged = [...ledger.acknowledged.keys()].filter((id) => !forgotten.includes(id));
      await checkAfterwards(dataDir, { acknowledged, nForgotten: forgotten.length });
    });
  }
});

describe("F05 a disk that fails under the server", function () {
  this.timeout(isFullRun ? 900_000 : 120_000);

  it("nothing is acknowledged any more, and the server ends with 74", async () => {
    const random = createRandom(faultSeed);
    let nFailed = 0;
    const places = Array.from({ length: isFullRun ? 60 : 3 }, () => 60 + Math.floor(random() * 200));
    await sideBySide(places, async (after) => {
      using folder = createPoweredFolder();
      const dataDir = path.join(folder.root, "data");
      // A store that is there, so that all of the operations are those of events.
      openStore(prepareDataDir(dataDir).database)[Symbol.dispose]();
      const refuse = { after, error: "EIO" } as const;
      const server = await startFaultyServer(dataDir, { disk: { folder, faults: { refuse } } });
      const ledger = emptyLedger();
      const events = someEvents(120);
      let at = 0;
      while (at < events.length && (await sendOnce(server, [events[at]!], ledger))) at += 1;
      if (at < events.length) {
        nFailed += 1;
        assert.equal(await sendOnce(server, [events[at]!], ledger), false);
        assert.equal(await server.ended, 74, server.complaint());
      } else await server.stop("SIGKILL");
      await checkAfterwards(dataDir, { acknowledged: ledger.acknowledged.keys() });
    });
    assert.ok(nFailed > 0, "no operation of the store failed: nothing was tested");
  });
});
