import { createBackup } from "../../../server/backup/create.ts";
import { ROUTES } from "../../../server/http/routes/route-table.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { runCli } from "../../server/server-process.ts";
import { rawRequest } from "./raw-request.ts";
import assert from "node:assert/strict";
import { chmodSync, existsSync, statSync } from "node:fs";
import path from "node:path";

describe("the key of other editors", function () {
  this.timeout(60_000);
  let server: RunningApp;
  beforeEach(async () => void (server = await runningApp()));
  afterEach(() => server[Symbol.asyncDispose]());

  const cli = async (...args: string[]) => {
    const { code, stdout } = await runCli(["--data-dir", server.app.places.dataDir, "token", "endpoint", ...args]);
    return { code, key: stdout.trim() };
  };
  const statusWith = async (key: string, method: string, target: string, port = server.app.port) =>
    (await rawRequest(port, method, target, { Authorization: `Bearer ${key}` })).status;

  it("opens completions and the models, and no other route by any method", async () => {
    const { key } = await cli();
    for (const route of ROUTES) {
      const target = route.path.replaceAll(/:\w+/g, "x");
      for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"]) {
        const asked = ROUTES.find((one) => one.method === method && one.path === route.path);
        if (asked?.open === true) continue;
        const isTheirs = ["/v1/completions", "/v1/models", "/v1/models/:id"].includes(asked?.path ?? "");
        const status = await statusWith(key, method, target);
        assert.equal(status === 401, !isTheirs, `${method} ${target}: ${status}`);
      }
    }
    assert.equal(await statusWith(key, "GET", "/v1/models"), 200);
    assert.equal(await statusWith(key, "GET", "/v1/models/kept"), 200);
  });

  for (const detour of ["..\\status", "%2e%2e", "..", ".%2e%5cstatus", "..%2fstatus", "kept\\..\\..\\status"])
    it(`opens nothing by the detour ${detour}`, async () => {
      const { key } = await cli();
      assert.equal(await statusWith(key, "GET", `/v1/models/${detour}`), 401);
    });

  it("counts after a restart, until it is made anew or removed", async () => {
    const first = await cli();
    assert.match(first.key, /^[\w-]{43}$/);
    assert.deepEqual(await cli(), first);
    const { port: before, places } = server.app;
    assert.equal(statSync(places.endpointKey).mode & 0o777, 0o600);
    assert.equal(await statusWith(first.key, "GET", "/v1/models", before), 200);
    await server.app[Symbol.asyncDispose]();
    await using again = await runningApp({ dataDir: places.dataDir });
    assert.equal(await statusWith(first.key, "GET", "/v1/models", again.app.port), 200);
    const second = await cli("--rotate");
    assert.notEqual(second.key, first.key);
    assert.equal(await statusWith(first.key, "GET", "/v1/models", again.app.port), 401);
    assert.equal(await statusWith(second.key, "GET", "/v1/models", again.app.port), 200);
    assert.equal((await cli("--remove")).code, 0);
    assert.equal(await statusWith(second.key, "GET", "/v1/models", again.app.port), 401);
    assert.equal((await cli("--remove")).code, 3);
  });

  it("counts no more once others may read its file, and is in no backup", async () => {
    const { key } = await cli();
    const { places } = server.app;
    const { dir } = createBackup(places, path.join(server.dir, "backups"), new Date());
    assert.equal(existsSync(path.join(dir, "endpoint-key")), false);
    chmodSync(places.endpointKey, 0o644);
    assert.equal(await statusWith(key, "GET", "/v1/models"), 401);
    const made = await cli();
    assert.notEqual(made.key, key);
    assert.equal(statSync(places.endpointKey).mode & 0o777, 0o600);
    assert.equal(await statusWith(made.key, "GET", "/v1/models"), 200);
  });
});
