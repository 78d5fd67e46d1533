import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createTinyModel } from "../support/tiny-model.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { until } from "../server/server-process.ts";
import { checkAfterwards } from "./server/afterwards.ts";
import { call, startFaultyServer } from "./server/faulty-server.ts";
import { emptyLedger, sendPatiently, someEvents } from "./server/patient-clients.ts";

const CLOCK = path.join(import.meta.dirname, "server", "fake-clock.ts");
const DAY_MS = 86_400_000;
const SHIFTS = { "a day on": DAY_MS, "a day back": -DAY_MS, "ten years back": -3_653 * DAY_MS, "to and fro": "steps" };

describe("F21 a clock that jumps", function () {
  this.timeout(120_000);
  const model = createTinyModel();
  after(() => model[Symbol.dispose]());

  for (const [what, shift] of Object.entries(SHIFTS)) {
    it(`${what}: events keep their order, no live job loses its lease, codes and tokens hold`, async () => {
      await using folder = await tempFolder();
      const file = path.join(folder.dir, "clock");
      const dataDir = path.join(folder.dir, "data");
      writeFileSync(file, "0");
      const ledger = emptyLedger();
      const server = await startFaultyServer(dataDir, {
        imports: [CLOCK],
        env: { KEPT_FAKE_CLOCK: file },
        args: ["--model-dir", model.dir],
      });
      const events = someEvents(120);
      await sendPatiently(() => server, events.slice(0, 60), ledger);
      const { body: code } = await call(server, "POST", "/v1/login-codes");
      const { body: run } = await call(server, "POST", "/v1/training/runs", { overrides: { rank: 2, steps: 60 } });
      await until(async () => {
        const { body } = await call(server, "GET", `/v1/training/runs/${run.id}`);
        return body.state === "queued" ? null : body;
      }, 30_000);

      writeFileSync(file, String(shift));
      await sendPatiently(() => server, events.slice(60), ledger, { batch: 7 });
      const login = await fetch(`${server.url}/login`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ code: code.code }),
      });
      assert.equal(login.status, 200, "a code lives a minute of real time, whatever the clock says");
      assert.equal(((await login.json()) as { token: string }).token, server.token);
      const end = await until(async () => {
        const { body } = await call(server, "GET", `/v1/training/runs/${run.id}`);
        return body.finishedAt === null ? null : body;
      }, 60_000);
      // Whatever it comes to: one attempt, by one worker that kept its lease.
      assert.notEqual(end.state, "cancelled");
      assert.equal(/lease/i.test(JSON.stringify(end.error)), false);
      assert.equal(end.state, "succeeded", JSON.stringify(end.error));
      await server.stop("SIGTERM");

      const { openStore } = await import("../../server/store/store.ts");
      {
        using store = openStore(path.join(dataDir, "kept.db"));
        const ids = store.db.prepare("SELECT id FROM events ORDER BY sequence").pluck().all();
        assert.deepEqual(
          ids,
          events.map(({ id }) => id),
        );
        assert.equal(store.db.prepare("SELECT max(attempts) FROM jobs").pluck().get(), 1);
      }
      // A start under the right clock again deletes nothing that the wrong one made look old.
      await checkAfterwards(dataDir, { sent: ledger.sent });
    });
  }
});
