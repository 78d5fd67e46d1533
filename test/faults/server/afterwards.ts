import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { dataPlaces } from "../../../server/places.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { openStore } from "../../../server/store/store.ts";
import { until } from "../../server/server-process.ts";
import { MARK, markOf, startFaultyServer } from "./faulty-server.ts";

/** A server that was killed answers again by then, milliseconds. */
const RESTART_MS = 5_000;

/**
 * What has to hold at the end of every scenario: the server comes up again, every event that was sent is
 * there exactly once, the ledger balances, the store is whole, every file is named and every name has its
 * file, and nothing is left over, neither a process nor half a file. Stops no server: none may run on the folder.
 */
export async function checkAfterwards(
  dataDir: string,
  {
    sent,
    acknowledged,
    nForgotten = 0,
  }: { readonly sent?: Iterable<string>; readonly acknowledged?: Iterable<string>; readonly nForgotten?: number } = {},
): Promise<void> {
  const startedAt = performance.now();
  const server = await startFaultyServer(dataDir);
  const health = await fetch(`${server.url}/healthz`);
  assert.equal(health.status, 200);
  await health.arrayBuffer();
  const restartMs = performance.now() - startedAt;
  assert.equal(await server.stop("SIGTERM"), 0, server.complaint());
  const limitMs = restartMs < RESTART_MS ? RESTART_MS : RESTART_MS * slowness();
  assert.ok(restartMs < limitMs, `it took ${Math.round(restartMs)} ms until the server answered`);

  assert.deepEqual(leftovers(dataDir), []);

  const places = dataPlaces(dataDir);
  using store = openStore(places.database);
  assert.equal(store.db.pragma("integrity_check", { simple: true }), "ok");
  assert.deepEqual(store.db.pragma("foreign_key_check"), []);
  const stored = store.db.prepare("SELECT id FROM events ORDER BY id").pluck().all() as string[];
  assert.equal(store.events.ledger().accepted, stored.length + nForgotten, "what was accepted is what is stored");
  if (sent) assert.deepEqual(stored, [...sent].toSorted());
  const there = new Set(stored);
  assert.deepEqual(
    [...(acknowledged ?? [])].filter((id) => !there.has(id)),
    [],
    "acknowledged and not stored",
  );
  const named = store.db.prepare("SELECT DISTINCT sha256 FROM version_files ORDER BY sha256").pluck().all() as string[];
  assert.deepEqual(readdirSync(places.files).toSorted(), named, "files that no version names, or the other way");
  const files = openContentFiles(places.files);
  for (const sha256 of named) files.read(sha256);
  if (process.platform === "linux") {
    // What a server started ends within moments of it.
    await until(() => (markedProcesses(markOf(dataDir)).length === 0 ? true : null), 10_000).catch(() => {
      assert.deepEqual(markedProcesses(markOf(dataDir)), []);
    });
  }
}

/** How many times longer than on an idle machine an empty program takes now; at least 1. */
export function slowness(): number {
  const IDLE_MS = 60;
  const startedAt = performance.now();
  execFileSync(process.execPath, ["--eval", ""]);
  return Math.max(1, (performance.now() - startedAt) / IDLE_MS);
}

/** Names that only somebody who was interrupted leaves. */
function leftovers(dataDir: string): string[] {
  const names = readdirSync(dataDir, { recursive: true, encoding: "utf8" });
  // A damaged store is kept with all that belonged to it.
  return names
    .filter((name) => !name.startsWith("damaged-"))
    .filter((name) => /\.tmp$|\.partial$|\.restore-|-wal$|-shm$|-journal$|(^|\/)\.kept/.test(name));
}

/** Processes that a server of this test run started, or is; or one of a data folder. */
export function markedProcesses(mark: string = MARK): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // A process that has ended and waits for its parent has no environment any more.
        return readFileSync(path.join("/proc", pid, "environ"), "latin1").includes(mark);
      } catch {
        return false;
      }
    })
    .map(Number);
}
