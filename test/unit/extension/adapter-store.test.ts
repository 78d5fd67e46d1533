import { fetchAdapter } from "../../../extension/sync/adapter-store.ts";
import { startProvingServer, type ProvingServer } from "../../support/server/proving-server.ts";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("adapter store", () => {
  let dir = "";
  let server: ProvingServer;
  let requests = 0;
  /** What the server answers for each hash. */
  let contents = new Map<string, string>();
  beforeEach(async () => {
    dir = mkdtempSync(path.join(tmpdir(), "kept-adapters-"));
    requests = 0;
    contents = new Map();
    server = await startProvingServer((request, response) => {
      requests += 1;
      const found = contents.get(request.url?.split("/").at(-1) ?? "");
      if (request.headers.authorization !== "Bearer token") response.writeHead(401).end();
      else if (found === undefined) response.writeHead(404).end();
      else response.end(found);
    });
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const file = (name: string, text: string) => {
    contents.set(sha256(text), text);
    return { name, sha256: sha256(text), bytes: Buffer.byteLength(text) };
  };
  const fetch = (version: string, files: ReturnType<typeof file>[]) => {
    return fetchAdapter(dir, server.connection, { version, files }, AbortSignal.timeout(10_000));
  };

  it("brings the files of a version", async () => {
    const adapter = await fetch("v1", [
      file("adapter_config.json", "{}"),
      file("adapter_model.safetensors", "weights"),
    ]);
    assert.equal(adapter.version, "v1");
    assert.equal(readFileSync(path.join(adapter.dir, "adapter_model.safetensors"), "utf8"), "weights");
  });

  it("asks for nothing that is there already", async () => {
    const files = [file("adapter_config.json", "{}")];
    await fetch("v1", files);
    const before = requests;
    await fetch("v1", files);
    assert.equal(requests, before);
  });

  it("keeps what is in use beside it, whatever else came since", async () => {
    const files = [file("adapter_config.json", "{}")];
    const inUse = (version: string) =>
      fetchAdapter(dir, server.connection, { version, files }, AbortSignal.timeout(10_000), ["a-champion"]);
    await fetch("a-champion", files);
    for (const version of ["b", "c", "d", "e"]) await inUse(version);
    assert.ok(readdirSync(dir).includes("a-champion"));
    assert.ok(!readdirSync(dir).includes("b"));
  });

  it("brings a file again that was changed on the disk", async () => {
    const files = [file("adapter_config.json", "{}")];
    const { dir: folder } = await fetch("v1", files);
    writeFileSync(path.join(folder, "adapter_config.json"), "!");
    await fetch("v1", files);
    assert.equal(readFileSync(path.join(folder, "adapter_config.json"), "utf8"), "{}");
  });

  it("refuses bytes with another hash, and leaves nothing behind", async () => {
    const wanted = file("adapter_config.json", "{}");
    contents.set(wanted.sha256, "[]");
    await assert.rejects(fetch("v1", [wanted]), /hash/);
    assert.deepEqual(readdirSync(dir), []);
  });

  it("refuses a file that is longer than its version says", async () => {
    const wanted = file("adapter_config.json", "{}");
    contents.set(wanted.sha256, "{}".repeat(100));
    await assert.rejects(fetch("v1", [wanted]), /longer/);
    assert.deepEqual(readdirSync(dir), []);
  });

  it("refuses when the server does not have a file", async () => {
    const wanted = file("adapter_config.json", "{}");
    contents.clear();
    await assert.rejects(fetch("v1", [wanted]), /404/);
  });

  it("takes no files beside those of an adapter", async () => {
    const { dir: folder } = await fetch("v1", [
      file("adapter_config.json", "{}"),
      file("tokenizer.json", "evil"),
      file("../escape", "evil"),
    ]);
    assert.deepEqual(readdirSync(folder), ["adapter_config.json"]);
  });

  for (const version of ["../up", "a/b", ".", "", "x".repeat(65)]) {
    it(`refuses the version ${JSON.stringify(version.slice(0, 10))}`, async () => {
      await assert.rejects(fetch(version, [file("adapter_config.json", "{}")]), /no file name/);
      assert.equal(requests, 0);
    });
  }

  it("keeps the version served and the two before it", async () => {
    for (const version of ["v1", "v2", "v3", "v4", "v5"])
      await fetch(version, [file("adapter_config.json", `{"v":"${version}"}`)]);
    assert.deepEqual(readdirSync(dir).sort(), ["v3", "v4", "v5"]);
  });
});
