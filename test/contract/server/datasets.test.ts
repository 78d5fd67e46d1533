import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { datasetContents, datasetExamples } from "../../../protocol/datasets.ts";
import { readTar } from "../../../server/archive/tar.ts";
import { runningApp, type RunningApp } from "../../server/running-app.ts";
import { ownFeedback } from "../../server/own-feedback.ts";
import { until } from "../../server/server-process.ts";

const BASE = path.resolve(import.meta.dirname, "../../../models/base");

describe("datasets over HTTP", function () {
  this.timeout(60_000);
  let server: RunningApp;
  let id: string;
  before(async () => {
    server = await runningApp({ modelDir: BASE });
    await server.call("POST", "/v1/events", { events: ownFeedback(120) });
    const { status, body } = await server.call("POST", "/v1/datasets", {});
    assert.equal(status, 201, JSON.stringify(body));
    id = body.id;
  });
  after(() => server[Symbol.asyncDispose]());

  const download = (format: string, signal = AbortSignal.timeout(20_000)) =>
    fetch(`${server.url}/v1/datasets/${id}/export?format=${format}`, {
      headers: { Authorization: `Bearer ${server.app.token}` },
      signal,
    });

  it("tells what is in one, page by page", async () => {
    const contents = datasetContents.parse((await server.call("GET", `/v1/datasets/${id}/contents`)).body);
    const { rows } = contents.dataset;
    assert.deepEqual(contents.views.sft, rows);
    const read = async (query: string) =>
      datasetExamples.parse((await server.call("GET", `/v1/datasets/${id}/rows?${query}`)).body);
    const first = await read("limit=10");
    const second = await read("limit=10&from=10");
    assert.deepEqual([first.total, second.total, second.from], [rows.train, rows.train, 10]);
    assert.equal(new Set([...first.examples, ...second.examples].map((one) => one.id)).size, 20);
    assert.ok(first.examples.every(({ label, from }) => label?.verdict === "good" && from === "suggestion"));
    assert.deepEqual((await read("view=dpo")).examples, []);
    assert.equal((await read("split=test")).total, rows.test);
    assert.equal((await server.call("GET", `/v1/datasets/${id}/rows?view=x`)).status, 422);
    assert.equal((await server.call("GET", "/v1/datasets/none/rows")).status, 404);
  });

  it("exports one as a tar of exactly the announced length, and keeps no copy", async () => {
    const response = await download("sft");
    assert.equal(response.headers.get("content-type"), "application/x-tar");
    const bytes = Buffer.from(await response.arrayBuffer());
    assert.equal(bytes.length, Number(response.headers.get("content-length")));
    const names: string[] = [];
    for await (const entry of readTar(
      (async function* () {
        yield bytes;
      })(),
    )) {
      names.push(entry.name);
      for await (const _ of entry.read());
    }
    const folder = `kept-dataset-${id}-sft/`;
    assert.ok(names.includes(`${folder}README.md`) && names.includes(`${folder}train.jsonl`), names.join());
    await until(() => copies(server).length === 0 || null, 5_000);
    assert.equal((await download("csv")).status, 422);
  });

  it("keeps nothing of an export that nobody waits for", async () => {
    const stop = new AbortController();
    const asked = download("parquet", stop.signal);
    await until(() => (existsSync(server.app.places.exports) ? true : null), 20_000);
    stop.abort();
    await asked.catch(() => {});
    assert.equal((await download("kto")).status, 200);
    await until(() => copies(server).length === 0 || null, 10_000);
  });

  it("says so when the rows are gone", async () => {
    const { sha256 } = (await server.call("GET", `/v1/datasets/${id}`)).body;
    rmSync(path.join(server.app.places.datasets, sha256), { recursive: true });
    for (const what of ["contents", "rows", "export"]) {
      const { status, body } = await server.call("GET", `/v1/datasets/${id}/${what}`);
      assert.deepEqual([status, body.code], [409, "dataset-gone"], what);
    }
  });
});

const copies = ({ app }: RunningApp): string[] =>
  existsSync(app.places.exports) ? readdirSync(app.places.exports) : [];
