import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import path from "node:path";
import { createRandom } from "../../core/statistics/random.ts";
import { openStore } from "../../server/store/store.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { until } from "../server/server-process.ts";
import { checkAfterwards } from "./server/afterwards.ts";
import { call, startFaultyServer, type FaultyServer } from "./server/faulty-server.ts";
import { someVersions } from "./server/some-versions.ts";
import { faultSeed, isFullRun } from "./seed.ts";
import { setTimeout as delay } from "node:timers/promises";

const N_SWITCHES = isFullRun ? 200 : 40;
const N_KILLS = isFullRun ? 20 : 2;
const N_READERS = isFullRun ? 8 : 4;
const N_CLIENTS = 4;

describe("F10 the champion while clients move it, editors load it and the server is killed", function () {
  // A full run starts a server twenty times; on a busy machine each takes its time.
  this.timeout(isFullRun ? 900_000 : 300_000);

  it(`${N_SWITCHES} moves by ${N_CLIENTS} clients, ${N_KILLS} kills: always whole, in one line`, async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    const versions = someVersions(dataDir, 3);
    const random = createRandom(faultSeed);
    let server: FaultyServer | null = await startFaultyServer(dataDir);
    let isOver = false;
    let [nMoved, nLost, nRead] = [0, 0, 0];
    /** Asks whichever server there is; null when it was killed meanwhile. */
    const ask = async (method: string, target: string, body?: unknown) => {
      const now = server;
      if (now === null) return delay(10, null);
      return call(now, method, target, body).catch(() => null);
    };

    const client = async (): Promise<void> => {
      while (nMoved < N_SWITCHES) {
        const now = await ask("GET", "/v1/aliases");
        if (now === null) continue;
        const expected = now.body.aliases.find((row: { alias: string }) => row.alias === "champion").version as string;
        const to = versions[Math.floor(random() * versions.length)]!;
        const moved = await ask("PUT", "/v1/aliases/champion", { to, expected });
        if (moved === null) continue;
        if (moved.status === 409) nLost += 1;
        else {
          assert.equal(moved.status, 200, JSON.stringify(moved.body));
          nMoved += 1;
        }
      }
    };
    const reader = async (): Promise<void> => {
      while (!isOver) {
        const now = server;
        const deployed = await ask("GET", "/v1/deployment");
        if (deployed === null || now === null) continue;
        for (const { sha256, bytes } of deployed.body.adapter.files as { sha256: string; bytes: number }[]) {
          const content = await bytesAt(`${now.url}/v1/files/${sha256}`, now.token);
          if (content === null) break;
          assert.equal(content.length, bytes);
          assert.equal(createHash("sha256").update(content).digest("hex"), sha256);
          nRead += 1;
        }
      }
    };
    const readers = Promise.all(Array.from({ length: N_READERS }, reader));
    const clients = Promise.all(Array.from({ length: N_CLIENTS }, client));
    for (let n = 1; n <= N_KILLS; n += 1) {
      await until(() => nMoved >= (n * N_SWITCHES) / (N_KILLS + 1) || null, 60_000);
      const killed: FaultyServer = server!;
      server = null;
      await killed.stop("SIGKILL");
      server = await startFaultyServer(dataDir);
    }
    await clients;
    isOver = true;
    await readers;
    await server.stop("SIGKILL");
    assert.ok(nRead > 20, `only ${nRead} files were read`);
    assert.ok(nLost > 0, "nobody ever lost a race: nothing was tested");

    {
      using store = openStore(path.join(dataDir, "kept.db"));
      const moves = store.db
        .prepare(
          "SELECT from_version AS before, to_version AS after FROM alias_history WHERE alias = 'champion' ORDER BY id",
        )
        .all() as { before: string | null; after: string }[];
      // Each move begins where the one before it ended, and the last is where the alias stands.
      moves.forEach(({ before }, i) => assert.equal(before, i === 0 ? null : moves[i - 1]!.after));
      assert.equal(moves.at(-1)!.after, store.versions.alias("champion"));
      // One more than was answered for each kill at most: its answer was lost.
      assert.ok(moves.length >= nMoved + 1 && moves.length <= nMoved + 1 + N_KILLS * N_CLIENTS);
    }
    await checkAfterwards(dataDir);
  });
});

/** What a file has; null when the server was killed meanwhile. */
async function bytesAt(url: string, token: string): Promise<Buffer | null> {
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } }).catch(() => null);
  if (answer === null) return null;
  assert.equal(answer.status, 200);
  const content = await answer.arrayBuffer().catch(() => null);
  return content === null ? null : Buffer.from(content);
}
