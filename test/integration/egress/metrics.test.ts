import { allow, withdraw } from "../../../server/egress/allowances.ts";
import { readConnections } from "../../../server/egress/connection-log.ts";
import { openStore } from "../../../server/store/store.ts";
import { runningApp } from "../../server/running-app.ts";
import { until } from "../../server/server-process.ts";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

describe("metrics for a collector", function () {
  this.timeout(60_000);

  it("are sent once the user allows it, as protobuf without text, and no longer when it is withdrawn", async () => {
    const seen: { url: string; headers: IncomingHttpHeaders; body: Buffer }[] = [];
    const server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        seen.push({ url: request.url!, headers: request.headers, body: Buffer.concat(pieces) });
        response.end();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      await using running = await runningApp({ otlpEveryMs: 20 });
      const { places } = running.app;
      // Another process changes the setting while the server runs.
      using store = openStore(places.database);
      await running.call("GET", "/v1/status");
      assert.deepEqual(readConnections(places.egressLog, 10), []);
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      allow(store.settings, { purpose: "metrics", url, mayBePrivate: true }, 1);
      const first = await until(() => seen[0] ?? null, 20_000);
      assert.equal(first.url, "/v1/metrics");
      assert.equal(first.headers["content-type"], "application/x-protobuf");
      assert.equal(first.headers["authorization"], undefined);
      assert.ok(first.body.includes("kept_events_total"));
      assert.equal(first.body.includes(running.dir), false);
      const [record] = await until(
        () => (readConnections(places.egressLog, 1).length > 0 ? readConnections(places.egressLog, 1) : null),
        20_000,
      );
      assert.deepEqual([record?.purpose, record?.to, record?.outcome], ["metrics", url, "answered"]);
      withdraw(store.settings, "metrics", 2);
      // A push that is under way ends; then there are none.
      const quiet = async (): Promise<true | null> => {
        const before = seen.length;
        await running.call("GET", "/v1/status");
        for (let n = 0; n < 5; n += 1) await running.call("GET", "/metrics").catch(() => {});
        return seen.length === before || null;
      };
      await until(quiet, 20_000);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
