import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { hashOf } from "../../../server/content-hash.ts";
import { writeSnapshot } from "../../../server/datasets/snapshot.ts";
import { deployVersion } from "../../../server/models/deploy.ts";
import type { RemoteManifest } from "../../../server/integrations/s3/s3-remote.ts";
import { dataPlaces } from "../../../server/places.ts";
import { withStore } from "../../../server/settings.ts";
import { registerChampion, writeRandomAdapter } from "../../server/adapted-app.ts";
import { runCli } from "../../server/server-process.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { startPushHub, type PushHub } from "../../support/push-hub.ts";
import { startTestS3, type TestS3 } from "../../support/test-s3.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

const ENV = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret", HF_TOKEN: "hf_secret" };

describe("an adapter that is pushed by one machine and pulled by another", function () {
  this.timeout(120_000);
  const model = createTinyModel();
  const otherModel = createTinyModel();
  let s3: TestS3;
  let hub: PushHub;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let version: string;
  const at = (...names: string[]) => path.join(folder.dir, ...names);
  before(async () => {
    Object.assign(process.env, ENV);
    const weights = path.join(otherModel.dir, "model.safetensors");
    const bytes = readFileSync(weights);
    // The lowest bits of the last number.
    bytes[bytes.length - 4]! ^= 1;
    writeFileSync(weights, bytes);
    [s3, hub] = await Promise.all([startTestS3("team", "key"), startPushHub("hf_secret")]);
  });
  after(async () => {
    for (const name of Object.keys(ENV)) delete process.env[name];
    await s3[Symbol.asyncDispose]();
    await hub[Symbol.asyncDispose]();
    for (const one of [model, otherModel]) one[Symbol.dispose]();
  });
  beforeEach(async () => {
    folder = await tempFolder();
    s3.objects.clear();
    hub.repos.clear();
    hub.seen.length = 0;
    writeRandomAdapter(at("trained"), model.dir);
    version = registerChampion(at("here"), at("trained"), model.dir);
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const kept = (dataDir: string, ...args: string[]) => runCli(["--data-dir", at(dataDir), ...args]);
  const done = async (dataDir: string, ...args: string[]) => {
    const { code, stdout, stderr } = await kept(dataDir, ...args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  const refused = async (code: string, dataDir: string, ...args: string[]) => {
    const answer = await kept(dataDir, ...args);
    assert.notEqual(answer.code, 0);
    assert.match(answer.stderr, new RegExp(`\\b${code}\\b`));
    return answer.stderr;
  };
  const bucket = () => ["--endpoint", s3.url, "--bucket", "team"];
  const place = (where: "remote" | "hub") => (where === "remote" ? bucket() : ["--hub-url", hub.url.href]);
  const push = (where: "remote" | "hub") =>
    done("here", where, "push", "adapter", version, ...(where === "hub" ? ["me/thing"] : []), ...place(where));
  const pulling = (where: "remote" | "hub", modelDir = model.dir) => [
    where,
    "pull",
    "adapter",
    where === "hub" ? "me/thing" : version,
    "--model-dir",
    modelDir,
    ...place(where),
  ];
  const aliases = (dataDir: string) =>
    withStore(at(dataDir), (store) => [store.versions.alias("champion"), store.versions.alias("candidate")]);

  for (const where of ["remote", "hub"] as const) {
    it(`${where}: is the same version there, the candidate, and served by nobody`, async () => {
      await push(where);
      assert.equal(await done("there", ...pulling(where)), version);
      assert.deepEqual(aliases("there"), [null, version]);
      const [mine, theirs] = ["here", "there"].map((dir) =>
        withStore(at(dir), (store) => [store.versions.get(version)!.files, store.versions.manifest(version)]),
      );
      assert.deepEqual(theirs, mine);
      // The gate lets nothing pass that was not tested here.
      const answer = withStore(at("there"), (store) =>
        deployVersion({ store, registry: {} as never, canaries: { running: () => null } as never, base: () => "" }, {}),
      );
      assert.deepEqual([answer.outcome, answer.reason], ["refused", "It was not tested."]);
      // What is not here is missed by nobody: neither by a backup nor by an archive.
      const backups = at(`backups-${where}`);
      await done("there", "backup", "create", "--folder", backups);
      await done("there", "export", "archive", at(`archive-${where}.tar.gz`));
      // Again it is the same one.
      assert.equal(JSON.parse(await done("there", ...pulling(where), "--json")).isNew, false);
    });

    it(`${where}: is refused by a machine with another base model`, async () => {
      await push(where);
      const said = await refused(`${where}-invalid`, "there", ...pulling(where, otherModel.dir));
      assert.match(said, /another base model/);
      assert.deepEqual(aliases("there"), [null, null]);
    });
  }

  it("takes the dataset that it learnt from along by the id that is listed, and nothing that is gone or damaged", async () => {
    const { datasets } = dataPlaces(at("here"));
    const row = {
      id: "r1",
      suggestionId: null,
      source: "history",
      root: "/projects/demo",
      path: "src/a.ts",
      language: "typescript",
      prefix: "const a = ",
      suffix: "",
      examples: [],
      completion: "1;",
      good: true,
      weight: 1,
      writtenAt: 1,
      group: "g",
    } as const;
    const origin = { eventWatermark: 0, labelVersion: "1", workspaces: [], seed: 1, codeVersion: "0" };
    const made = writeSnapshot(datasets, [row], origin);
    withStore(at("here"), (store) => store.datasets.put({ ...made, createdAt: 1 }));
    const pushing = ["remote", "push", "dataset", made.id, ...bucket()];
    assert.equal(await done("here", ...pushing), `datasets/${made.id}`);
    assert.match(await done("there", "remote", "list", "dataset", ...bucket()), new RegExp(`dataset +${made.id}`));
    await done("there", "remote", "pull", "dataset", made.id, "--out", at("back"), ...bucket());
    for (const file of ["manifest.json", "rows.jsonl"])
      assert.deepEqual(readFileSync(at("back", file)), readFileSync(path.join(datasets, made.sha256, file)));
    await refused("not-found", "here", "remote", "push", "dataset", "0123456789abcdef", ...bucket());
    const rows = path.join(datasets, made.sha256, "rows.jsonl");
    appendFileSync(rows, "{}\n");
    await refused("corrupt-store", "here", ...pushing);
    rmSync(rows);
    await refused("dataset-gone", "here", ...pushing);
  });

  it("is refused when its record says of it what is not so", async () => {
    await push("remote");
    const manifestKey = `kept/adapters/${version}.json`;
    const manifest = JSON.parse(s3.objects.get(manifestKey)!.toString()) as RemoteManifest;
    const record = manifest.files.find((file) => file.path === "kept-version.json")!;
    const before = s3.objects.get(`kept/blobs/${record.sha256}`)!;
    for (const change of [
      before.toString().replace('"runId":"run"', '"runId":"ruin"'),
      before.toString().replace(version, "0123456789abcdef"),
      "{",
      "[]",
    ]) {
      const sha256 = hashOf(Buffer.from(change));
      s3.objects.set(`kept/blobs/${sha256}`, Buffer.from(change));
      const files = manifest.files.map((file) =>
        file === record ? { ...file, sha256, bytes: Buffer.byteLength(change) } : file,
      );
      s3.objects.set(manifestKey, Buffer.from(JSON.stringify({ ...manifest, files })));
      await refused("remote-invalid", "there", ...pulling("remote"));
      assert.deepEqual(aliases("there"), [null, null]);
    }
  });

  it("made by something else becomes a version that says so, where it fits the base model", async () => {
    const files = new Map(
      ["adapter_config.json", "adapter_model.safetensors"].map((name) => [name, readFileSync(at("trained", name))]),
    );
    hub.repos.set("models/me/thing", files);
    const made = JSON.parse(await done("there", ...pulling("hub"), "--json"));
    assert.equal(made.isNew, true);
    assert.deepEqual(aliases("there"), [null, made.version]);
    assert.equal(
      withStore(at("there"), (store) => store.versions.manifest(made.version)?.hyperParameters?.["pulled"]),
      true,
    );
    assert.equal(JSON.parse(await done("another", ...pulling("hub"), "--json")).version, made.version);
    files.set("adapter_model.safetensors", Buffer.from("no weights"));
    await refused("hub-invalid", "last", ...pulling("hub"));
    assert.deepEqual(aliases("last"), [null, null]);
  });

  it("goes where the followed model's file says, once that address is allowed", async () => {
    const file = at("models", "team", "config.yaml");
    mkdirSync(path.dirname(file), { recursive: true });
    const text = [
      "name: team",
      "s3:",
      "  enabled: true",
      `  endpoint: ${s3.url}`,
      "  bucket: team",
      "  prefix: shared/",
      "huggingFace:",
      "  enabled: true",
      `  endpoint: ${hub.url.origin}`,
      "  repository: me/thing",
      "",
    ].join("\n");
    writeFileSync(file, text);
    await done("here", "models", "use", file);
    await refused("egress-refused", "here", "remote", "push", "adapter", version);
    await refused("egress-refused", "here", "hub", "push", "adapter", version);
    assert.equal(s3.objects.size + hub.seen.length, 0);
    await done("here", "egress", "allow", "s3", s3.url, "--private");
    await done("here", "egress", "allow", "hub", hub.url.origin, "--private");
    await done("here", "remote", "push", "adapter", version);
    assert.ok(s3.objects.has(`shared/adapters/${version}.json`));
    await done("here", "hub", "push", "adapter", version);
    assert.ok(hub.repos.has("models/me/thing"));
    // The same by name, on a machine that follows no file.
    await done("there", "egress", "allow", "s3", s3.url, "--private");
    const pulled = await done(
      "there",
      "remote",
      "pull",
      "adapter",
      version,
      "--config",
      file,
      "--model-dir",
      model.dir,
    );
    assert.equal(pulled, version);
    // What a person names counts more than the file.
    await done("here", "remote", "push", "adapter", version, "--prefix", "mine");
    assert.ok(s3.objects.has(`mine/adapters/${version}.json`));
    // A file that turns it off is no place.
    writeFileSync(file, text.replaceAll("enabled: true", "enabled: false"));
    await done("here", "models", "use", file);
    await refused("invalid", "here", "remote", "list");
  });
});
