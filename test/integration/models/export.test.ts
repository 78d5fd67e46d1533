import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { linearLayers } from "../../../engine/architectures/decoder-config.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { mergedWeights } from "../../../engine/export/merge.ts";
import { readAdapter, uniformAdapter, writeAdapter } from "../../../engine/lora/adapter.ts";
import { systemClock } from "../../../server/clock.ts";
import { dataPlaces } from "../../../server/places.ts";
import { createPushHub } from "../../../server/push/hub.ts";
import { openContentFiles } from "../../../server/registry/content-files.ts";
import { createRegistry } from "../../../server/registry/registry.ts";
import { openStore } from "../../../server/store/store.ts";
import { runCli, startServerProcess, type ServerProcess } from "../../server/server-process.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { readGguf } from "../../support/gguf-reader.ts";
import { normal } from "../../support/tiny-decoder.ts";
import { createTinyModel } from "../../support/tiny-model.ts";

describe("exporting a version", function () {
  this.timeout(120_000);
  const model = createTinyModel();
  const base = loadCheckpoint(model.dir);
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let server: ServerProcess;
  let version: string;
  let adapterDir: string;
  before(async () => {
    folder = await tempFolder();
    adapterDir = path.join(folder.dir, "trained");
    const random = normal(3);
    const matrix = (size: number) => Float32Array.from({ length: size }, () => 0.1 * random());
    const adapter = uniformAdapter(
      3,
      6,
      linearLayers(base.config).map(({ name, nIn, nOut }) => [name, { a: matrix(3 * nIn), b: matrix(3 * nOut) }]),
    );
    writeAdapter(adapterDir, adapter, base.config, { baseModel: "tiny", baseSha256: base.sha256, readme: "# A\n" });
    version = register(folder.dir);
    server = await startServerProcess(folder.dir, ["--model-dir", model.dir]);
  });
  after(async () => {
    server.child.kill("SIGTERM");
    await server.ended;
    await folder[Symbol.asyncDispose]();
    model[Symbol.dispose]();
  });

  /** Puts the adapter into the registry as a training run does. */
  function register(dataDir: string): string {
    const places = dataPlaces(dataDir);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    using store = openStore(places.database);
    const registry = createRegistry({
      store,
      files: openContentFiles(places.files),
      clock: systemClock,
      hub: createPushHub(),
      adaptersDir: places.adapters,
      base: () => base.sha256,
    });
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
    return registry.register({ adapterDir, base: base.sha256, runId: "run", datasetId: "ds", hyperParameters: {} }).id;
  }
  const out = (name: string) => path.join(folder.dir, "out", name);
  async function exported(format: string, code = 0, id = version, target = out(format)): Promise<string> {
    const flags = ["--format", format, "--out", target, "--model-dir", model.dir];
    const result = await runCli(["--data-dir", folder.dir, "models", "export", id, ...flags]);
    assert.equal(result.code, code, result.stderr);
    return code === 0 ? target : result.stderr;
  }

  it("as a PEFT folder: the adapter's own bytes", async () => {
    const target = await exported("peft");
    for (const name of ["adapter_config.json", "adapter_model.safetensors", "README.md"])
      assert.deepEqual(readFileSync(path.join(target, name)), readFileSync(path.join(adapterDir, name)));
  });
  it("as a merged model that loads", async () => {
    const merged = loadCheckpoint(await exported("merged"));
    const expected = mergedWeights(
      base.config,
      (name) => base.weights.get(name)!,
      readAdapter(adapterDir, base.config),
    );
    for (const name of base.weights.keys()) assert.deepEqual(merged.weights.get(name), expected(name), name);
  });
  it("as a GGUF adapter, and as a whole GGUF model", async () => {
    const [lora] = readdirSync(await exported("gguf-lora"));
    assert.match(lora!, new RegExp(`-${version}\\.gguf$`));
    const adapter = readGguf(path.join(out("gguf-lora"), lora!));
    assert.equal(adapter.metadata.get("adapter.lora.alpha"), 6);
    const [whole] = readdirSync(await exported("gguf"));
    assert.equal(readGguf(path.join(out("gguf"), whole!)).metadata.get("general.type"), "model");
  });
  it("refuses an unknown version, a format it lacks and a folder in use, and leaves nothing behind", async () => {
    await exported("peft", 3, "nope", out("x"));
    await exported("onnx", 2, version, out("x"));
    mkdirSync(out("used"), { recursive: true });
    writeFileSync(path.join(out("used"), "mine.txt"), "mine");
    assert.match(await exported("peft", 1, version, out("used")), /not empty/);
    assert.deepEqual(readdirSync(out("used")), ["mine.txt"]);
    assert.deepEqual(
      readdirSync(path.join(folder.dir, "out")).filter((name) => name.startsWith("x")),
      [],
    );
  });
});
