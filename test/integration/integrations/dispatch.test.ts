import { systemClock, type Clock } from "../../../server/clock.ts";
import { allow } from "../../../server/egress/allowances.ts";
import { readConnections } from "../../../server/egress/connection-log.ts";
import { useModelFile } from "../../../server/models/active-model.ts";
import { joinStore } from "../../../server/store/store.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { until } from "../../server/server-process.ts";
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";
import { z } from "zod";

const SOON_MS = 20_000;
const countedSetting = z.object({ verdicts: z.number().nullable().default(null) });

/** Suggestions with a human verdict each. */
async function rate(server: RunningApp, n: number): Promise<void> {
  const events = Array.from({ length: n }, () => {
    const session = sampleSession();
    const id = uuidv7();
    return [shownWith(session, id, { path: `src/${id}.ts` }), session.of("rated", id)];
  }).flat();
  assert.equal((await server.call("POST", "/v1/events", { events })).status, 200);
}

describe("the training workflow", function () {
  this.timeout(60_000);

  it("is started by new human verdicts where the user allows it, and again after a failure", async () => {
    const seen: { url: string; headers: IncomingHttpHeaders; body: unknown }[] = [];
    let status = 500;
    let says = "<html>not what was asked for</html>";
    const host = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        seen.push({ url: request.url!, headers: request.headers, body: JSON.parse(Buffer.concat(pieces).toString()) });
        response.writeHead(status, { "Content-Type": "application/json" }).end(says);
      });
    });
    host.listen(0, "127.0.0.1");
    await once(host, "listening");
    process.env["KEPT_CI_TOKEN"] = "for-the-host";
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + aheadMs };
    try {
      await using server = await runningApp({ dispatchEveryMs: 20, clock });
      using store = joinStore(server.app.places.database);
      const origin = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;
      const file = path.join(server.dir, "config.yaml");
      const follow = (dispatch: string): void => {
        writeFileSync(file, `name: mine\nci: { annotations: 3, dispatchUrl: "${origin}${dispatch}" }\n`);
        useModelFile(store, file, clock.wallMs());
      };
      const counted = (): number | null => store.settings.get("ci-told", countedSetting).verdicts;
      follow("/repos/o/r/dispatches");
      await until(() => (counted() === 0 ? true : null), SOON_MS);

      await rate(server, 3);
      const refusals = () =>
        readConnections(server.app.places.egressLog, 10).filter(({ outcome }) => outcome !== "answered");
      await until(() => (refusals().length > 0 ? true : null), SOON_MS);
      assert.equal(seen.length, 0);

      allow(store.settings, { purpose: "ci", url: origin, mayBePrivate: true }, 1);
      aheadMs += 601_000;
      const failed = await until(() => seen[0] ?? null, SOON_MS);
      assert.equal(failed.url, "/repos/o/r/dispatches");
      assert.equal(failed.headers.authorization, "Bearer for-the-host");
      assert.deepEqual(failed.body, {
        event_type: "kept-annotations",
        client_payload: { model: "mine", annotations: 3 },
      });
      assert.equal(counted(), 0);

      // A page that somebody put in front of the host is no start.
      status = 200;
      aheadMs += 601_000;
      await until(() => seen[1] ?? null, SOON_MS);
      status = 204;
      assert.equal(counted(), 0);
      aheadMs += 601_000;
      await until(() => (counted() === 3 ? true : null), SOON_MS);
      assert.equal(seen.length, 3);
      assert.equal(seen.at(-1)!.headers["user-agent"], "kept");

      // Forgejo says which run it started, where it is asked to.
      status = 201;
      says = '{"id":7,"run_number":3}';
      follow("/api/v1/repos/o/r/actions/workflows/train.yaml/dispatches");
      await rate(server, 3);
      await until(() => (counted() === 6 ? true : null), SOON_MS);
      assert.deepEqual(seen.at(-1)!.body, { ref: "main" });
      assert.equal(seen.length, 4);
    } finally {
      delete process.env["KEPT_CI_TOKEN"];
      host.closeAllConnections();
      host.close();
    }
  });
});
