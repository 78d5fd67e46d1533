import { exportArchive } from "../../../server/archive/export-archive.ts";
import { importArchive, tryImport, type ImportReport } from "../../../server/archive/import-archive.ts";
import { DEFAULT_MAX_BYTES, type ArchiveManifest } from "../../../server/archive/layout.ts";
import { startEventWriter } from "../../../server/ingest/event-writer.ts";
import { createLog } from "../../../server/log.ts";
import { dataPlaces, writerEntry } from "../../../server/places.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { openStore } from "../../../server/store/store.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { runCli, until } from "../../server/server-process.ts";
import { storeEvents } from "../../server/store-events.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { addVersion, adapterWeights, fillFolder, type FilledFolder } from "./filled-folder.ts";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

interface Case {
  readonly dir: string;
  readonly from: FilledFolder;
  /** Exports a data folder into a file of its own. */
  save(dataDir: string, name?: string): Promise<{ file: string; manifest: ArchiveManifest }>;
  /** Imports a file into a data folder. */
  load(dataDir: string, file: string, signal?: AbortSignal): Promise<ImportReport>;
}

async function check(body: (one: Case) => Promise<void>, nSuggestions = 3): Promise<void> {
  await using folder = await tempFolder();
  const { dir } = folder;
  let nFiles = 0;
  await body({
    dir,
    from: fillFolder(path.join(dir, "from"), nSuggestions),
    async save(dataDir, name = `${nFiles++}.tar.gz`) {
      const file = path.join(dir, name);
      return { file, manifest: await exportArchive({ ...request(dataDir), out: file }) };
    },
    load: (dataDir, file, signal = new AbortController().signal) =>
      importArchive({ dataDir, file, maxBytes: DEFAULT_MAX_BYTES, signal, onProgress: () => {} }),
  });
}

const NOW = new Date("2026-11-22T10:00:00Z");
const request = (dataDir: string) => ({
  places: dataPlaces(dataDir),
  now: NOW,
  signal: new AbortController().signal,
  onProgress: () => {},
});

/** The state of a data folder: names, sizes and hashes of all that an export has, without its own times. */
const state = ({ manifest }: { manifest: ArchiveManifest }) => manifest.members;
const NOTHING_NEW = { new: 0, known: 0, different: 0, forgotten: 0 };

describe("an archive", function () {
  this.timeout(60_000);

  for (const name of ["kept.tar.gz", "kept.tar"]) {
    it(`brings an equal state to another folder, as ${name}`, () =>
      check(async ({ dir, from, save, load }) => {
        const saved = await save(from.places.dataDir, name);
        const to = path.join(dir, "to");
        const report = await load(to, saved.file);
        assert.deepEqual(report.events, { ...NOTHING_NEW, new: 13 });
        assert.deepEqual(report.versions, { new: 1, known: 0 });
        assert.equal(report.takenOver, true);
        assert.deepEqual(state(await save(to)), state(saved));
        using store = openStore(dataPlaces(to).database);
        const [weights] = store.versions.get(from.version)!.files.slice(1);
        assert.deepEqual(openContentFiles(dataPlaces(to).files).read(weights!.sha256), Buffer.from(adapterWeights()));
        assert.equal(store.versions.alias("champion"), from.version);
        assert.equal(store.events.ledger().accepted, store.events.count());
        assert.equal(store.db.pragma("integrity_check", { simple: true }), "ok");
      }));
  }

  it("imported twice changes nothing the second time", () =>
    check(async ({ dir, from, save, load }) => {
      const saved = await save(from.places.dataDir);
      const to = path.join(dir, "to");
      await load(to, saved.file);
      const report = await load(to, saved.file);
      assert.deepEqual(report.events, { ...NOTHING_NEW, known: 13 });
      assert.deepEqual(
        [report.datasets, report.versions],
        [
          { new: 0, known: 1, withheld: 0 },
          { new: 0, known: 1 },
        ],
      );
      assert.equal(report.takenOver, false);
      assert.deepEqual(state(await save(to)), state(saved));
    }));

  it("joins what is there, and leaves alone what is served there", () =>
    check(async ({ dir, from, save, load }) => {
      const other = fillFolder(path.join(dir, "other"), 2);
      const saved = await save(from.places.dataDir);
      const report = await load(other.places.dataDir, saved.file);
      assert.deepEqual(report.events, { ...NOTHING_NEW, new: 13 });
      using store = openStore(other.places.database);
      assert.equal(store.events.count(), 13 + 9);
      assert.equal(store.suggestions.count(), 5);
      assert.equal(store.versions.alias("champion"), other.version);
      assert.ok(store.versions.get(from.version));
      const { good } = store.labels.counts();
      assert.equal(good, 5);
    }));

  it("leaves an event alone that is there with another text", () =>
    check(async ({ dir, from, save, load }) => {
      const saved = await save(from.places.dataDir);
      const to = path.join(dir, "to");
      await load(to, saved.file);
      {
        using store = openStore(dataPlaces(to).database);
        const [shown] = store.events.ofSuggestion(from.suggestionIds[1]!);
        assert.ok(shown?.kind === "shown");
        const { sequence } = store.db.prepare("SELECT sequence FROM events WHERE id = ?").get(shown.id) as {
          sequence: number;
        };
        store.erasure.replaceEvent(sequence, { ...shown, completion: "mine" });
      }
      assert.equal((await load(to, saved.file)).events.different, 1);
      using store = openStore(dataPlaces(to).database);
      const [shown] = store.events.ofSuggestion(from.suggestionIds[1]!);
      assert.equal(shown?.kind === "shown" && shown.completion, "mine");
    }));

  it("does not bring back what was forgotten since (G64)", () =>
    check(async ({ from, save, load }) => {
      const saved = await save(from.places.dataDir);
      const [forgotten] = from.suggestionIds;
      {
        using store = openStore(from.places.database);
        const scope = { kind: "suggestions" as const, ids: [forgotten!] };
        store.forget.begin({ id: uuidv7(), requestedAtMs: Date.now(), scope });
        store.transaction(() => store.erasure.deleteSuggestions([forgotten!]));
      }
      const report = await load(from.places.dataDir, saved.file);
      assert.deepEqual(report.events, { ...NOTHING_NEW, known: 8, forgotten: 5 });
      using store = openStore(from.places.database);
      assert.equal(store.suggestions.get(forgotten!), null);
    }));

  it("brings a dataset without its rows when something in them was forgotten there", () =>
    check(async ({ dir, from, save, load }) => {
      const saved = await save(from.places.dataDir);
      const to = path.join(dir, "to");
      const other = fillFolder(to, 1);
      {
        using store = openStore(other.places.database);
        const scope = { kind: "suggestions" as const, ids: [from.suggestionIds[0]!] };
        const id = uuidv7();
        store.forget.begin({ id, requestedAtMs: Date.now(), scope });
        store.forget.finish(id, Date.now());
      }
      const report = await load(to, saved.file);
      assert.deepEqual(report.datasets, { new: 1, known: 0, withheld: 1 });
      assert.equal(existsSync(path.join(other.places.datasets, from.dataset)), false);
      using store = openStore(other.places.database);
      assert.equal(store.versions.get(from.version)?.tainted, true);
      assert.equal(grep(other.places.datasets, from.suggestionIds[0]!), 0);
    }));

  it("has no token, no log, no name of a forgotten file, and is readable by nobody else", () =>
    check(async ({ from, save, load, dir }) => {
      {
        using store = openStore(from.places.database);
        const files = [{ root: "/projects/demo", path: "canary-5e1f.ts" }];
        const id = uuidv7();
        store.forget.begin({ id, requestedAtMs: Date.now(), scope: { kind: "files", files } });
        store.forget.finish(id, Date.now());
        const put = store.db.prepare("INSERT INTO settings VALUES (?, ?, 1)");
        put.run("egress", '{"allow":["canary-5e1f"]}');
        put.run("retention", "{}");
      }
      writeFileSync(from.places.runtimeFile, '{"token":"canary-5e1f"}');
      writeFileSync(from.places.log, "canary-5e1f");
      const { file } = await save(from.places.dataDir, "plain.tar");
      const bytes = readFileSync(file);
      assert.equal(bytes.includes("canary-5e1f"), false);
      {
        using store = openStore(from.places.database);
        const key = store.db.prepare("SELECT key FROM forget_key").pluck().get() as Buffer;
        assert.equal(bytes.includes(key), false);
        const rule = store.db.prepare("SELECT place FROM forget_rules").pluck().get() as string;
        assert.equal(bytes.includes(rule), false);
      }
      assert.equal(statSync(file).mode & 0o077, 0);
      await load(path.join(dir, "to"), file);
      using store = openStore(dataPlaces(path.join(dir, "to")).database);
      assert.deepEqual(store.db.prepare("SELECT name FROM settings").pluck().all(), ["retention"]);
    }));

  it("tells with --dry-run what it would do, and changes nothing", () =>
    check(async ({ dir, from, save }) => {
      const saved = await save(from.places.dataDir);
      const to = path.join(dir, "to");
      const signal = new AbortController().signal;
      const maxBytes = DEFAULT_MAX_BYTES;
      const report = await tryImport({ dataDir: to, file: saved.file, maxBytes, signal, onProgress: () => {} });
      assert.equal(report.events.new, 13);
      assert.equal(existsSync(to), false);
    }));

  it("with weights that are not finite is taken in and not served (G33)", () =>
    check(async ({ dir, from, save, load }) => {
      let bad: string;
      {
        using store = openStore(from.places.database);
        bad = addVersion(store, from.places, from.suggestionIds[1]!, adapterWeights(Number.NaN)).version;
      }
      const report = await load(path.join(dir, "to"), (await save(from.places.dataDir)).file);
      assert.deepEqual(report.unsound, [bad]);
      using store = openStore(dataPlaces(path.join(dir, "to")).database);
      assert.ok(store.versions.get(bad));
      assert.equal(store.versions.alias("champion"), null);
    }));

  it("holds every event acknowledged before it began, taken while events come in", () =>
    check(async ({ dir, from }) => {
      const { places } = from;
      const log = createLog({ level: "info", destination: places.log });
      const data = { database: places.database };
      await using writer = startEventWriter({ entry: writerEntry(), data, hub: createPushHub(), log });
      const session = sampleSession();
      const send = () => writer.take(JSON.stringify({ events: session.story("shown accepted") }));
      await Promise.all(Array.from({ length: 50 }, send));
      const acknowledged = 13 + 100;
      const during = Array.from({ length: 300 }, send);
      const file = path.join(dir, "kept.tar.gz");
      const exported = await runCli(["--data-dir", places.dataDir, "export", "archive", file, "--json"]);
      await Promise.all(during);
      assert.equal(exported.code, 0, exported.stderr);
      const { eventWatermark } = JSON.parse(exported.stdout) as { eventWatermark: number };
      assert.ok(eventWatermark >= acknowledged);
      const imported = await runCli(["--data-dir", path.join(dir, "to"), "import", file, "--json"]);
      assert.equal(imported.code, 0, imported.stderr);
      assert.equal((JSON.parse(imported.stdout) as ImportReport).events.new, eventWatermark);
    }));

  it("that is stopped in the middle leaves everything as it was", () =>
    check(async ({ dir, from, save, load }) => {
      const saved = await save(from.places.dataDir);
      const to = path.join(dir, "to");
      const other = fillFolder(to, 1);
      const before = state(await save(to));
      const stop = new AbortController();
      let nSteps = 0;
      const stopped = importArchive({
        dataDir: to,
        file: saved.file,
        maxBytes: DEFAULT_MAX_BYTES,
        signal: stop.signal,
        onProgress: (step) => {
          if (step === "storing" && nSteps++ === 1) stop.abort(new Error("Stopped."));
        },
      });
      await assert.rejects(stopped, /Stopped/);
      assert.deepEqual(state(await save(to)), before);
      assert.deepEqual(leftovers(other.places.dataDir), []);
      assert.equal((await load(to, saved.file)).events.new, 600 * 4 + 1);
    }, 600));

  it("whose import is killed anywhere is not in the folder, or is whole", () =>
    check(async ({ dir, from, save }) => {
      const saved = await save(from.places.dataDir);
      const to = path.join(dir, "to");
      const other = fillFolder(to, 1);
      const before = state(await save(to));
      const all = 400 * 4 + 1;
      for (const waitFor of ["lock", "begun", "stored"] as const) {
        const child = spawn(process.execPath, [CLI, "--data-dir", to, "import", saved.file], { stdio: "ignore" });
        const ended = once(child, "close");
        const reached = (): true | null => {
          const names = readdirSync(to);
          if (waitFor === "lock") return names.some((name) => name.startsWith("import-")) || null;
          if (waitFor === "begun") return existsSync(path.join(other.places.datasets, from.dataset)) || null;
          const stored = statSync(`${other.places.database}-wal`, { throwIfNoEntry: false });
          return (stored?.size ?? 0) > 0 || null;
        };
        await Promise.race([until(reached, 30_000), ended]);
        child.kill("SIGKILL");
        await ended;
        const n = nEvents(other.places.database);
        assert.ok(n === 5 || n === 5 + all, `${n} events after a kill at ${waitFor}`);
        if (n === 5) assert.deepEqual(state(await save(to)).filter(isStored), before.filter(isStored));
      }
      const done = await runCli(["--data-dir", to, "import", saved.file, "--json"]);
      assert.equal(done.code, 0, done.stderr);
      assert.equal(nEvents(other.places.database), 5 + all);
    }, 400));

  it("is refused while a server has the folder, and an export never overwrites", () =>
    check(async ({ from, save, dir }) => {
      const { file } = await save(from.places.dataDir);
      const again = await runCli(["--data-dir", from.places.dataDir, "export", "archive", file]);
      assert.deepEqual([again.code, /\(invalid\)/.test(again.stderr)], [1, true]);
      assert.equal((await runCli(["--data-dir", path.join(dir, "none"), "export", "archive", file])).code, 3);
      assert.equal((await runCli(["--data-dir", from.places.dataDir, "import", path.join(dir, "none.tar")])).code, 3);
      const { acquireInstanceLock } = await import("../../../server/instance-lock.ts");
      using _lock = acquireInstanceLock(from.places.lock);
      const refused = await runCli(["--data-dir", from.places.dataDir, "import", file]);
      assert.deepEqual([refused.code, /\(already-running\)/.test(refused.stderr)], [1, true]);
    }));

  it("holds the newest example last, as it was served", () =>
    check(async ({ dir, from, save, load }) => {
      const session = sampleSession();
      {
        using store = openStore(from.places.database);
        const shown = shownWith(session, from.suggestionIds[2]!, { path: `src/${from.suggestionIds[2]!}.ts` });
        storeEvents(store, [{ ...session.of("rated", shown.suggestionId) }]);
      }
      const to = path.join(dir, "to");
      await load(to, (await save(from.places.dataDir)).file);
      using before = openStore(from.places.database);
      using after = openStore(dataPlaces(to).database);
      assert.deepEqual(after.examples.list(null, 10), before.examples.list(null, 10));
    }));
});

const CLI = path.resolve(import.meta.dirname, "../../../server/cli.ts");
/** Members whose content is not computed again by the next start. */
const isStored = ({ path: name }: { path: string }): boolean => !/^(suggestions|labels|examples)\.jsonl$/.test(name);

function nEvents(database: string): number {
  using store = openStore(database);
  return store.events.count();
}

const leftovers = (dataDir: string): string[] => readdirSync(dataDir).filter((name) => name.endsWith(".tmp"));

/** Files below a folder that hold a text. */
const grep = (dir: string, text: string): number =>
  readdirSync(dir, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && readFileSync(path.join(entry.parentPath, entry.name)).includes(text),
  ).length;
