import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { runCli } from "../server/server-process.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { checkAfterwards } from "./server/afterwards.ts";
import { startFaultyServer, tryServer } from "./server/faulty-server.ts";
import { emptyLedger, sendPatiently, someEvents } from "./server/patient-clients.ts";
import { isFullRun } from "./seed.ts";

describe("F22 who may serve a data folder", function () {
  this.timeout(120_000);

  it("of two servers started at once exactly one serves; the other ends with 1 and already-running", async () => {
    for (let n = 0; n < (isFullRun ? 12 : 3); n += 1) {
      await using folder = await tempFolder();
      const dataDir = path.join(folder.dir, "data");
      const both = await Promise.all([tryServer(dataDir), tryServer(dataDir)]);
      const serving = both.filter((one) => "child" in one);
      const refused = both.filter((one) => !("child" in one));
      assert.deepEqual([serving.length, refused.length], [1, 1]);
      const [loser] = refused as [{ ended: number; complaint: string }];
      assert.equal(loser.ended, 1);
      assert.match(loser.complaint, /\(already-running\)/);
      const ledger = emptyLedger();
      await sendPatiently(() => serving[0]!, someEvents(20), ledger);
      await serving[0]!.stop("SIGTERM");
      await checkAfterwards(dataDir, { sent: ledger.sent });
    }
  });

  it("a port that a foreign process took: the server ends with port-in-use", async () => {
    await using folder = await tempFolder();
    using foreign = await listenForeign();
    const end = await tryServer(path.join(folder.dir, "data"), { args: ["--port", String(foreign.port)] });
    assert.ok(!("child" in end));
    assert.equal(end.ended, 1);
    assert.match(end.complaint, /\(port-in-use\)/);
    assert.equal(foreign.heard(), "");
  });

  it("a foreign process on the port of a server that was killed never hears the token", async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    const server = await startFaultyServer(dataDir);
    const port = Number(new URL(server.url).port);
    const runtime = path.join(dataDir, "server.json");
    await server.stop("SIGKILL");
    assert.ok(existsSync(runtime));
    using foreign = await listenForeign(port);
    const { code, stderr } = await runCli(["--data-dir", dataDir, "status"]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /\(impostor\)/);
    assert.ok(foreign.heard().includes("/v1/proof"), "it was asked to prove itself");
    assert.equal(foreign.heard().includes(server.token), false);
  });

  it("a lock and a runtime file whose process number is another process by now hold nobody up", async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    const first = await startFaultyServer(dataDir);
    const runtime = path.join(dataDir, "server.json");
    copyFileSync(runtime, path.join(folder.dir, "stale.json"));
    await first.stop("SIGKILL");
    const stale = JSON.parse(readFileSync(path.join(folder.dir, "stale.json"), "utf8")) as Record<string, unknown>;
    // This process lives, and is no server.
    writeFileSync(runtime, JSON.stringify({ ...stale, pid: process.pid }), { mode: 0o600 });
    const second = await startFaultyServer(dataDir);
    assert.notEqual(second.token, first.token);
    await second.stop("SIGTERM");
    await checkAfterwards(dataDir);
  });
});

/** A process of somebody else: it takes what it is sent and answers nonsense. */
async function listenForeign(port = 0): Promise<Disposable & { readonly port: number; heard(): string }> {
  let heard = "";
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
      socket.end(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
      );
    });
    socket.on("error", () => {});
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => heard,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
