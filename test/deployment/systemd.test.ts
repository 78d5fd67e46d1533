import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "../server/temp-folder.ts";

const folder = path.resolve(import.meta.dirname, "../../scripts/systemd");

/** The most that systemd may find exposed, of 10: 2 is what it calls well protected. */
const MOST_EXPOSED = 2;

describe("the units of systemd", function () {
  this.timeout(60_000);

  it("are right, for an instance of this user", async () => {
    await using temp = await tempFolder();
    const names = readdirSync(folder).filter((name) => /\.(service|timer)$/.test(name));
    assert.deepEqual(names.toSorted(), ["kept-backup@.service", "kept-backup@.timer", "kept@.service"]);
    for (const name of names) copyFileSync(path.join(folder, name), path.join(temp.dir, name.replace("@", "@root")));
    for (const name of readdirSync(temp.dir)) {
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", `./${name}`], {
        cwd: temp.dir,
        encoding: "utf8",
      });
      assert.deepEqual([status, stderr], [0, ""], name);
    }
    const wrong = path.join(temp.dir, "wrong@root.service");
    writeFileSync(
      wrong,
      readFileSync(path.join(folder, "kept@.service"), "utf8").replace("ExecStart=/usr/bin/env", "ExecStart=env/"),
    );
    assert.notEqual(spawnSync("systemd-analyze", ["verify", "./wrong@root.service"], { cwd: temp.dir }).status, 0);
  });

  it("leave the server little that it could break", async () => {
    await using temp = await tempFolder();
    copyFileSync(path.join(folder, "kept@.service"), path.join(temp.dir, "kept@root.service"));
    const said = execFileSync("systemd-analyze", ["security", "--offline=true", "--no-pager", "./kept@root.service"], {
      cwd: temp.dir,
      encoding: "utf8",
    });
    const exposed = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1]);
    assert.ok(exposed <= MOST_EXPOSED, said.slice(-300));
  });
});
