import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { createRandom } from "../../core/statistics/random.ts";
import { createBackup } from "../../server/backup/create.ts";
import { prepareDataDir } from "../../server/data-dir.ts";
import { dataPlaces } from "../../server/places.ts";
import { MIGRATIONS } from "../../server/store/migrations.ts";
import { openStore } from "../../server/store/store.ts";
import { storeEvents } from "../server/store-events.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { checkAfterwards } from "./server/afterwards.ts";
import { call, startFaultyServer, tryServer } from "./server/faulty-server.ts";
import { emptyLedger, sendPatiently, someEvents } from "./server/patient-clients.ts";
import { faultSeed } from "./seed.ts";
import Database from "better-sqlite3";

const random = createRandom(faultSeed);

/** A data folder that a server has used: its events, and a backup of them beside it when asked for. */
async function used(dataDir: string, backup: "with a backup" | "without"): Promise<string[]> {
  const ledger = emptyLedger();
  const server = await startFaultyServer(dataDir);
  await sendPatiently(() => server, someEvents(40), ledger);
  await server.stop("SIGTERM");
  if (backup === "with a backup") createBackup(dataPlaces(dataDir), `${dataDir}-backups`, new Date());
  return [...ledger.sent];
}

const DAMAGES: Readonly<Record<string, (file: string) => void>> = {
  "truncated to half": (file) => writeFileSync(file, readFileSync(file).subarray(0, statSync(file).size / 2)),
  "with a page overwritten": (file) => {
    const bytes = readFileSync(file);
    // The first page after the schema: one of the events', the second of the file.
    for (let i = 4_096; i < 8_192; i += 1) bytes[i] = Math.floor(random() * 256);
    writeFileSync(file, bytes);
  },
  "of no bytes": (file) => writeFileSync(file, ""),
  "that is a text": (file) => writeFileSync(file, "This is no database.\n".repeat(400)),
};

describe("G57 a damaged store", function () {
  this.timeout(120_000);

  for (const [what, damage] of Object.entries(DAMAGES)) {
    it(`${what} is never overwritten: the server does not start, and says so each time`, async () => {
      await using folder = await tempFolder();
      const dataDir = path.join(folder.dir, "data");
      await used(dataDir, "without");
      const { database } = dataPlaces(dataDir);
      damage(database);
      const bytes = readFileSync(database);
      for (let n = 0; n < 2; n += 1) {
        const end = await tryServer(dataDir);
        assert.ok(!("child" in end));
        assert.equal(end.ended, 1);
        assert.match(end.complaint, /\(corrupt-store\)/);
        assert.deepEqual(readFileSync(database), bytes);
      }
    });
  }

  for (const what of ["with a page overwritten", "of no bytes"]) {
    it(`${what} is set aside, and the newest backup that verifies takes its place`, async () => {
      await using folder = await tempFolder();
      const dataDir = path.join(folder.dir, "data");
      const sent = await used(dataDir, "with a backup");
      // A newer backup of which a byte is wrong must not be taken.
      const backups = `${dataDir}-backups`;
      const [good] = readdirSync(backups);
      cpSync(path.join(backups, good!), path.join(backups, "kept-9999"), { recursive: true });
      writeFileSync(path.join(backups, "kept-9999", "kept.db"), "no longer what it was");
      const { database } = dataPlaces(dataDir);
      DAMAGES[what]!(database);
      const bytes = readFileSync(database);
      const server = await startFaultyServer(dataDir);
      assert.equal((await call(server, "GET", "/v1/status")).body.events, sent.length);
      await server.stop("SIGTERM");
      const aside = readdirSync(dataDir).find((name) => name.startsWith("damaged-"));
      assert.deepEqual(readFileSync(path.join(dataDir, aside!, "kept.db")), bytes);
      assert.match(readFileSync(dataPlaces(dataDir).log, "utf8"), /"event":"store-restored"/);
      await checkAfterwards(dataDir, { sent });
    });
  }
});

describe("G58 the log of another store beside the store", function () {
  this.timeout(60_000);

  it("is not applied: the server does not start, and store and log are as they were", async () => {
    await using folder = await tempFolder();
    const dataDir = path.join(folder.dir, "data");
    const sent = await used(dataDir, "without");
    const other = path.join(folder.dir, "other");
    const server = await startFaultyServer(other);
    await sendPatiently(() => server, someEvents(60), emptyLedger());
    await server.stop("SIGKILL");
    const { database } = dataPlaces(dataDir);
    copyFileSync(`${dataPlaces(other).database}-wal`, `${database}-wal`);
    const bytes = [readFileSync(database), readFileSync(`${database}-wal`)];
    const end = await tryServer(dataDir);
    assert.ok(!("child" in end));
    assert.match(end.complaint, /\(corrupt-store\)/);
    assert.deepEqual([readFileSync(database), readFileSync(`${database}-wal`)], bytes);
    // Without the foreign log it is the store that it was.
    renameSync(`${database}-wal`, path.join(folder.dir, "foreign-wal"));
    await checkAfterwards(dataDir, { sent });
  });
});

describe("G59 a store of a newer schema", function () {
  this.timeout(60_000);

  it("is refused with its code, and not changed by a byte", async () => {
    await using folder = await tempFolder();
    const places = prepareDataDir(path.join(folder.dir, "data"));
    openStore(places.database)[Symbol.dispose]();
    const db = new Database(places.database);
    db.pragma(`user_version = ${MIGRATIONS.length + 1}`);
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.close();
    const bytes = readFileSync(places.database);
    const end = await tryServer(places.dataDir);
    assert.ok(!("child" in end));
    assert.equal(end.ended, 1);
    assert.match(end.complaint, /\(newer-schema\)/);
    assert.deepEqual(readFileSync(places.database), bytes);
  });
});

describe("a restore that is killed", function () {
  this.timeout(120_000);

  it("is finished by the next start, wherever the kill came", async () => {
    const { createPoweredFolder } = await import("./power/power.ts");
    for (const cutAfter of [9, 14, 18, 21]) {
      using folder = createPoweredFolder();
      const dataDir = path.join(folder.root, "data");
      const places = prepareDataDir(dataDir);
      {
        using store = openStore(places.database);
        storeEvents(store, someEvents(20));
      }
      createBackup(places, `${dataDir}-backups`, new Date());
      DAMAGES["that is a text"]!(places.database);
      folder.settle();
      await tryServer(dataDir, { disk: { folder, faults: { cutAfter } } });
      assert.ok(folder.isCut);
      const server = await startFaultyServer(dataDir);
      assert.equal((await call(server, "GET", "/v1/status")).body.events, 20);
      await server.stop("SIGTERM");
      assert.equal(existsSync(path.join(dataDir, "restore.json")), false);
      const aside = readdirSync(dataDir).filter((name) => name.startsWith("damaged-"));
      assert.ok(aside.length >= 1);
      assert.match(readFileSync(path.join(dataDir, aside[0]!, "kept.db"), "utf8"), /^This is no database/);
      await checkAfterwards(dataDir);
    }
  });
});
