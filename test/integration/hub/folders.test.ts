import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { readAdapter } from "../../../engine/lora/adapter.ts";
import { openConnectionLog } from "../../../server/egress/connection-log.ts";
import { openEgress } from "../../../server/egress/egress.ts";
import { hashOf } from "../../../server/content-hash.ts";
import { hubPermit, type HubConnection } from "../../../server/hub/hub-fetch.ts";
import { pullFromHub, pushToHub, type HubKind } from "../../../server/integrations/huggingface/hub-folder.ts";
import { writeRandomAdapter } from "../../server/adapted-app.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { startPushHub, type PushHub } from "../../support/push-hub.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

describe("adapters and datasets on a hub", function () {
  this.timeout(60_000);
  const model = createTinyModel();
  after(() => model[Symbol.dispose]());
  let hub: PushHub;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  beforeEach(async () => {
    hub = await startPushHub("hf_secret");
    folder = await tempFolder();
    writeRandomAdapter(at("adapter"), model.dir);
    mkdirSync(at("dataset"), { recursive: true });
    writeFileSync(at("dataset", "README.md"), "---\nlicense: other\n---\n# Rows\n");
    writeFileSync(at("dataset", "train.jsonl"), '{"text":"a"}\n'.repeat(500));
  });
  afterEach(async () => {
    await hub[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  const at = (...names: string[]) => path.join(folder.dir, ...names);
  const connection = (token: string | null = "hf_secret"): HubConnection => ({
    egress: openEgress({ permits: () => [hubPermit(hub.url, true)], log: openConnectionLog(at("egress.jsonl")) }),
    hubUrl: hub.url,
    token,
    signal: AbortSignal.timeout(30_000),
    limits: { answerMs: 10_000, windowMs: 10_000, bytesPerWindow: 1 },
  });
  const push = (kind: HubKind, token?: string | null) =>
    pushToHub({ kind, repo: "me/thing", dir: at(kind), isPublic: false, title: "Push" }, connection(token));
  const pull = (kind: HubKind) =>
    pullFromHub({ kind, repo: "me/thing", revision: "main", out: at(`${kind}-back`) }, connection());

  for (const kind of ["adapter", "dataset"] as const) {
    it(`brings back every byte of the ${kind} that was pushed, with its card`, async () => {
      const pushed = await push(kind);
      const pulled = await pull(kind);
      assert.equal(pulled.commit, pushed.commit);
      const names = readdirSync(at(kind)).toSorted();
      assert.deepEqual(readdirSync(at(`${kind}-back`)).toSorted(), names);
      for (const name of names) assert.deepEqual(readFileSync(at(`${kind}-back`, name)), readFileSync(at(kind, name)));
      assert.ok(names.includes("README.md"));
      if (kind === "adapter") readAdapter(at("adapter-back"), loadCheckpoint(model.dir).config);
      // Again, into the repository that is there.
      assert.equal((await push(kind)).files.length, names.length);
    });
  }

  it("shows the token to the hub, and sends nothing to a storage elsewhere that is not encrypted", async () => {
    await push("dataset");
    assert.ok(hub.seen.length > 3 && hub.seen.every((line) => line.endsWith("Bearer hf_secret")));
    const nBefore = hub.seen.length;
    const stranger = `http://localhost:${hub.url.port}`;
    hub.trick = (_, response, at) => {
      if (!at.endsWith("/objects/batch")) return false;
      const oid = hashOf(readFileSync(path.join(folder.dir, "adapter", "adapter_model.safetensors")));
      const upload = { href: `${stranger}/storage/${oid}`, header: {} };
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ transfer: "basic", objects: [{ oid, size: 1, actions: { upload } }] }));
      return true;
    };
    await assert.rejects(push("adapter"), { code: "hub-invalid" });
    assert.ok(hub.seen.slice(nBefore).every((line) => !line.startsWith("PUT")));
  });

  it("sends no program and no pickled weights, and takes none", async () => {
    writeFileSync(at("adapter", "pytorch_model.bin"), "x");
    writeFileSync(at("adapter", "modeling.py"), "import os");
    await push("adapter");
    const files = hub.repos.get("models/me/thing")!;
    assert.deepEqual([...files.keys()].toSorted(), ["README.md", "adapter_config.json", "adapter_model.safetensors"]);
    files.set("modeling.py", Buffer.from("import os"));
    await pull("adapter");
    assert.ok(!readdirSync(at("adapter-back")).includes("modeling.py"));
  });

  it("needs a card, a name and a token that may write", async () => {
    await assert.rejects(push("adapter", null), { code: "hub-unauthorized" });
    await assert.rejects(
      pushToHub({ kind: "adapter", repo: "../x", dir: at("adapter"), isPublic: false, title: "" }, connection()),
      { code: "invalid" },
    );
    const bare = at("bare");
    mkdirSync(bare);
    writeFileSync(path.join(bare, "train.jsonl"), "{}\n");
    const thing = { kind: "dataset", repo: "me/x", dir: bare, isPublic: false, title: "" } as const;
    await assert.rejects(pushToHub(thing, connection()), (error: Error & { code?: string }) => {
      assert.equal(error.code, "invalid");
      return error.message.includes("README.md");
    });
  });

  it("throws away what does not have the hash that the hub named", async () => {
    await push("adapter");
    hub.trick = (_, response, at) => {
      if (!at.startsWith("/storage/")) return false;
      response.writeHead(206, { "Content-Range": "bytes 0-9/10" }).end("0123456789");
      return true;
    };
    await assert.rejects(
      pull("adapter"),
      (error: { code?: string }) => error.code === "hub-invalid" || error.code === "hub-unreachable",
    );
    assert.ok(!readdirSync(folder.dir).includes("adapter-back"));
  });
});
