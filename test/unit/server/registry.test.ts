import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { systemClock } from "../../../server/clock.ts";
import { hashOf } from "../../../server/content-hash.ts";
import { writeFileDurably } from "../../../server/durable-file.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { baseModelIdentity } from "../../../server/registry/base-model.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { createRegistry, type Registry } from "../../../server/registry/registry.ts";
import { openStore, type Store } from "../../../server/store/store.ts";
import { tempFolder } from "../../server/temp-folder.ts";

interface Setting {
  readonly registry: Registry;
  readonly store: Store;
  readonly dir: string;
  readonly pushed: string[];
  /** Registers a version whose weights are `text`; answers its id. */
  version(text: string): string;
}

async function check(body: (setting: Setting) => void): Promise<void> {
  await using folder = await tempFolder();
  const { dir } = folder;
  using store = openStore(path.join(dir, "kept.db"));
  const pushed: string[] = [];
  const hub = { ...createPushHub(), publish: (name: string) => void pushed.push(name) };
  const files = openContentFiles(path.join(dir, "files"));
  const adaptersDir = path.join(dir, "adapters");
  const registry = createRegistry({ store, files, clock: systemClock, hub, adaptersDir, base: () => "base-hash" });
  store.datasets.put({
    id: "ds",
    createdAt: 1,
    sha256: "d",
    rows: { train: 1, validation: 0, test: 0 },
    sources: {},
    manifest: {},
  });
  store.runs.create({
    id: "run",
    request: { strategy: "lora", backend: "onnx", workspaces: [], overrides: {} },
    createdAt: 1,
  });
  const version = (text: string) => {
    const adapterDir = path.join(dir, `trained-${hashOf(text)}`);
    mkdirSync(adapterDir, { recursive: true });
    writeFileSync(path.join(adapterDir, "adapter_config.json"), "{}");
    writeFileSync(path.join(adapterDir, "adapter_model.safetensors"), text);
    writeFileSync(path.join(adapterDir, "optimizer.bin"), "not part of a version");
    return registry.register({ adapterDir, base: "base-hash", runId: "run", datasetId: "ds", hyperParameters: {} }).id;
  };
  body({ registry, store, dir, pushed, version });
}

describe("content files", () => {
  it("name bytes by their hash, for this user alone, once", async () => {
    await using folder = await tempFolder();
    const files = openContentFiles(folder.dir);
    const bytes = Buffer.from("weights");
    const first = files.put("a", bytes);
    assert.deepEqual(files.put("b", bytes), { ...first, name: "b" });
    assert.deepEqual(readdirSync(folder.dir), [first.sha256]);
    assert.equal(statSync(path.join(folder.dir, first.sha256)).mode & 0o777, 0o600);
    assert.deepEqual(files.read(first.sha256), bytes);
  });

  it("find a changed byte and are repaired by putting the bytes again", async () => {
    await using folder = await tempFolder();
    const files = openContentFiles(folder.dir);
    const { sha256 } = files.put("a", Buffer.from("weights"));
    writeFileSync(path.join(folder.dir, sha256), "Weights");
    assert.throws(() => files.read(sha256), { code: "corrupt-store" });
    files.put("a", Buffer.from("weights"));
    assert.equal(files.read(sha256).toString(), "weights");
  });

  for (const name of ["../kept.db", "", "A".repeat(64), "a".repeat(63), `${"a".repeat(64)}/x`, "%2e%2e"]) {
    it(`does not take ${JSON.stringify(name.slice(0, 20))} for a hash`, async () => {
      await using folder = await tempFolder();
      assert.throws(() => openContentFiles(folder.dir).read(name), { code: "not-found" });
    });
  }

  it("remove what a killed writer left", async () => {
    await using folder = await tempFolder();
    writeFileSync(path.join(folder.dir, ".abc.1.tmp"), "half");
    openContentFiles(folder.dir);
    assert.deepEqual(readdirSync(folder.dir), []);
  });

  it("leave no temporary file when a write fails", async () => {
    await using folder = await tempFolder();
    mkdirSync(path.join(folder.dir, "taken", "inside"), { recursive: true });
    assert.throws(() => writeFileDurably(path.join(folder.dir, "missing", "x"), Buffer.from("x"), 0o600));
    assert.deepEqual(readdirSync(folder.dir), ["taken"]);
  });
});

describe("registry", () => {
  it("takes only the files of an adapter in, and makes it the candidate", () =>
    check(({ store, version }) => {
      const id = version("one");
      const row = store.versions.get(id)!;
      assert.deepEqual(
        row.files.map(({ name }) => name),
        ["adapter_config.json", "adapter_model.safetensors"],
      );
      assert.deepEqual(row.aliases, ["candidate"]);
    }));

  it("names equal bytes equally, however often they are registered", () =>
    check(({ store, version }) => {
      assert.equal(version("one"), version("one"));
      assert.notEqual(version("one"), version("two"));
      assert.equal(store.versions.list(10).length, 2);
    }));

  it("refuses a folder without weights", () =>
    check(({ registry, dir }) => {
      const adapterDir = path.join(dir, "empty");
      mkdirSync(adapterDir);
      const broken = { adapterDir, base: "", runId: "run", datasetId: "ds", hyperParameters: {} };
      assert.throws(() => registry.register(broken), { code: "worker-failed" });
    }));

  it("moves an alias only from where it is believed to stand", () =>
    check(({ registry, store, version }) => {
      const [one, two] = [version("one"), version("two")];
      registry.moveAlias("champion", null, one, "first");
      assert.throws(() => registry.moveAlias("champion", null, two, "late"), { code: "alias-moved" });
      assert.equal(store.versions.alias("champion"), one);
      assert.equal(store.versions.history(10).filter(({ reason }) => reason === "late").length, 0);
    }));

  it("remembers the champion before, and a rollback goes there", () =>
    check(({ registry, store, version }) => {
      const [one, two] = [version("one"), version("two")];
      registry.moveAlias("champion", null, one, "a");
      registry.moveAlias("champion", one, two, "b");
      assert.equal(store.versions.alias("previous"), one);
      registry.moveAlias("champion", two, store.versions.alias("previous"), "back");
      assert.deepEqual([store.versions.alias("champion"), store.versions.alias("previous")], [one, two]);
    }));

  it("keeps a linear history of every move", () =>
    check(({ registry, store, version }) => {
      const ids = ["a", "b", "c"].map(version);
      let at: string | null = null;
      for (const to of [...ids, null, ids[0]!]) {
        registry.moveAlias("champion", at, to, "move");
        at = to;
      }
      const moves = store.versions
        .history(100)
        .filter(({ alias }) => alias === "champion")
        .toReversed();
      assert.equal(moves.length, 5);
      moves.forEach(({ from }, i) => assert.equal(from, i === 0 ? null : moves[i - 1]!.to));
    }));

  it("never points an alias at a version that is unknown or damaged", () =>
    check(({ registry, store, dir, version }) => {
      assert.throws(() => registry.moveAlias("champion", null, "0000", ""), { code: "not-found" });
      const id = version("one");
      const { sha256 } = store.versions.get(id)!.files[1]!;
      writeFileSync(path.join(dir, "files", sha256), "other");
      assert.throws(() => registry.moveAlias("champion", null, id, ""), { code: "corrupt-store" });
      assert.equal(store.versions.alias("champion"), null);
    }));

  it("says what to serve: nothing, then the champion's files", () =>
    check(({ registry, pushed, store, version }) => {
      assert.deepEqual(registry.deployment(), { base: "base-hash", adapter: null, examplesRevision: 0 });
      const id = version("one");
      registry.moveAlias("champion", null, id, "");
      registry.announce();
      assert.deepEqual(registry.deployment().adapter, { version: id, files: store.versions.get(id)!.files });
      assert.deepEqual(pushed, ["deployment"]);
    }));

  it("lays a version out as a folder, and repairs it", () =>
    check(({ registry, version }) => {
      const folder = registry.materialise(version("one"));
      const weights = path.join(folder, "adapter_model.safetensors");
      assert.equal(readFileSync(weights, "utf8"), "one");
      writeFileSync(weights, "changed");
      registry.materialise(path.basename(folder));
      assert.equal(readFileSync(weights, "utf8"), "one");
    }));
});

describe("base model identity", () => {
  it("is the hash of the weights in the order of their names, and empty without a model", async () => {
    await using folder = await tempFolder();
    assert.equal(baseModelIdentity(folder.dir)(), "");
    writeFileSync(path.join(folder.dir, "config.json"), "{}");
    writeFileSync(path.join(folder.dir, "b.safetensors"), "2");
    writeFileSync(path.join(folder.dir, "a.safetensors"), "1");
    assert.equal(baseModelIdentity(folder.dir)(), hashOf("12"));
  });
});
