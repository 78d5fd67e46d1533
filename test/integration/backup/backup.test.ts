import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { listBackups, MANIFEST, verifyBackup } from "../../../server/backup/backup-folder.ts";
import { createBackup } from "../../../server/backup/create.ts";
import { restoreBackup } from "../../../server/backup/restore.ts";
import { prepareDataDir } from "../../../server/data-dir.ts";
import { startEventWriter } from "../../../server/ingest/event-writer.ts";
import { createLog } from "../../../server/log.ts";
import { dataPlaces, writerEntry, type DataPlaces } from "../../../server/places.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { schemaVersion } from "../../../server/store/database.ts";
import { MIGRATIONS } from "../../../server/store/migrations.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { runCli, until } from "../../server/server-process.ts";
import { storeEvents } from "../../server/store-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import Database from "better-sqlite3";

interface Filled {
  readonly dir: string;
  readonly places: DataPlaces;
  readonly store: Store;
  /** The bytes of an adapter file that a version names. */
  readonly adapter: string;
}

/** A data folder with events, a version with a file, and a dataset. */
async function check(body: (filled: Filled) => void | Promise<void>): Promise<void> {
  await using folder = await tempFolder();
  const places = prepareDataDir(path.join(folder.dir, "data"));
  using store = openStore(places.database);
  storeEvents(store, sampleSession().story("shown accepted retained"));
  const adapter = openContentFiles(places.files).put("adapter_model.safetensors", Buffer.from("weights"));
  const dataset = "d".repeat(64);
  mkdirSync(path.join(places.datasets, dataset));
  for (const name of ["manifest.json", "rows.jsonl"]) writeFileSync(path.join(places.datasets, dataset, name), name);
  store.db.exec(`
    INSERT INTO datasets VALUES ('d', 1, '${dataset}', 1, 1, 1, '{}', '{}', NULL);
    INSERT INTO runs (id, strategy, state, stage, request, created_at) VALUES ('r', 'lora', 'succeeded', 'deploy', '{}', 1);
    INSERT INTO versions VALUES ('v', 1, 'b', 'r', 'd', NULL, '{}');
    INSERT INTO version_files VALUES ('v', 'adapter_model.safetensors', '${adapter.sha256}', ${adapter.bytes});`);
  await body({ dir: folder.dir, places, store, adapter: adapter.sha256 });
}

const NOW = new Date("2026-11-22T10:00:00Z");
const contents = (store: Store): unknown => [
  store.suggestions.page(50, null),
  store.events.watermark(),
  store.events.ledger(),
];

describe("a backup", function () {
  this.timeout(60_000);

  it("restores to an equal store with its files", () =>
    check(({ dir, places, store, adapter }) => {
      const { dir: backup } = createBackup(places, path.join(dir, "backups"), NOW);
      const to = path.join(dir, "restored");
      restoreBackup(backup, to);
      using restored = openStore(dataPlaces(to).database);
      assert.deepEqual(contents(restored), contents(store));
      assert.equal(openContentFiles(dataPlaces(to).files).read(adapter).toString(), "weights");
      assert.deepEqual(readdirSync(dataPlaces(to).datasets), ["d".repeat(64)]);
    }));

  it("holds nothing that was deleted, no token and no log", () =>
    check(({ dir, places, store }) => {
      const [shown] = sampleSession().story("shown");
      storeEvents(store, [{ ...shown, completion: "canary-5e1f" }]);
      store.db.exec("DELETE FROM examples; DELETE FROM labels; DELETE FROM suggestions");
      store.db.prepare("DELETE FROM events WHERE suggestion_id = ?").run(shown!.suggestionId);
      writeFileSync(places.runtimeFile, '{"token":"canary-5e1f"}');
      writeFileSync(places.log, "canary-5e1f");
      const { manifest, dir: backup } = createBackup(places, path.join(dir, "backups"), NOW);
      for (const { path: name } of manifest.files) {
        assert.equal(readFileSync(path.join(backup, name)).includes("canary-5e1f"), false, name);
      }
    }));

  it("is readable by nobody else", () =>
    check(({ dir, places }) => {
      const { dir: backup, manifest } = createBackup(places, path.join(dir, "backups"), NOW);
      for (const { path: name } of [...manifest.files, { path: MANIFEST }]) {
        const { mode } = statSync(path.join(backup, name));
        assert.equal(mode & 0o077, 0, name);
      }
    }));

  it("leaves out a dataset of which only the row is left, because it held something forgotten", () =>
    check(({ dir, places, store }) => {
      rmSync(places.datasets, { recursive: true });
      store.db.exec(`
        INSERT INTO forget_operations (id, kind, requested_at) VALUES ('f', 'everything', 1);
        INSERT INTO invalid_datasets VALUES ('d', 'f', 1);`);
      const { manifest } = createBackup(places, path.join(dir, "backups"), NOW);
      assert.equal(
        manifest.files.some(({ path: name }) => name.startsWith("datasets/")),
        false,
      );
    }));

  for (const [what, damage] of [
    ["a byte of the store", (dir: string) => flip(path.join(dir, "kept.db"))],
    ["a byte of an adapter", (dir: string) => flip(firstIn(path.join(dir, "files")))],
    ["a missing file", (dir: string) => rmSync(firstIn(path.join(dir, "files")))],
    ["a manifest cut short", (dir: string) => cut(path.join(dir, MANIFEST))],
    ["a manifest that names a path outside", (dir: string) => replace(path.join(dir, MANIFEST), "files/", "../x/")],
  ] as const) {
    it(`is refused with ${what} changed, and nothing is made of it`, () =>
      check(({ dir, places }) => {
        const { dir: backup } = createBackup(places, path.join(dir, "backups"), NOW);
        damage(backup);
        assert.throws(() => verifyBackup(backup), { code: "backup-damaged" });
        const to = path.join(dir, "restored");
        assert.throws(() => restoreBackup(backup, to), { code: "backup-damaged" });
        assert.equal(existsSync(to), false);
      }));
  }

  it("is still listed beside one whose manifest is damaged", () =>
    check(({ dir, places }) => {
      const folder = path.join(dir, "backups");
      const older = createBackup(places, folder, new Date(NOW.getTime() - 1_000)).dir;
      const newer = createBackup(places, folder, NOW).dir;
      cut(path.join(newer, MANIFEST));
      const { backups, damaged } = listBackups(folder);
      assert.deepEqual([backups.map((one) => one.dir), damaged.map((one) => one.dir)], [[older], [newer]]);
    }));

  it("is not made of a store whose file is damaged", () =>
    check(({ dir, places, adapter }) => {
      flip(path.join(places.files, adapter));
      assert.throws(() => createBackup(places, path.join(dir, "backups"), NOW), { code: "corrupt-store" });
      assert.deepEqual(readdirSync(path.join(dir, "backups")), []);
    }));

  it("never writes into a folder that holds something", () =>
    check(({ dir, places }) => {
      const { dir: backup } = createBackup(places, path.join(dir, "backups"), NOW);
      assert.throws(() => restoreBackup(backup, places.dataDir), { code: "invalid" });
    }));

  it("holds every event acknowledged before it began, taken while events come in", () =>
    check(async ({ dir, places, store }) => {
      const log = createLog({ level: "info", destination: places.log });
      const data = { database: places.database };
      await using writer = startEventWriter({ entry: writerEntry(), data, hub: createPushHub(), log });
      const session = sampleSession();
      const send = () => writer.take(JSON.stringify({ events: session.story("shown accepted") }));
      await Promise.all(Array.from({ length: 50 }, send));
      const acknowledged = store.events.watermark();
      const during = Array.from({ length: 300 }, send);
      const child = cli(places.dataDir, ["backup", "create", "--folder", path.join(dir, "backups"), "--json"]);
      const [code] = (await once(child, "close")) as [number];
      await Promise.all(during);
      assert.equal(code, 0);
      const [backup] = listBackups(path.join(dir, "backups")).backups;
      assert.ok(backup!.manifest.eventWatermark >= acknowledged);
      verifyBackup(backup!.dir);
    }));

  it("that was killed is never listed, wherever the kill came", () =>
    check(async ({ dir, places }) => {
      const folder = path.join(dir, "backups");
      const begun = () => existsSync(folder) && readdirSync(folder).some((name) => name.startsWith(".kept-"));
      for (let killed = 0; killed < 4; killed += 1) {
        const child = cli(places.dataDir, ["backup", "create", "--folder", folder]);
        const ended = once(child, "close");
        await Promise.race([until(() => begun() || null, 30_000), ended]);
        child.kill("SIGKILL");
        await ended;
        for (const backup of listBackups(folder).backups) verifyBackup(backup.dir);
        for (const name of existsSync(folder) ? readdirSync(folder) : []) {
          if (name.startsWith(".")) rmSync(path.join(folder, name), { recursive: true });
        }
      }
      assert.equal((await runCli(["--data-dir", places.dataDir, "backup", "create", "--folder", folder])).code, 0);
      assert.ok(listBackups(folder).backups.length >= 1);
    }));

  it("is made, listed, verified and restored from the command line", () =>
    check(async ({ dir, places }) => {
      const kept = async (...args: string[]) => {
        const { code, stdout, stderr } = await runCli(["--data-dir", places.dataDir, "backup", ...args, "--json"]);
        assert.equal(code, 0, stderr);
        return JSON.parse(stdout) as { dir: string; files: number; backups: { dir: string }[]; dataDir: string };
      };
      const made = await kept("create");
      assert.deepEqual(
        (await kept("list")).backups.map(({ dir }) => dir),
        [made.dir],
      );
      assert.equal((await kept("verify", made.dir)).files, made.files);
      assert.equal((await kept("restore", made.dir, "--to", path.join(dir, "new"))).dataDir, path.join(dir, "new"));
      assert.equal((await runCli(["backup", "verify", dir])).code, 3);
    }));
});

describe("a store of an earlier schema", () => {
  it("is copied aside before it is migrated, and holds the same events after", async () => {
    await using folder = await tempFolder();
    const file = path.join(folder.dir, "kept.db");
    const [shown] = sampleSession().story("shown");
    const old = new Database(file);
    old.exec(MIGRATIONS[0]!);
    old.pragma("user_version = 1");
    old
      .prepare(`INSERT INTO events (id, suggestion_id, session_id, kind, body, body_sha256, received_at)
                VALUES (?, ?, ?, 'shown', ?, 'x', 1)`)
      .run(shown!.id, shown!.suggestionId, shown!.sessionId, JSON.stringify(shown));
    old.close();
    using store = openStore(file);
    assert.equal(schemaVersion(store.db), MIGRATIONS.length);
    assert.equal(store.events.ledger().accepted, 1);
    assert.deepEqual(store.events.ofSuggestion(shown!.suggestionId), [shown]);
    const copy = new Database(`${file}.schema-1`, { readonly: true });
    assert.equal(schemaVersion(copy), 1);
    assert.equal(copy.prepare("SELECT count(*) FROM events").pluck().get(), 1);
    copy.close();
    store.removeCopies();
    assert.deepEqual(
      readdirSync(folder.dir).filter((name) => name.includes("schema")),
      [],
    );
  });
});

function cli(dataDir: string, args: readonly string[]) {
  const entry = path.resolve(import.meta.dirname, "../../../server/cli.ts");
  return spawn(process.execPath, [entry, "--data-dir", dataDir, ...args], { stdio: "ignore" });
}

const firstIn = (dir: string): string => path.join(dir, readdirSync(dir)[0]!);

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
}

const cut = (file: string): void => writeFileSync(file, readFileSync(file).subarray(0, 40));
const replace = (file: string, from: string, to: string): void =>
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(from, to));
