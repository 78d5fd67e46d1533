import { DEFAULT_MAX_BYTES } from "../../../server/archive/layout.ts";
import { exportArchive } from "../../../server/archive/export-archive.ts";
import { importArchive } from "../../../server/archive/import-archive.ts";
import { createBackup } from "../../../server/backup/create.ts";
import { deriveSuggestions } from "../../../server/labels/derive.ts";
import { changeRetention, readRetention } from "../../../server/retention/retention-settings.ts";
import { plannedSweep, sweep } from "../../../server/retention/sweep.ts";
import type { DataPlaces } from "../../../server/places.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import { feedbackRows } from "../../../server/datasets/feedback-rows.ts";
import { runningApp } from "../../server/running-app.ts";
import { sampleSession } from "../../server/sample-events.ts";
import { runCli, until } from "../../server/server-process.ts";
import { storeEvents } from "../../server/store-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { addVersion, adapterWeights, fillFolder } from "../archive/filled-folder.ts";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

const DAY_MS = 86_400_000;

interface Case {
  readonly dir: string;
  readonly places: DataPlaces;
  readonly store: Store;
  readonly ids: readonly string[];
  readonly version: string;
  readonly dataset: string;
  /** Sweeps at a time, days from now; once a week on the way, as a server that runs does. */
  later(days: number): Promise<Awaited<ReturnType<typeof sweep>>>;
  at(days: number, signal?: AbortSignal): Parameters<typeof sweep>[0];
  age(sql: string, days: number): void;
}

async function check(body: (one: Case) => Promise<void>, nSuggestions = 4): Promise<void> {
  await using folder = await tempFolder();
  const { places, suggestionIds: ids, version, dataset } = fillFolder(path.join(folder.dir, "data"), nSuggestions);
  using store = openStore(places.database);
  const start = Date.now();
  const at: Case["at"] = (days, signal = new AbortController().signal) => ({
    store,
    places,
    clock: { wallMs: () => start + days * DAY_MS, monotonicMs: () => 0 },
    derive: (some) => deriveSuggestions(store, some),
    signal,
  });
  await body({
    dir: folder.dir,
    places,
    store,
    ids,
    version,
    dataset,
    at,
    async later(days) {
      let last = await sweep(at(0));
      for (let day = 6; day < days; day += 6) last = add(last, await sweep(at(day)));
      return add(last, await sweep(at(days)));
    },
    /** Makes rows older than they are: events never change, but their times of arrival are the server's own. */
    age(sql, days) {
      store.db.exec("DROP TRIGGER events_never_change");
      store.db.prepare(`UPDATE events SET received_at = received_at + ? WHERE ${sql}`).run(days * DAY_MS);
      store.db.exec(
        "CREATE TRIGGER events_never_change BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
      );
    },
  });
}

type Report = Awaited<ReturnType<typeof sweep>>;
const add = (one: Report, other: Report): Report =>
  Object.fromEntries(
    Object.entries(other).map(([name, value]) => [
      name,
      typeof value === "number" ? value + (one[name as keyof Report] as number) : value,
    ]),
  ) as unknown as Report;

describe("a sweep", function () {
  this.timeout(60_000);

  it("deletes nothing that a person did unless that person says so", () =>
    check(async ({ store, later }) => {
      const before = store.events.count();
      const { suggestions, events, stripped } = await later(4_000);
      assert.deepEqual([suggestions, events, stripped, store.events.count()], [0, 0, 0, before]);
    }));

  it("deletes suggestions with all that follows from them, and what comes late for them", () =>
    check(async ({ store, places, ids, later, age }) => {
      const session = sampleSession();
      storeEvents(store, session.story("shown accepted"));
      age("sequence <= 17", -40);
      storeEvents(store, [session.of("survived", ids[0]!)]);
      changeRetention(store.settings, { events: 30 }, 1);
      const report = await later(1);
      assert.deepEqual([report.suggestions, report.events], [4, 18]);
      assert.equal(store.suggestions.count(), 1);
      assert.equal(store.events.count(), 2);
      for (const id of ids) {
        assert.equal(bytesHave(places, id.slice(0, 36)) && holdsInStore(store, id), false);
        assert.equal(store.labels.get(id), null);
      }
      // A stray event of a suggestion that is gone goes when its own time is over.
      storeEvents(store, [session.of("survived", ids[1]!)]);
      assert.equal(store.events.count(), 3);
      assert.equal((await later(40)).events, 3);
      assert.equal(store.events.count(), 0);
    }));

  it("leaves no byte of what it deleted in the store", () =>
    check(async ({ store, places, ids, later }) => {
      changeRetention(store.settings, { events: 30, datasets: 1 }, 1);
      const canary = `return ${ids[1]!};`;
      assert.ok(bytesHave(places, canary));
      await later(40);
      assert.equal(bytesHave(places, canary), false);
    }));

  it("takes the code out of events and leaves outcomes, labels and places", () =>
    check(async ({ store, places, ids, later }) => {
      const before = ids.map((id) => store.suggestions.get(id)!);
      changeRetention(store.settings, { code: 30, datasets: 1 }, 1);
      const report = await later(40);
      assert.equal(report.stripped, 4);
      for (const [at, id] of ids.entries()) {
        const after = store.suggestions.get(id)!;
        assert.deepEqual(
          { ...after, label: after.label?.verdict },
          { ...before[at], completion: "", label: before[at]?.label?.verdict },
        );
        assert.equal(bytesHave(places, `return ${id};`), false);
      }
      assert.deepEqual(store.examples.list(null, 10), []);
      assert.deepEqual(feedbackRows(store), []);
      assert.equal((await later(50)).stripped, 0);
    }));

  it("deletes rows of datasets, but for the newest and those of versions that serve", () =>
    check(async ({ store, places, ids, dataset, version, later, dir }) => {
      const other = addVersion(store, places, ids[1]!, adapterWeights(0.25));
      const newest = addVersion(store, places, ids[2]!, adapterWeights(0.125));
      store.versions.moveAlias({ alias: "champion", expected: newest.version, to: other.version, reason: "" }, 1);
      for (const alias of ["previous", "candidate"] as const) {
        const expected = store.versions.alias(alias);
        store.versions.moveAlias({ alias, expected, to: null, reason: "" }, 1);
      }
      assert.equal((await later(170)).datasets, 0);
      assert.equal((await later(190)).datasets, 1);
      assert.deepEqual(readdirSync(places.datasets).toSorted(), [other.dataset, newest.dataset].toSorted());
      assert.equal(store.datasets.bySha256(dataset)?.expired, true);
      assert.ok(store.versions.get(version));
      // Backups and archives know that the rows are gone.
      createBackup(places, path.join(dir, "backups"), new Date(1));
      const out = path.join(dir, "kept.tar");
      const { signal } = new AbortController();
      await exportArchive({ places, out, now: new Date(1), signal, onProgress: () => {} });
      const to = path.join(dir, "to");
      const imported = await importArchive({
        dataDir: to,
        file: out,
        maxBytes: DEFAULT_MAX_BYTES,
        signal,
        onProgress: () => {},
      });
      assert.deepEqual(imported.datasets, { new: 3, known: 0, withheld: 0 });
    }));

  it("deletes folders of runs that have ended and unpacked adapters that nobody serves", () =>
    check(async ({ store, places, ids, version, later }) => {
      const old = readdirSync(places.runs);
      const serving = addVersion(store, places, ids[1]!, adapterWeights(0.25)).version;
      for (const alias of ["previous", "candidate"] as const) {
        store.versions.moveAlias({ alias, expected: store.versions.alias(alias), to: null, reason: "" }, 1);
      }
      for (const id of [version, serving]) mkdirSync(path.join(places.adapters, id));
      mkdirSync(path.join(places.runs, "unknown"));
      store.db.prepare("UPDATE runs SET finished_at = ?").run(Date.now());
      const report = await later(40);
      assert.equal(report.folders, 3);
      assert.ok(report.freedBytes > 0);
      assert.deepEqual(readdirSync(places.adapters), [serving]);
      assert.deepEqual(readdirSync(places.runs), ["unknown"]);
      assert.equal(existsSync(path.join(places.runs, old[0]!)), false);
      assert.equal(store.runs.list(10).length, 2);
    }));

  it("gives the space of what it deleted back", () =>
    check(async ({ store, places, later }) => {
      store.db.pragma("wal_checkpoint(TRUNCATE)");
      const before = statSync(places.database).size;
      changeRetention(store.settings, { events: 30 }, 1);
      const { freedBytes } = await later(40);
      store.db.pragma("wal_checkpoint(TRUNCATE)");
      const after = statSync(places.database).size;
      assert.ok(after < before / 2, `${before} bytes became ${after}`);
      assert.ok(freedBytes > 0);
    }, 400));

  it("says beforehand what it would delete, and changes nothing", () =>
    check(async ({ store, at, later }) => {
      changeRetention(store.settings, { events: 30, code: 20, datasets: 10 }, 1);
      await sweep(at(0));
      const before = store.events.count();
      const planned = await plannedSweep(at(7));
      assert.deepEqual([planned.events, store.events.count()], [0, before]);
      for (let day = 6; day < 36; day += 6) await sweep({ ...at(day) });
      const soon = await plannedSweep(at(42));
      assert.equal(store.events.count() > 0, soon.events > 0);
      await later(60);
      assert.equal(store.events.count(), 0);
    }));

  it("can be stopped anywhere, and goes on", () =>
    check(async ({ store, at }) => {
      changeRetention(store.settings, { events: 1 }, 1);
      await sweep(at(0));
      const stop = new AbortController();
      const parts = { ...at(6, stop.signal), onProgress: () => stop.abort(new Error("Stopped.")) };
      await assert.rejects(sweep(parts), /Stopped/);
      const left = store.suggestions.count();
      assert.ok(left > 0 && left < 100, `${left} are left`);
      assert.equal((await sweep(at(6))).suggestions, left);
      assert.equal(store.db.pragma("integrity_check", { simple: true }), "ok");
    }, 100));

  it("brings nothing back that is forgotten while it sweeps", () =>
    check(async ({ store, at, ids }) => {
      changeRetention(store.settings, { code: 1 }, 1);
      await sweep(at(0));
      let hasForgotten = false;
      const onProgress = (): void => {
        if (hasForgotten) return;
        hasForgotten = true;
        store.transaction(() => store.erasure.deleteSuggestions(ids));
      };
      const { stripped } = await sweep({ ...at(6), onProgress });
      assert.ok(hasForgotten && stripped > 0 && stripped < 60, `${stripped} were stripped`);
      assert.equal(store.events.count(), 0);
    }, 60));

  describe("with a clock that is wrong (F21)", () => {
    it("deletes nothing after a jump of ten years ahead", () =>
      check(async ({ store, at }) => {
        changeRetention(store.settings, { events: 30, code: 30, datasets: 30, runs: 30 }, 1);
        await sweep(at(0));
        const report = await sweep(at(3_653));
        assert.deepEqual([report.events, report.stripped, report.datasets], [0, 0, 0]);
        assert.equal((await sweep(at(1))).events, 0);
        assert.ok(store.events.count() > 0);
      }));

    it("deletes nothing that came while it stood ten years back", () =>
      check(async ({ store, at, age }) => {
        const fresh = sampleSession().story("shown accepted");
        storeEvents(store, fresh);
        age("sequence > 17", -3_653);
        changeRetention(store.settings, { events: 30, code: 30 }, 1);
        assert.equal((await sweep(at(1))).events, 0);
        assert.equal(store.events.ofSuggestion(fresh[0]!.suggestionId).length, 2);
      }));

    it("deletes nothing at its first sweep, years ahead", () =>
      check(async ({ store, at }) => {
        changeRetention(store.settings, { events: 30, code: 30, datasets: 30 }, 1);
        assert.deepEqual((await sweep(at(3_653))).events, 0);
        assert.ok(store.events.count() > 0);
      }));
  });
});

describe("retention", function () {
  this.timeout(60_000);

  it("has defaults, and what cannot be read counts as never set", async () => {
    await using folder = await tempFolder();
    using store = openStore(path.join(folder.dir, "kept.db"));
    assert.deepEqual(readRetention(store.settings), { events: null, code: null, datasets: 180, runs: 30 });
    changeRetention(store.settings, { code: 90 }, 1);
    assert.deepEqual(readRetention(store.settings), { events: null, code: 90, datasets: 180, runs: 30 });
    store.settings.put("retention", { events: "x" }, 2);
    assert.deepEqual(readRetention(store.settings), { events: null, code: null, datasets: 180, runs: 30 });
  });

  it("is set, shown and done from the command line, also while a server runs", async () => {
    await using running = await runningApp();
    const { dataDir } = running.app.places;
    const kept = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli(["--data-dir", dataDir, "retention", ...args]);
      return { code, stderr, value: stdout === "" ? null : (JSON.parse(stdout) as Record<string, unknown>) };
    };
    const set = await kept("set", "--code", "90", "--runs", "never", "--json");
    assert.deepEqual(set.value, { days: { events: null, code: 90, datasets: 180, runs: null } }, set.stderr);
    assert.equal((await kept("set")).code, 2);
    assert.equal((await kept("set", "--code", "0")).code, 2);
    assert.equal((await kept("run", "--dry-run", "--json")).value?.["dryRun"], true);
    assert.equal((await kept("run", "--json")).code, 0);
    const shown = await kept("show", "--json");
    assert.equal((shown.value as { sweeps: unknown[] }).sweeps.length, 1);
  });

  it("is done by the server itself, which says so in its log", async () => {
    await using running = await runningApp({ sweepAfterMs: 10 });
    const log = path.join(running.dir, "test.log");
    await until(() => (readFileSync(log, "utf8").includes('"event":"swept"') ? true : null), 20_000);
    assert.equal((await running.call("GET", "/v1/status")).status, 200);
  });
});

/** Whether any file of the store has the text. */
function bytesHave({ dataDir }: DataPlaces, text: string): boolean {
  return readdirSync(dataDir, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && readFileSync(path.join(entry.parentPath, entry.name)).includes(text),
  );
}

const holdsInStore = (store: Store, id: string): boolean =>
  store.db.prepare("SELECT 1 FROM suggestions WHERE id = ?").get(id) !== undefined;
