import assert from "node:assert/strict";
import path from "node:path";
import { createRandom } from "../../core/statistics/random.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { until } from "../server/server-process.ts";
import { createPoweredFolder } from "./power/power.ts";
import { checkAfterwards } from "./server/afterwards.ts";
import { startFaultyServer, tryServer, type FaultyServer } from "./server/faulty-server.ts";
import { emptyLedger, sendOnce, sendPatiently, someEvents } from "./server/patient-clients.ts";
import { faultSeed, isFullRun } from "./seed.ts";
import { sideBySide } from "./side-by-side.ts";
import { setTimeout as delay } from "node:timers/promises";

const FAILPOINT = path.join(import.meta.dirname, "server", "failpoint.ts");
const failpoint = (place: string) => ({ imports: [FAILPOINT], env: { KEPT_FAILPOINT: place } });

describe("F01 events from many clients while the server is killed again and again", function () {
  this.timeout(300_000);
  const N_CLIENTS = isFullRun ? 8 : 4;
  const N_EVENTS = isFullRun ? 20_000 : 1_000;
  const N_KILLS = isFullRun ? 30 : 3;

  it(`${N_EVENTS} events of ${N_CLIENTS} clients are there exactly once after ${N_KILLS} kills`, async () => {
    await using folder = await tempFolder();
    const random = createRandom(faultSeed);
    const ledger = emptyLedger();
    let server: FaultyServer | null = await startFaultyServer(folder.dir);
    const clients = Array.from({ length: N_CLIENTS }, () => someEvents(N_EVENTS / N_CLIENTS));
    const sending = Promise.all(
      clients.map((events, i) => sendPatiently(() => server, events, ledger, { batch: 1 + (i % 3) * 4 })),
    );
    for (let n = 0; n < N_KILLS; n += 1) {
      // Kills that come when nothing is under way test nothing: wait for an answer, then for a moment.
      const before = ledger.acknowledged.size;
      await until(() => ledger.acknowledged.size > before || ledger.acknowledged.size === N_EVENTS || null, 30_000);
      await delay(50 + random() * (isFullRun ? 1_450 : 150));
      const killed: FaultyServer = server!;
      server = null;
      assert.equal(await killed.stop("SIGKILL"), "SIGKILL");
      server = await startFaultyServer(folder.dir);
    }
    await sending;
    assert.equal(ledger.acknowledged.size, N_EVENTS);
    await server.stop("SIGKILL");
    await checkAfterwards(folder.dir, whatWasSent(ledger));
  });
});

const whatWasSent = (ledger: ReturnType<typeof emptyLedger>) => ({
  sent: ledger.sent,
  acknowledged: ledger.acknowledged.keys(),
});

describe("F02 a kill at a chosen point", function () {
  this.timeout(300_000);

  for (const [place, said] of [
    ["before-commit", "accepted"],
    ["before-answer", "duplicate"],
  ] as const) {
    it(`${place}: what is sent again is ${said}`, async () => {
      await sideBySide(isFullRun ? [1, 2, 3, 7, 20] : [3], async (n) => {
        await using folder = await tempFolder();
        const ledger = emptyLedger();
        const events = someEvents(40);
        let server = await startFaultyServer(folder.dir, failpoint(`${place}:${n}`));
        let at = 0;
        while (at < events.length && (await sendOnce(server, [events[at]!], ledger))) at += 1;
        assert.equal(await server.ended, "SIGKILL");
        assert.ok(at < events.length, "it was never killed");
        server = await startFaultyServer(folder.dir);
        await sendPatiently(() => server, events.slice(at), ledger, { batch: 1 });
        // The one whose answer was lost. A kill in deriving comes after an answer, and loses none.
        if (place === "before-answer") assert.equal(ledger.acknowledged.get(events[at]!.id), said);
        await server.stop("SIGKILL");
        await checkAfterwards(folder.dir, whatWasSent(ledger));
      });
    });
  }

  it("before-commit: nothing of an open transaction is there", async () => {
    await using folder = await tempFolder();
    const [event] = someEvents(1);
    const ledger = emptyLedger();
    const server = await startFaultyServer(folder.dir, failpoint("before-commit:1"));
    assert.equal(await sendOnce(server, [event!], ledger), false);
    assert.equal(await server.ended, "SIGKILL");
    await checkAfterwards(folder.dir, { sent: [] });
  });

  for (const place of ["checkpoint", "shutdown"] as const) {
    it(`during a ${place}: nothing acknowledged is missed`, async () => {
      await sideBySide(isFullRun ? Array.from({ length: 24 }, (_, i) => i + 1) : [2, 5], async (n) => {
        using folder = createPoweredFolder();
        const dataDir = path.join(folder.root, "data");
        const ledger = emptyLedger();
        const disk = { folder };
        const server = await startFaultyServer(dataDir, { ...failpoint(`${place}:${n}`), disk });
        await sendPatiently(() => server, someEvents(60), ledger);
        const how = await server.stop("SIGTERM");
        assert.ok(how === "SIGKILL" || n > 5, `it ended with ${how} before operation ${n}`);
        await checkAfterwards(dataDir, whatWasSent(ledger));
      });
    });
  }
});

describe("F03 the power fails under the server", function () {
  this.timeout(isFullRun ? 900_000 : 240_000);
  const N_CUTS = isFullRun ? 20 : 2;
  const N_EVENTS = isFullRun ? 5_000 : 400;

  for (const batch of [1, 20]) {
    it(`no acknowledged event is missed, with ${batch} a request`, async () => {
      const random = createRandom(faultSeed + batch);
      using folder = createPoweredFolder();
      const dataDir = path.join(folder.root, "data");
      const ledger = emptyLedger();
      const events = someEvents(N_EVENTS);
      let nCut = 0;
      for (let at = 0; at < events.length || nCut < N_CUTS;) {
        const last = nCut >= N_CUTS;
        const faults = last ? {} : { cutAfter: 30 + Math.floor(random() * (isFullRun ? 900 : 300)) };
        const server = await tryServer(dataDir, { disk: { folder, faults } });
        if ("child" in server) {
          // After the last cut everything that was not acknowledged goes once more.
          while (at < events.length && (await sendOnce(server, events.slice(at, at + batch), ledger))) at += batch;
          while (!last && at >= events.length && (await sendOnce(server, someEvents(1), ledger)));
          if (last) await server.stop("SIGKILL");
          else await server.ended;
        }
        if (last) continue;
        assert.ok(folder.isCut);
        nCut += 1;
        folder.restore(
          nCut % 2 === 0 ? { kind: "lost" } : { kind: "partly-kept", seed: Math.floor(random() * 2 ** 31) },
        );
      }
      await checkAfterwards(dataDir, { acknowledged: ledger.acknowledged.keys() });
    });
  }
});
