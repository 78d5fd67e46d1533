import { openOutbox } from "../../../extension/sync/outbox.ts";
import { openServerLink } from "../../../extension/sync/server-link.ts";
import { readRuntimeFile } from "../../../server/runtime-file.ts";
import { runningApp } from "../../server/running-app.ts";
import { runCli, until } from "../../server/server-process.ts";
import assert from "node:assert/strict";
import { chmodSync, statSync } from "node:fs";
import path from "node:path";

describe("the token", function () {
  this.timeout(60_000);

  it("counts no more when another was made, nor do codes and streams that came by it", async () => {
    await using server = await runningApp();
    const { places, token: before } = server.app;
    const ask = (token: string, method: string, target: string, body?: unknown) =>
      fetch(server.url + target, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(20_000),
      });
    const { code } = (await (await ask(before, "POST", "/v1/login-codes", {})).json()) as { code: string };
    const stream = await ask(before, "GET", "/v1/stream");
    assert.equal(stream.status, 200);
    const ended = (async () => {
      for await (const _ of stream.body as unknown as AsyncIterable<Uint8Array>);
      return true;
    })().catch(() => true);

    assert.deepEqual(await (await ask(before, "POST", "/v1/token", {})).json(), { rotated: true });
    const after = readRuntimeFile(places.runtimeFile)!.token;
    assert.notEqual(after, before);
    assert.equal(after, server.app.token);
    assert.equal(statSync(places.runtimeFile).mode & 0o777, 0o600);
    assert.equal((await ask(before, "GET", "/v1/status")).status, 401);
    assert.equal((await ask(after, "GET", "/v1/status")).status, 200);
    const login = await fetch(`${server.url}/login`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code }),
      signal: AbortSignal.timeout(20_000),
    });
    assert.equal(login.status, 401);
    assert.equal(await ended, true);
  });

  it("is made anew by `kept token rotate`, and an editor finds the new one by itself", async () => {
    await using server = await runningApp();
    const { dataDir } = server.app.places;
    const outbox = openOutbox(path.join(server.dir, "outbox"), "w");
    const link = openServerLink({
      dataDir,
      serverEntry: null,
      env: process.env,
      outbox,
      handlers: {},
      onConnected: async () => {},
      onState: () => {},
      log: () => {},
    });
    try {
      const before = await until(() => link.connection?.token ?? null, 20_000);
      assert.equal((await runCli(["--data-dir", dataDir, "token", "rotate"])).code, 0);
      const after = await until(() => {
        const token = link.connection?.token;
        return token === undefined || token === before ? null : token;
      }, 20_000);
      assert.equal(after, server.app.token);
      assert.equal((await runCli(["--data-dir", dataDir, "status", "--json"])).code, 0);
    } finally {
      link[Symbol.dispose]();
      await link.done;
      await outbox.close();
    }
  });

  it("is in a file that others may read: nobody uses it, and the next start makes a private one (G15)", async () => {
    await using server = await runningApp();
    const { places } = server.app;
    chmodSync(places.runtimeFile, 0o644);
    assert.equal(readRuntimeFile(places.runtimeFile), null);
    assert.equal((await runCli(["--data-dir", places.dataDir, "status"])).code, 3);
    await server.call("POST", "/v1/token", {});
    assert.equal(statSync(places.runtimeFile).mode & 0o777, 0o600);
    assert.equal((await runCli(["--data-dir", places.dataDir, "status"])).code, 0);
  });
});
