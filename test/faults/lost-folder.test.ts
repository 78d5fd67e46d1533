import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import path from "node:path";
import { tempFolder } from "../server/temp-folder.ts";
import { checkAfterwards } from "./server/afterwards.ts";
import { startFaultyServer } from "./server/faulty-server.ts";
import { emptyLedger, sendOnce, sendPatiently, someEvents } from "./server/patient-clients.ts";
import { setTimeout as delay } from "node:timers/promises";

/** The loss of a data folder is noticed by then, milliseconds. */
const NOTICED_MS = 5_000;
/** Exit code of a server whose disk or folder failed. */
const FAILED = 74;

/** Bytes and times of everything in a folder. */
const pictureOf = (dir: string): unknown =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .toSorted()
    .map((name) => {
      const file = path.join(dir, name);
      const { mtimeMs, size } = statSync(file);
      return [name, mtimeMs, size, statSync(file).isFile() ? readFileSync(file, "base64") : ""];
    });

const LOSSES: Readonly<Record<string, { lose(dataDir: string, aside: string): void; says: RegExp }>> = {
  deleted: { lose: (dataDir) => rmSync(dataDir, { recursive: true }), says: /the data folder was deleted/ },
  "replaced by a symbolic link": {
    lose(dataDir, aside) {
      // The link leads to a folder with files of the same names: nothing of them may be touched.
      cpSync(dataDir, `${aside}-target`, { recursive: true });
      renameSync(dataDir, aside);
      symlinkSync(`${aside}-target`, dataDir);
    },
    says: /the data folder was replaced/,
  },
  "replaced by another folder": {
    lose(dataDir, aside) {
      renameSync(dataDir, aside);
      mkdirSync(dataDir, { mode: 0o700 });
    },
    says: /the data folder was replaced/,
  },
  "turned read-only": { lose: (dataDir) => chmodSync(dataDir, 0o500), says: /became read-only/ },
  "left without its store": {
    lose: (dataDir) => rmSync(path.join(dataDir, "kept.db")),
    says: /the store was deleted or replaced/,
  },
};

describe("F06 the data folder is taken from a running server", function () {
  this.timeout(60_000);

  for (const [what, { lose, says }] of Object.entries(LOSSES)) {
    it(`${what}: it says so within ${NOTICED_MS} ms, ends with ${FAILED}, and writes nothing elsewhere`, async () => {
      await using folder = await tempFolder();
      const dataDir = path.join(folder.dir, "data");
      const aside = path.join(folder.dir, "aside");
      const ledger = emptyLedger();
      const server = await startFaultyServer(dataDir);
      await sendPatiently(() => server, someEvents(20), ledger);
      lose(dataDir, aside);
      const target = what.startsWith("replaced") ? pictureOf(dataDir) : null;
      const lostAt = performance.now();
      // What is sent now must not be acknowledged: nobody would find it again.
      const late = emptyLedger();
      if (what !== "turned read-only") await sendOnce(server, someEvents(1), late);
      const how = await Promise.race([server.ended, delay(NOTICED_MS, "nothing", { ref: false })]);
      assert.equal(how, FAILED);
      assert.ok(performance.now() - lostAt < NOTICED_MS);
      assert.match(server.complaint(), says);
      assert.deepEqual([...late.acknowledged], []);
      if (target !== null) assert.deepEqual(pictureOf(dataDir), target);
      if (what.startsWith("replaced")) {
        rmSync(dataDir, { recursive: true });
        renameSync(aside, dataDir);
      }
      if (what === "turned read-only") chmodSync(dataDir, 0o700);
      if (/replaced|read-only/.test(what)) {
        await checkAfterwards(dataDir, { acknowledged: ledger.acknowledged.keys() });
      }
    });
  }
});
