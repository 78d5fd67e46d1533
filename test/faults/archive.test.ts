import { createRandom } from "../../core/statistics/random.ts";
import { exportArchive } from "../../server/archive/export-archive.ts";
import { readSnapshot } from "../../server/datasets/snapshot.ts";
import { removeLeftovers } from "../../server/leftovers.ts";
import { dataPlaces } from "../../server/places.ts";
import { openContentFiles } from "../../server/registry/content-files.ts";
import { openStore } from "../../server/store/store.ts";
import { fillFolder } from "../integration/archive/filled-folder.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { runOnDisk } from "./power/cut-run.ts";
import { createPoweredFolder, type DiskFaults, type PoweredFolder } from "./power/power.ts";
import type { Unsynced } from "./power/rebuild-disk.ts";
import { faultSeed, isFullRun } from "./seed.ts";
import { sideBySide } from "./side-by-side.ts";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";

const PROGRAM = path.join(import.meta.dirname, "programs", "import-archive.ts");
/** Faults of each kind: a full run tries more places. */
const N_FAULTS = isFullRun ? 40 : 6;
const N_SUGGESTIONS = 40;
/** Events of the folder that is imported into, and of the archive. */
const BEFORE = 5;
const IMPORTED = N_SUGGESTIONS * 4 + 1;

describe("an archive that is taken in while the disk fails", function () {
  this.timeout(isFullRun ? 600_000 : 120_000);
  const random = createRandom(faultSeed);
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let archive: string;
  let nOperations: number;

  /** Imports into a folder that has something, on a disk of its own. */
  async function importOn(faults: DiskFaults, look: (disk: PoweredFolder, run: Run) => void): Promise<void> {
    using disk = createPoweredFolder();
    const dataDir = path.join(disk.root, "data");
    fillFolder(dataDir, 1);
    disk.settle();
    const start = disk.operations();
    const run = await runOnDisk(disk, [PROGRAM, dataDir, archive], faults);
    look(disk, { ...run, operations: disk.operations() - start });
  }

  before(async () => {
    folder = await tempFolder();
    const { places } = fillFolder(path.join(folder.dir, "from"), N_SUGGESTIONS);
    archive = path.join(folder.dir, "kept.tar");
    const { signal } = new AbortController();
    await exportArchive({ places, out: archive, now: new Date(1), signal, onProgress: () => {} });
    await importOn({}, (disk, { code, complaint, operations }) => {
      assert.equal(code, 0, complaint);
      assert.equal(eventsIn(disk), BEFORE + IMPORTED);
      nOperations = operations;
    });
    assert.ok(nOperations > 60, `${nOperations} operations`);
  });
  after(() => folder[Symbol.asyncDispose]());

  const somewhere = (): { at: number; seed: number }[] =>
    Array.from({ length: N_FAULTS }, () => ({
      at: 1 + Math.floor(random() * nOperations),
      seed: Math.floor(random() * 2 ** 31),
    }));

  for (const kind of ["lost", "partly-kept"] as const) {
    it(`is whole or not there after a power cut, with later writes ${kind}`, async () => {
      let nCut = 0;
      await sideBySide(somewhere(), async ({ at: cutAfter, seed }) => {
        const unsynced: Unsynced = kind === "lost" ? { kind } : { kind, seed };
        await importOn({ cutAfter }, (disk, { said }) => {
          if (!disk.isCut) return;
          nCut += 1;
          disk.restore(unsynced);
          const events = eventsIn(disk);
          // What was said to be in is in; otherwise it is whole, or not there.
          const allowed = said.length > 0 ? [BEFORE + IMPORTED] : [BEFORE, BEFORE + IMPORTED];
          assert.ok(allowed.includes(events), `${events} events after a cut at ${cutAfter}`);
        });
      });
      assert.ok(nCut > 0);
    });
  }

  for (const error of ["EIO", "ENOSPC"] as const) {
    it(`is whole or not there when an operation fails with ${error}, and says so`, async () => {
      await sideBySide(somewhere(), async ({ at: after }) => {
        await importOn({ refuse: { after, error } }, (disk, { code, said }) => {
          disk.makeRoom();
          const events = eventsIn(disk);
          assert.ok([BEFORE, BEFORE + IMPORTED].includes(events), `${events} events after ${error} at ${after}`);
          if (said.length > 0) assert.equal(events, BEFORE + IMPORTED);
          if (code === 0) assert.equal(said.length, 1);
        });
      });
    });
  }
});

interface Run {
  readonly said: readonly string[];
  readonly code: number | string;
  readonly complaint: string;
  readonly operations: number;
}

/** Events of a store of which everything that it names is there and whole, and nothing else after the next start. */
function eventsIn(disk: PoweredFolder): number {
  const places = dataPlaces(path.join(disk.root, "data"));
  using store = openStore(places.database);
  assert.equal(store.db.pragma("integrity_check", { simple: true }), "ok");
  assert.deepEqual(store.db.pragma("foreign_key_check"), []);
  removeLeftovers(places, store);
  const files = openContentFiles(places.files);
  const versions = store.versions.list(10);
  for (const { sha256 } of versions.flatMap((version) => version.files)) files.read(sha256);
  const datasets = store.datasets.list(10);
  for (const { sha256 } of datasets) readSnapshot(places.datasets, sha256);
  const named = new Set(versions.flatMap((version) => version.files.map(({ sha256 }) => sha256)));
  assert.deepEqual(readdirSync(places.files).toSorted(), [...named].toSorted());
  assert.equal(readdirSync(places.datasets).length, datasets.length);
  assert.deepEqual(
    readdirSync(places.dataDir).filter((name) => name.endsWith(".tmp")),
    [],
  );
  assert.equal(store.events.ledger().accepted, store.events.count());
  return store.events.count();
}
