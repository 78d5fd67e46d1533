import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../../..");
const COMMAND_TIMEOUT_MS = 60_000;

interface Ended {
  readonly code: number;
  readonly stderr: string;
}

/** `kept train …` with an empty path and empty folders: a machine without Python. */
function train(dir: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const empty = { HOME: dir, XDG_CACHE_HOME: dir, XDG_DATA_HOME: dir, LOCALAPPDATA: dir, APPDATA: dir, PATH: dir };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(root, "server/cli.ts"), "--data-dir", dir, "train", ...args],
      { cwd: root, env: { ...empty, ...env }, timeout: COMMAND_TIMEOUT_MS },
      (error, _stdout, stderr) => resolve({ code: (error?.code as number | undefined) ?? 0, stderr }),
    );
  });
}

describe("kept train without Python", function () {
  this.timeout(COMMAND_TIMEOUT_MS);
  let dir: string;
  before(() => (dir = mkdtempSync(path.join(os.tmpdir(), "kept-no-python-"))));
  after(() => rmSync(dir, { recursive: true, force: true }));

  it("says that there is none, and what to do", async () => {
    const { code, stderr } = await train(dir, ["--smoke"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^The torch backend needs Python 3\.10 or newer, and none is on the path\. \(python-missing\) /,
    );
    assert.match(stderr, /KEPT_PYTHON.*Everything else of Kept works without it\.\n$/);
  });

  it("says that KEPT_PYTHON names none", async () => {
    const { code, stderr } = await train(dir, ["--smoke"], { KEPT_PYTHON: path.join(dir, "nothing") });
    assert.equal(code, 1);
    assert.match(stderr, /KEPT_PYTHON names .*nothing, which is no Python 3\.10 or newer\. \(python-missing\)/);
  });

  it("says that a Python is too old", async () => {
    const old = path.join(dir, "old-python");
    writeFileSync(old, `#!/bin/sh\ncase "$2" in *importlib*) exit 1 ;; esac\necho 3 8 10\n`, { mode: 0o755 });
    const { stderr } = await train(dir, ["--smoke"], { KEPT_PYTHON: old });
    assert.match(stderr, /Found: .*old-python is 3\.8\.10\. \(python-missing\)/);
  });

  it("needs a corpus without --smoke", async () => {
    const { code, stderr } = await train(dir, []);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /There is no corpus: models\/base\/config\.yaml names none in data\.corpus\. \(invalid\) Give --corpus/,
    );
  });

  it("refuses another strategy, and options that exclude each other", async () => {
    assert.match((await train(dir, ["--strategy", "lora"])).stderr, /not lora on torch.*`kept train start /);
    assert.match((await train(dir, ["--fresh", "--continue"])).stderr, /--fresh excludes/);
    assert.equal((await train(dir, ["--minutes", "0"])).code, 2);
  });

  it("names the file, line and key of a wrong configuration", async () => {
    const file = path.join(dir, "config.yaml");
    writeFileSync(file, "name: base\nstrategie: full\n");
    const { code, stderr } = await train(dir, ["--config", file]);
    assert.equal(code, 1);
    assert.match(stderr, /config\.yaml:2:1: strategie: there is no such key \(did you mean strategy\?\)/);
    assert.match(stderr, /\(config-invalid\)/);
  });
});
