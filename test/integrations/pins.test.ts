import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { pinsOf, prepareEnvironment, VERSIONS, type Package } from "../support/integrations/environment.ts";

/** What `python -m venv` brings along. */
const OF_PYTHON = /^(pip|setuptools|wheel)==/i;

describe("what is installed to test against", function () {
  this.timeout(30 * 60_000);

  for (const name of Object.keys(VERSIONS) as Package[]) {
    it(`${name} with nothing but the versions that are written down`, async () => {
      const programs = await prepareEnvironment(name, (line) => void process.stderr.write(`${line}\n`));
      const installed = execFileSync(path.join(programs, "python"), ["-m", "pip", "freeze", "--all"], {
        encoding: "utf8",
      });
      const pins = new Set(pinsOf(name).trim().split("\n"));
      assert.ok(pins.has(`${name}==${VERSIONS[name]}`));
      const others = installed
        .trim()
        .split("\n")
        .filter((line) => !pins.has(line) && !OF_PYTHON.test(line));
      assert.deepEqual(others, []);
    });
  }
});
