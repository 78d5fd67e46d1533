// Registers versions and makes each the champion, and says its id when that is done.
// node switch-alias.ts <data folder> <files-first | alias-first>
// `alias-first` does it wrongly: the alias stands before the files are there. It tests the test.
import { prepareDataDir } from "../../../server/data-dir.ts";
import { systemClock } from "../../../server/clock.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { createRegistry } from "../../../server/registry/registry.ts";
import { openStore } from "../../../server/store/store.ts";
import { mkdtempSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const [dataDir = "", order = "files-first"] = process.argv.slice(2);
const places = prepareDataDir(dataDir);
const store = openStore(places.database);
const stored = openContentFiles(places.files);
const late: (() => void)[] = [];
const files =
  order === "files-first"
    ? stored
    : {
        put: (name: string, bytes: Uint8Array) => {
          late.push(() => stored.put(name, bytes));
          return unwritten.put(name, bytes);
        },
        // What is promised here is not on the disk yet.
        read: (sha256: string) => unwritten.read(sha256),
      };
const unwritten = openContentFiles(mkdtempSync(path.join(tmpdir(), "kept-unwritten-")));
const registry = createRegistry({
  store,
  files,
  clock: systemClock,
  hub: createPushHub(),
  adaptersDir: places.adapters,
  base: () => "b",
});
store.db.exec(`
  INSERT OR IGNORE INTO datasets VALUES ('d', 1, 'd', 1, 1, 1, '{}', '{}');
  INSERT OR IGNORE INTO runs (id, strategy, state, stage, request, created_at)
    VALUES ('r', 'lora', 'succeeded', 'deploy', '{}', 1);`);
const trained = mkdtempSync(path.join(tmpdir(), "kept-trained-"));
for (let n = 1; n <= 6; n += 1) {
  writeFileSync(path.join(trained, "adapter_config.json"), `{"n":${n},"p":${process.pid}}`);
  writeFileSync(path.join(trained, "adapter_model.safetensors"), `weights ${n} ${process.pid}`);
  const { id } = registry.register({ adapterDir: trained, base: "b", runId: "r", datasetId: "d", hyperParameters: n });
  registry.moveAlias("champion", store.versions.alias("champion"), id, "Tested.");
  for (const write of late.splice(0)) write();
  writeSync(1, `${id}\n`);
}
