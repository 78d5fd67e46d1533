// Registers versions and makes each the champion, and says its id when that is done.
// node switch-alias.ts <data folder> <files-first | alias-first>
// `alias-first` does it wrongly: the alias stands before the files are there. It tests the test.
import { prepareDataDir } from "../../../server/data-dir.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { openStore } from "../../../server/store/store.ts";
import { createToyRegistry } from "../server/toy-registry.ts";
import { say } from "./say.ts";
import { mkdtempSync } from "node:fs";
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
const registry = createToyRegistry(store, files, places.adapters);
for (let n = 1; n <= 6; n += 1) {
  const { id } = registry.register(n, `weights ${n} ${process.pid}`);
  registry.deploy(id);
  for (const write of late.splice(0)) write();
  say(id);
}
