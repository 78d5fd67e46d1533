import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { labelVersions } from "../../protocol/labels.ts";
import { ownFeedback } from "./own-feedback.ts";
import { runningApp, type RunningApp } from "./running-app.ts";
import { runCli } from "./server-process.ts";

describe("datasets and label weights on the command line", function () {
  this.timeout(90_000);
  let server: RunningApp;
  let id: string;
  before(async () => {
    server = await runningApp();
    await server.call("POST", "/v1/events", { events: ownFeedback(90) });
    id = (await server.call("POST", "/v1/datasets", {})).body.id;
  });
  after(() => server[Symbol.asyncDispose]());

  const kept = (...args: string[]) => runCli(["--data-dir", server.app.places.dataDir, ...args]);

  it("exports a dataset beside the server that has the store open, and says where", async () => {
    const out = path.join(server.dir, "out");
    const { code, stdout } = await kept("datasets", "export", id, "--format", "parquet", "--out", out, "--json");
    assert.equal(code, 0);
    const said = JSON.parse(stdout) as { out: string; files: { name: string; bytes: number }[] };
    assert.equal(said.out, out);
    assert.ok(said.files.some(({ name }) => name === "sft/train.parquet"));
    for (const { name, bytes } of said.files) assert.equal(readFileSync(path.join(out, name)).byteLength, bytes, name);
    // Into a folder that has something in it.
    const again = await kept("datasets", "export", id, "--out", out);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /is not empty.*invalid/s);
  });

  it("knows no dataset that is not there", async () => {
    const out = path.join(server.dir, "none");
    const { code, stderr } = await kept("datasets", "export", "0123456789abcdef", "--out", out);
    assert.deepEqual([code, existsSync(out)], [3, false]);
    assert.match(stderr, /There is no dataset 0123456789abcdef/);
    assert.equal((await kept("datasets", "export", id, "--format", "csv")).code, 2);
    assert.deepEqual(
      readdirSync(server.dir).filter((name) => name.includes("partial")),
      [],
    );
  });

  it("lists label weights, and refuses to refit them to nothing", async () => {
    const { stdout } = await kept("labels", "list", "--json");
    assert.deepEqual(labelVersions.parse(JSON.parse(stdout)), {
      inUse: "3",
      shipped: "3",
      verdicts: 0,
      needed: 200,
      versions: [],
    });
    const refused = await kept("labels", "refit", "--use");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /0 of 200 human verdicts.*too-few-verdicts/s);
    assert.equal((await kept("labels", "use", "3+nothing")).code, 3);
    assert.match((await kept("labels", "use", "3")).stdout, /version 3/);
  });
});
