import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { createRandom } from "../../core/statistics/random.ts";
import { listBackups, verifyBackup } from "../../server/backup/backup-folder.ts";
import { dataPlaces } from "../../server/places.ts";
import { openContentFiles } from "../../server/registry/content-files.ts";
import { openStore, type Store } from "../../server/store/store.ts";
import { loadRunCheckpoint } from "../../server/training/onnx/run-checkpoint.ts";
import { createPoweredFolder, type PoweredFolder } from "./power/power.ts";
import { runOnDisk } from "./power/cut-run.ts";
import { faultSeed, isFullRun } from "./seed.ts";
import { sideBySide } from "./side-by-side.ts";

const program = (name: string): string => path.join(import.meta.dirname, "programs", `${name}.ts`);
const random = createRandom(faultSeed);

/** F05: every operation of a full run, some of a quick one, fails once with EIO, or from then on with ENOSPC. */
function places(upTo: number): { after: number; error: "EIO" | "ENOSPC" }[] {
  const all = Array.from({ length: upTo }, (_, i) => i + 1);
  const some = isFullRun ? all : Array.from({ length: 6 }, () => 1 + Math.floor(random() * upTo));
  return some.map((after, i) => ({ after, error: i % 2 === 0 ? "EIO" : "ENOSPC" }));
}

async function sweep(
  upTo: number,
  prepare: (root: string) => readonly string[],
  check: (root: string, said: readonly string[], folder: PoweredFolder) => void,
): Promise<void> {
  let nFailed = 0;
  await sideBySide(places(upTo), async (refuse) => {
    using folder = createPoweredFolder();
    const args = prepare(folder.root);
    folder.settle();
    const { said, code } = await runOnDisk(folder, args, { refuse });
    if (code !== 0) nFailed += 1;
    check(folder.root, said, folder);
  });
  assert.ok(nFailed > 0, "no operation failed: the sweep tested nothing");
}

const sound = (store: Store): void => assert.equal(store.db.pragma("integrity_check", { simple: true }), "ok");

describe("F05 when one operation of the disk fails", function () {
  this.timeout(isFullRun ? 900_000 : 120_000);

  it("no event is acknowledged that is not stored", () =>
    sweep(
      200,
      (root) => [program("store-events"), path.join(root, "data"), "FULL"],
      (root, said) => {
        const { database } = dataPlaces(path.join(root, "data"));
        if (!existsSync(database)) return assert.equal(said.length, 0);
        using store = openStore(database);
        sound(store);
        const stored = new Set(store.db.prepare("SELECT id FROM events").pluck().all());
        assert.deepEqual(
          said.filter((id) => !stored.has(id)),
          [],
        );
      },
    ));

  it("a checkpoint is the last that was saved, or the one before it", () =>
    sweep(
      120,
      (root) => {
        mkdirSync(path.join(root, "run"));
        return [program("save-checkpoints"), path.join(root, "run")];
      },
      (root, said) => {
        const saved = Number(said.at(-1) ?? 0);
        const found = loadRunCheckpoint(path.join(root, "run"), "job")?.step ?? 0;
        assert.ok(found === saved || found === saved + 1, `${found} after ${saved}`);
      },
    ));

  it("the champion is the old version or the new one, and whole", () =>
    sweep(
      200,
      (root) => [program("switch-alias"), path.join(root, "data"), "files-first"],
      (root, said) => {
        const { database, files } = dataPlaces(path.join(root, "data"));
        if (!existsSync(database)) return assert.equal(said.length, 0);
        using store = openStore(database);
        sound(store);
        const champion = store.versions.alias("champion");
        if (champion === null) return assert.equal(said.length, 0);
        for (const { sha256 } of store.versions.get(champion)!.files) openContentFiles(files).read(sha256);
        if (said.includes(champion)) assert.equal(champion, said.at(-1));
      },
    ));

  it("a backup is whole or is not there", () =>
    sweep(
      60,
      (root) => {
        const { dataDir, database } = dataPlaces(path.join(root, "data"));
        mkdirSync(dataDir);
        openStore(database)[Symbol.dispose]();
        return [program("back-up"), dataDir, path.join(root, "backups")];
      },
      (root, said) => {
        const backups = listBackups(path.join(root, "backups")).backups.map(({ dir }) => dir);
        for (const dir of backups) verifyBackup(dir);
        assert.deepEqual(
          said.filter((dir) => !backups.includes(dir)),
          [],
        );
      },
    ));
});
