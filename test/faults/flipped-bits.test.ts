import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createRandom } from "../../core/statistics/random.ts";
import { createBackup } from "../../server/backup/create.ts";
import { MANIFEST, verifyBackup } from "../../server/backup/backup-folder.ts";
import { hashOf } from "../../server/content-hash.ts";
import { readSnapshot, writeSnapshot } from "../../server/datasets/snapshot.ts";
import type { AppError } from "../../server/errors.ts";
import { createLog } from "../../server/log.ts";
import { dataPlaces } from "../../server/places.ts";
import { openContentFiles } from "../../server/registry/content-files.ts";
import { openOrRestore } from "../../server/store-recovery.ts";
import { openStore } from "../../server/store/store.ts";
import { loadRunCheckpoint, saveRunCheckpoint } from "../../server/training/onnx/run-checkpoint.ts";
import { storeEvents } from "../server/store-events.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { startFaultyServer } from "./server/faulty-server.ts";
import { emptyLedger, sendPatiently, someEvents } from "./server/patient-clients.ts";
import { someVersions } from "./server/some-versions.ts";
import { faultSeed, isFullRun } from "./seed.ts";

/** Flips in each kind of file. */
const N_FLIPS = isFullRun ? 200 : 50;
const random = createRandom(faultSeed);

/** Flips one bit of a file after the other, each in the file as it was. */
function flips(file: string, look: (bit: number) => void, from = 0): void {
  const bytes = readFileSync(file);
  for (let n = 0; n < N_FLIPS; n += 1) {
    const bit = from * 8 + Math.floor(random() * (bytes.length - from) * 8);
    const damaged = Buffer.from(bytes);
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(file, damaged);
    look(bit);
  }
  writeFileSync(file, bytes);
}

async function inFolder(body: (dir: string) => void | Promise<void>): Promise<void> {
  await using folder = await tempFolder();
  await body(folder.dir);
}

describe(`F18 one flipped bit, ${N_FLIPS} times`, function () {
  this.timeout(300_000);

  it("in an adapter: it is never read", () =>
    inFolder((dir) => {
      const files = openContentFiles(dir);
      const { sha256 } = files.put("adapter_model.safetensors", Buffer.from("weights ".repeat(500)));
      flips(path.join(dir, sha256), () => assert.throws(() => files.read(sha256), { code: "corrupt-store" }));
      assert.ok(files.read(sha256));
    }));

  it("in the rows or the manifest of a dataset: it is never read", () =>
    inFolder((dir) => {
      const { sha256 } = writeSnapshot(dir, [], { workspaces: [], seed: 1 } as never);
      const rows = path.join(dir, sha256, "rows.jsonl");
      const manifest = path.join(dir, sha256, "manifest.json");
      flips(manifest, () => assert.throws(() => readSnapshot(dir, sha256)));
      writeFileSync(rows, "one more row\n");
      assert.throws(() => readSnapshot(dir, sha256), /damaged/);
    }));

  it("in the checkpoint of a run: it is the checkpoint that was saved, or none", () =>
    inFolder((dir) => {
      const vector = Float32Array.from({ length: 400 }, (_, i) => i / 7);
      const saved = {
        step: 7,
        curve: [3, 2, 1],
        firstLoss: { train: 3, validation: null },
        best: null,
        theta: vector,
        bestTheta: vector,
        firstMoment: vector,
        secondMoment: vector,
      };
      saveRunCheckpoint(dir, "job", saved);
      let nRefused = 0;
      flips(path.join(dir, "checkpoint.safetensors"), () => {
        const found = loadRunCheckpoint(dir, "job");
        if (found === null) nRefused += 1;
        else assert.deepEqual({ ...found }, saved);
      });
      assert.ok(nRefused > N_FLIPS / 2);
    }));

  it("in a file of a backup: it does not verify; in its manifest: it does not, or names the same files", () =>
    inFolder((dir) => {
      const dataDir = path.join(dir, "data");
      someVersions(dataDir, 1);
      const { dir: backup, manifest } = createBackup(dataPlaces(dataDir), path.join(dir, "backups"), new Date());
      for (const { path: name } of manifest.files) {
        flips(path.join(backup, name), () => assert.throws(() => verifyBackup(backup), { code: "backup-damaged" }));
      }
      flips(path.join(backup, MANIFEST), () => {
        try {
          assert.deepEqual(verifyBackup(backup).files, manifest.files);
        } catch (error) {
          assert.equal((error as AppError).code, "backup-damaged");
        }
      });
      verifyBackup(backup);
    }));

  it("in a page of the store: it does not open, or a hash tells, and never is a wrong adapter served", () =>
    inFolder((dir) => {
      const dataDir = path.join(dir, "data");
      someVersions(dataDir, 2);
      const places = dataPlaces(dataDir);
      const log = createLog({ level: "error", destination: places.log });
      {
        using store = openOrRestore(places, log);
        storeEvents(store, someEvents(60));
      }
      const eventsOf = (database: string): [string, string, string][] => {
        using store = openStore(database);
        return store.db.prepare("SELECT id, body, body_sha256 FROM events ORDER BY sequence").raw().all() as never;
      };
      const before = new Map(eventsOf(places.database).map(([id, body]) => [id, body]));
      const good = new Set(readdirSync(places.files));
      let [nRefused, nTold] = [0, 0];
      flips(places.database, () => {
        for (const end of ["-wal", "-shm"]) rmSync(places.database + end, { force: true });
        let store;
        try {
          store = openOrRestore(places, log);
        } catch (error) {
          assert.equal((error as AppError).code, "corrupt-store");
          nRefused += 1;
          return;
        }
        try {
          for (const [id, body, sha256] of store.db.prepare("SELECT id, body, body_sha256 FROM events").raw().all() as [
            string,
            string,
            string,
          ][]) {
            if (before.get(id) === body) continue;
            // The hash of the body tells; where the flip hit the id, the body still has the true one.
            assert.ok(hashOf(Buffer.from(body)) !== sha256 || (JSON.parse(body) as { id: string }).id !== id);
            nTold += 1;
          }
          const champion = store.versions.alias("champion");
          const version = champion === null ? null : store.versions.get(champion);
          for (const { sha256 } of version?.files ?? []) {
            try {
              openContentFiles(places.files).read(sha256);
              assert.ok(good.has(sha256));
            } catch (error) {
              assert.match((error as AppError).code, /^(not-found|corrupt-store)$/);
            }
          }
        } catch (error) {
          // A row that SQLite finds damaged when it reads it.
          assert.match(String((error as { code?: string }).code), /^(SQLITE_CORRUPT|ERR_ASSERTION)/);
          if ((error as { code?: string }).code === "ERR_ASSERTION") throw error;
          nRefused += 1;
        } finally {
          store.db.close();
        }
      });
      assert.ok(nRefused + nTold > 0, "no flip was noticed");
    }));

  it("in the log of a store whose server was killed: what is there is what was sent, from the first on", async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    const server = await startFaultyServer(dataDir);
    const events = someEvents(60);
    await sendPatiently(() => server, events, emptyLedger(), { batch: 3 });
    await server.stop("SIGKILL");
    const sent = events.map(({ id }) => id);
    const copy = path.join(folder.dir, "copy");
    flips(`${dataPlaces(dataDir).database}-wal`, () => {
      rmSync(copy, { recursive: true, force: true });
      mkdirSync(copy);
      for (const end of ["", "-wal"]) cpSync(`${dataPlaces(dataDir).database}${end}`, path.join(copy, `kept.db${end}`));
      using store = openStore(path.join(copy, "kept.db"));
      assert.equal(store.db.pragma("integrity_check", { simple: true }), "ok");
      const hasEvents = store.db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'events'").get() !== undefined;
      assert.ok(hasEvents);
      const stored = store.db.prepare("SELECT id FROM events ORDER BY sequence").pluck().all() as string[];
      assert.deepEqual(stored, sent.slice(0, stored.length));
    });
  });
});
