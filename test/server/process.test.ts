import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync, writeFileSync, mkdirSync, chmodSync, symlinkSync } from "node:fs";
import path from "node:path";
import { openStore } from "../../server/store/store.ts";
import { readRuntimeFile } from "../../server/runtime-file.ts";
import { sampleSession } from "./sample-events.ts";
import { startServerProcess, type ServerProcess } from "./server-process.ts";
import { tempFolder } from "./temp-folder.ts";
import type { KeptEvent } from "../../protocol/events.ts";

describe("server process", () => {
  it("keeps its folder to itself, and stops cleanly on SIGTERM", async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    const server = await startServerProcess(dataDir);
    assert.equal(statSync(dataDir).mode & 0o777, 0o700);
    for (const name of ["server.json", "kept.db", "server.log", "server.lock"]) {
      assert.equal(statSync(path.join(dataDir, name)).mode & 0o777, 0o600, name);
    }
    server.child.kill("SIGTERM");
    assert.equal(await server.ended, 0);
    assert.equal(existsSync(path.join(dataDir, "server.json")), false);
    // The WAL is written back.
    assert.equal(
      readdirSync(dataDir).some((name) => name.endsWith("-wal")),
      false,
    );
  });

  it("answers Ctrl+C with 130", async () => {
    await using folder = await tempFolder();
    const server = await startServerProcess(folder.dir);
    server.child.kill("SIGINT");
    assert.equal(await server.ended, 130);
  });

  it("stops when a holder of the token asks, with a stream open", async () => {
    await using folder = await tempFolder();
    const server = await startServerProcess(folder.dir);
    const headers = { Authorization: `Bearer ${server.runtime.token}` };
    const stream = await fetch(`${server.url}/v1/stream`, { headers });
    const answer = await fetch(`${server.url}/v1/shutdown`, { method: "POST", headers });
    assert.equal(answer.status, 202);
    assert.match(await stream.text(), /^: kept/);
    assert.equal(await server.ended, 0);
  });

  it("is the only one on its folder; a kill leaves no stale lock", async () => {
    await using folder = await tempFolder();
    const first = await startServerProcess(folder.dir);
    await assert.rejects(startServerProcess(folder.dir), /already-running/);
    assert.equal(readRuntimeFile(path.join(folder.dir, "server.json"))?.pid, first.child.pid);
    first.child.kill("SIGKILL");
    await first.ended;
    const second = await startServerProcess(folder.dir);
    assert.notEqual(second.runtime.token, first.runtime.token);
    second.child.kill("SIGTERM");
    assert.equal(await second.ended, 0);
  });

  it("makes a folder that others could read its own", async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o755);
    writeFileSync(path.join(dataDir, "kept.db"), "", { mode: 0o644 });
    const server = await startServerProcess(dataDir);
    assert.equal(statSync(dataDir).mode & 0o777, 0o700);
    assert.equal(statSync(path.join(dataDir, "kept.db")).mode & 0o777, 0o600);
    server.child.kill("SIGTERM");
    await server.ended;
  });

  it("refuses a folder that is a symbolic link", async () => {
    await using folder = await tempFolder();
    mkdirSync(path.join(folder.dir, "real"));
    symlinkSync(path.join(folder.dir, "real"), path.join(folder.dir, "link"));
    await assert.rejects(startServerProcess(path.join(folder.dir, "link")), /data-dir/);
    assert.deepEqual(readdirSync(path.join(folder.dir, "real")), []);
  });

  for (const [args, code] of [
    [["--port", "x"], 2],
    [["--host", "0.0.0.0"], 2],
    [["--log", "syslog"], 2],
  ] as const) {
    it(`refuses ${args.join(" ")} with exit code ${code}`, async () => {
      await using folder = await tempFolder();
      await assert.rejects(startServerProcess(folder.dir, args), new RegExp(`The server ended \\(${code}\\)`));
    });
  }

  it("stores every acknowledged event exactly once through kills", async function () {
    this.timeout(60_000);
    await using folder = await tempFolder();
    const session = sampleSession();
    const waiting = new Map<string, KeptEvent>();
    for (let i = 0; i < 120; i++) for (const event of session.story("shown accepted")) waiting.set(event.id, event);
    const sent = [...waiting.keys()];
    const acknowledged = new Set<string>();
    const KILLS = 5;
    let server = await startServerProcess(folder.dir);
    for (let batch = 0, nKills = 0; waiting.size > 0; batch++) {
      const events = [...waiting.values()].slice(0, 8);
      const posting = post(server, events).catch(() => null);
      if (batch % 5 === 4 && nKills < KILLS) {
        // While the request is under way: before, in or after its commit.
        nKills++;
        server.child.kill("SIGKILL");
        await server.ended;
        server = await startServerProcess(folder.dir);
      }
      const results = await posting;
      for (const { id, status } of results ?? []) {
        assert.equal(status === "accepted" || status === "duplicate", true);
        acknowledged.add(id);
        waiting.delete(id);
      }
    }
    server.child.kill("SIGTERM");
    await server.ended;
    using store = openStore(path.join(folder.dir, "kept.db"));
    const stored = store.db.prepare("SELECT id FROM events").pluck().all() as string[];
    assert.equal(acknowledged.size, sent.length);
    assert.deepEqual(stored.toSorted(), sent.toSorted());
    assert.equal(store.db.pragma("integrity_check", { simple: true }), "ok");
    assert.deepEqual(store.db.pragma("foreign_key_check"), []);
    assert.deepEqual(store.labels.counts(), { good: 120, bad: 0, unknown: 0 });
  });
});

async function post(server: ServerProcess, events: readonly KeptEvent[]): Promise<{ id: string; status: string }[]> {
  const response = await fetch(`${server.url}/v1/events`, {
    method: "POST",
    headers: { Authorization: `Bearer ${server.runtime.token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ events }),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) return [];
  return ((await response.json()) as { results: { id: string; status: string }[] }).results;
}
