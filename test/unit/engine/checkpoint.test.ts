import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { addWeight, gatherWeightRows } from "../../../engine/architectures/weights.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { readSafetensors, toFloat32, writeSafetensors } from "../../../engine/checkpoint/safetensors.ts";
import { openSafetensors } from "../../../engine/checkpoint/safetensors-file.ts";
import { addInput, createGraph } from "../../../engine/graph/graph.ts";
import { checkpointFixture } from "../../support/checkpoint-fixture.ts";
import { copyOfFixture } from "../../support/model-folder.ts";

const fixture = (name: string) => loadCheckpoint(checkpointFixture(name).dir);
const NORM = "model.norm.weight";

describe("a checkpoint folder", () => {
  it("gives a tensor's values whatever their type, and knows its hash and size", () => {
    const file = readFileSync(path.join(checkpointFixture("llama").dir, "model.safetensors"));
    const { weights, sha256, nParameters, name } = fixture("llama");
    const stored = readSafetensors(file);
    for (const [tensor, values] of weights) assert.deepEqual(values, toFloat32(stored.get(tensor)!), tensor);
    assert.deepEqual([...weights.keys()].toSorted(), [...stored.keys()].toSorted());
    assert.equal(
      nParameters,
      [...weights.values()].reduce((sum, values) => sum + values.length, 0),
    );
    assert.equal(sha256, createHash("sha256").update(file).digest("hex"));
    assert.equal(name, "llama");
  });

  it("says where a graph finds a tensor of a float type", () => {
    for (const [name, type, bytes] of [
      ["llama", "float32", 4],
      ["llama-tied-multi-head", "float16", 2],
      ["llama-sharded", "bfloat16", 2],
    ] as const) {
      const { weights } = fixture(name);
      const external = weights.external(NORM)!;
      assert.equal(external.type, type);
      assert.equal(external.length, 32 * bytes);
      const there = readFileSync(external.file).subarray(external.offset, external.offset + external.length);
      const dtype = ({ float32: "F32", float16: "F16", bfloat16: "BF16" } as const)[type];
      assert.deepEqual(toFloat32({ dtype, shape: [32], bytes: there }), weights.get(NORM));
    }
  });

  it("gives int8 matrices with their scales, and their values multiplied", () => {
    const { weights } = fixture("llama-int8");
    const name = "model.layers.1.mlp.down_proj.weight"; // (32, 40)
    const { values, scales } = weights.int8(name)!;
    assert.deepEqual([values.length, scales.length], [32 * 40, 32]);
    assert.equal(weights.get(name)![3 * 40 + 7], Math.fround(values[3 * 40 + 7]! * scales[3]!));
    assert.equal(weights.external(name), undefined);
    assert.equal(weights.int8(NORM), undefined);
  });

  it("has nothing for a name that the model has no tensor of", () => {
    const { weights } = fixture("llama-int8");
    for (const name of ["lm_head.weight", "model.norm.weight_scale", "__proto__", "constructor"]) {
      assert.equal(weights.get(name), undefined);
      assert.equal(weights.has(name), false);
    }
  });

  it("reads model.safetensors alone where there are other weight files, as of an adapter", () => {
    using folder = copyOfFixture("llama");
    const { sha256 } = loadCheckpoint(folder.dir);
    folder.write("adapter_model.safetensors", "not one");
    assert.equal(loadCheckpoint(folder.dir).sha256, sha256);
  });

  it("reads model.safetensors rather than shards beside it, as transformers does", () => {
    using folder = copyOfFixture("llama");
    const { sha256 } = loadCheckpoint(folder.dir);
    folder.write("model.safetensors.index.json", "{}");
    assert.equal(loadCheckpoint(folder.dir).sha256, sha256);
  });

  it("reads shards without an index, in the order of their names", () => {
    using folder = copyOfFixture("llama-sharded");
    const indexed = loadCheckpoint(folder.dir);
    rmSync(path.join(folder.dir, "model.safetensors.index.json"));
    const { weights, sha256 } = loadCheckpoint(folder.dir);
    assert.equal(sha256, indexed.sha256);
    for (const [name, values] of weights) assert.deepEqual(values, indexed.weights.get(name));
  });

  it("reads only the files that the index names", () => {
    using folder = copyOfFixture("llama-sharded");
    const { sha256 } = loadCheckpoint(folder.dir);
    folder.write("consolidated.safetensors", "not one");
    assert.equal(loadCheckpoint(folder.dir).sha256, sha256);
  });

  it("follows the links of a hub's cache to its blobs", () => {
    using folder = copyOfFixture("llama");
    const snapshot = path.join(folder.outside, "snapshots", "0f1e2d");
    mkdirSync(path.join(folder.outside, "blobs"));
    mkdirSync(path.dirname(snapshot));
    renameSync(folder.dir, snapshot);
    renameSync(path.join(snapshot, "model.safetensors"), path.join(folder.outside, "blobs", "abcdef"));
    symlinkSync("../../blobs/abcdef", path.join(snapshot, "model.safetensors"));
    const { weights } = loadCheckpoint(snapshot);
    assert.equal(path.basename(weights.external(NORM)!.file), "abcdef");
    assert.equal(weights.get(NORM)!.length, 32);
  });

  it("ignores what older versions stored beside the weights", () => {
    using folder = copyOfFixture("llama");
    const file = readFileSync(path.join(folder.dir, "model.safetensors"));
    const frequencies = { dtype: "F32", shape: [8], bytes: new Uint8Array(32) } as const;
    const name = "model.layers.0.self_attn.rotary_emb.inv_freq";
    folder.write("model.safetensors", writeSafetensors(new Map([...readSafetensors(file), [name, frequencies]])));
    assert.equal(loadCheckpoint(folder.dir).weights.has(name), false);
  });

  it("lets a graph pick rows of the embedding before it casts them", () => {
    const { config, weights } = fixture("llama-sharded");
    const graph = createGraph("rows");
    const name = "model.embed_tokens.weight";
    const table = addWeight(graph, weights, name, [config.vocabSize, config.hiddenSize]);
    const rows = gatherWeightRows(graph, table, addInput(graph, "ids", "int64", [3]));
    assert.deepEqual([rows.type, rows.shape], ["float32", [3, config.hiddenSize]]);
    const gather = graph.nodes.find(({ op }) => op === "Gather")!;
    assert.deepEqual([gather.inputs[0]!.name, gather.inputs[0]!.type], [name, "bfloat16"]);
  });

  it("reads a header without reading the file", () => {
    const { tensors, dataStart } = openSafetensors(path.join(checkpointFixture("llama").dir, "model.safetensors"));
    assert.deepEqual(tensors.get(NORM)!.shape, [32]);
    assert.equal(dataStart % 8, 0);
  });
});
