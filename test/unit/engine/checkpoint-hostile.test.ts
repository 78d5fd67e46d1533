import assert from "node:assert/strict";
import fc from "fast-check";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { readSafetensors, writeSafetensors, type StoredTensor } from "../../../engine/checkpoint/safetensors.ts";
import { openSafetensors, readTensor } from "../../../engine/checkpoint/safetensors-file.ts";
import { encodeModel, externalFolder } from "../../../engine/graph/encode.ts";
import { addConstant, createGraph, type ExternalData } from "../../../engine/graph/graph.ts";
import { copyOfFixture, type ModelFolder } from "../../support/model-folder.ts";

const INDEX = "model.safetensors.index.json";

/** A folder damaged by `damage` is refused with the code, and with a message that tells no file's content. */
function refuses(
  what: string,
  code: string,
  message: RegExp,
  damage: (folder: ModelFolder) => void,
  from = "llama",
): void {
  it(`is refused: ${what}`, () => {
    using folder = copyOfFixture(from);
    loadCheckpoint(folder.dir);
    damage(folder);
    assert.throws(
      () => loadCheckpoint(folder.dir),
      (error: Error & { code?: string }) => {
        assert.equal(error.name, "EngineError", error.stack);
        assert.deepEqual([error.code, message.test(error.message)], [code, true], error.message);
        assert.ok(!error.message.includes("secret"));
        return true;
      },
    );
  });
}

function rewrite(folder: ModelFolder, change: (tensors: Map<string, StoredTensor>) => void): void {
  const tensors = readSafetensors(readFileSync(path.join(folder.dir, "model.safetensors")));
  change(tensors);
  folder.write("model.safetensors", writeSafetensors(tensors));
}

function editIndex(folder: ModelFolder, change: (map: Record<string, unknown>) => void): void {
  const index = JSON.parse(readFileSync(path.join(folder.dir, INDEX), "utf8")) as {
    weight_map: Record<string, unknown>;
  };
  change(index.weight_map);
  folder.write(INDEX, JSON.stringify(index));
}

function linkTo(folder: ModelFolder, name: string, target: string): void {
  rmSync(path.join(folder.dir, name));
  symlinkSync(target, path.join(folder.dir, name));
}

const NORM = "model.norm.weight";

describe("a hostile checkpoint folder", () => {
  refuses("no config.json", "model-not-found", /config.json is missing/, ({ dir }) =>
    rmSync(path.join(dir, "config.json")),
  );
  refuses("no weights", "model-not-found", /no weights/, ({ dir }) => rmSync(path.join(dir, "model.safetensors")));
  refuses("a config.json that is not JSON", "checkpoint-invalid", /not JSON/, ({ write }) =>
    write("config.json", "{secret"),
  );
  refuses("a config.json that is an array", "checkpoint-invalid", /not an object/, ({ write }) =>
    write("config.json", "[]"),
  );
  refuses("a config.json of null", "checkpoint-invalid", /not an object/, ({ write }) => write("config.json", "null"));
  refuses("a config.json of 1 MiB and a byte", "checkpoint-invalid", /over 1048576 bytes/, ({ write }) =>
    write("config.json", " ".repeat(2 ** 20 + 1)),
  );
  refuses("a config.json of deep nesting", "checkpoint-invalid", /not JSON|not an object/, ({ write }) =>
    write("config.json", "[".repeat(500_000)),
  );
  refuses("a config.json that is a folder", "checkpoint-invalid", /not a file/, ({ dir }) => {
    rmSync(path.join(dir, "config.json"));
    mkdirSync(path.join(dir, "config.json"));
  });

  // G27 to G32 are in safetensors.test.ts byte by byte; these are the same files as a folder's weights.
  refuses("a header length beyond the file", "checkpoint-invalid", /longer than the file/, ({ write }) =>
    write("model.safetensors", new Uint8Array(16).fill(0x7f)),
  );
  refuses(
    "a sparse file of 1 TB that claims a header of 100 MB",
    "checkpoint-invalid",
    /the limit/,
    ({ dir, write }) => {
      const start = new Uint8Array(9);
      new DataView(start.buffer).setBigUint64(0, 100_000_000n, true);
      write("model.safetensors", start);
      truncateSync(path.join(dir, "model.safetensors"), 1e12);
    },
  );
  for (const [what, bytes] of [
    ["its magic alone", "GGUF"],
    ["2^63 tensors", "GGUF\u0003\0\0\0\0\0\0\0\0\0\0\u0080\0\0\0\0\0\0\0\0"],
    ["2^32 entries", "GGUF\u0003\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\u0001\0\0\0"],
  ] as const) {
    refuses(
      `a GGUF file under the name of weights (G39), ${what}`,
      "checkpoint-invalid",
      /shorter|longer than the file|start with/,
      ({ write }) => write("model.safetensors", Buffer.from(bytes, "latin1")),
    );
  }
  refuses("no weights but a GGUF file", "model-not-found", /no weights/, ({ dir, write }) => {
    rmSync(path.join(dir, "model.safetensors"));
    write("model.gguf", Buffer.from("GGUF"));
  });
  refuses("a file cut by a byte", "checkpoint-invalid", /beyond the file/, ({ dir }) => {
    const file = path.join(dir, "model.safetensors");
    truncateSync(file, readFileSync(file).length - 1);
  });
  refuses("an empty file", "checkpoint-invalid", /shorter/, ({ write }) => write("model.safetensors", ""));
  refuses("a pipe, without waiting for it", "checkpoint-invalid", /not a file/, ({ dir }) => {
    rmSync(path.join(dir, "model.safetensors"));
    execFileSync("mkfifo", [path.join(dir, "model.safetensors")]);
  });
  refuses("a tensor of another shape", "checkpoint-invalid", /has the shape 4x8, config.json says 32/, (folder) =>
    rewrite(folder, (tensors) => tensors.set(NORM, { ...tensors.get(NORM)!, shape: [4, 8] })),
  );
  refuses("a tensor that is missing", "checkpoint-invalid", /no tensor model.norm.weight/, (folder) =>
    rewrite(folder, (tensors) => tensors.delete(NORM)),
  );
  refuses("a bias that config.json does not know", "checkpoint-invalid", /no place for .*q_proj.bias/, (folder) =>
    rewrite(folder, (tensors) =>
      tensors.set("model.layers.0.self_attn.q_proj.bias", { dtype: "F32", shape: [64], bytes: new Uint8Array(256) }),
    ),
  );
  refuses(
    "int8 without scales",
    "checkpoint-invalid",
    /no tensor model.embed_tokens.weight_scale/,
    (folder) => rewrite(folder, (tensors) => tensors.delete("model.embed_tokens.weight_scale")),
    "llama-int8",
  );
  refuses(
    "scales of another length",
    "checkpoint-invalid",
    /_scale has the shape 2/,
    (folder) =>
      rewrite(folder, (tensors) =>
        tensors.set("model.embed_tokens.weight_scale", { dtype: "F32", shape: [2], bytes: new Uint8Array(8) }),
      ),
    "llama-int8",
  );
  refuses(
    "scales that are int8 themselves",
    "checkpoint-invalid",
    /_scale has the unsupported type I8/,
    (folder) =>
      rewrite(folder, (tensors) =>
        tensors.set("model.embed_tokens.weight_scale", { dtype: "I8", shape: [65], bytes: new Uint8Array(65) }),
      ),
    "llama-int8",
  );
  refuses(
    "a config.json with more than the weights",
    "checkpoint-invalid",
    /has the shape|no tensor/,
    ({ dir, write }) => {
      const config = JSON.parse(readFileSync(path.join(dir, "config.json"), "utf8")) as object;
      write(
        "config.json",
        JSON.stringify({ ...config, vocab_size: 4_000_000, hidden_size: 2 ** 20, num_hidden_layers: 512 }),
      );
    },
  );

  // G37: what would become the location of external data
  refuses("weights that link out of the folder", "checkpoint-invalid", /outside/, (folder) => {
    writeFileSync(path.join(folder.outside, "secret"), "secret");
    linkTo(folder, "model.safetensors", "../secret");
  });
  refuses("weights that link to the system's files", "checkpoint-invalid", /outside/, (folder) =>
    linkTo(folder, "model.safetensors", "/etc/passwd"),
  );
  refuses("weights that link to nothing", "model-not-found", /missing/, (folder) =>
    linkTo(folder, "model.safetensors", "nowhere"),
  );
  refuses("weights that link to themselves", "model-not-found", /missing/, (folder) =>
    linkTo(folder, "model.safetensors", "model.safetensors"),
  );
  refuses("a config.json that links out of the folder", "checkpoint-invalid", /outside/, (folder) => {
    writeFileSync(path.join(folder.outside, "secret"), readFileSync(path.join(folder.dir, "config.json")));
    linkTo(folder, "config.json", "../secret");
  });
  it("is refused: a link to blobs from elsewhere than a hub's snapshots", () => {
    using folder = copyOfFixture("llama");
    const place = (parent: string) => {
      const dir = path.join(folder.outside, parent, "0f1e2d");
      cpSync(folder.dir, dir, { recursive: true });
      linkTo({ ...folder, dir }, "model.safetensors", "../../blobs/abc");
      return dir;
    };
    mkdirSync(path.join(folder.outside, "blobs"));
    cpSync(path.join(folder.dir, "model.safetensors"), path.join(folder.outside, "blobs", "abc"));
    loadCheckpoint(place("snapshots"));
    assert.throws(() => loadCheckpoint(place("others")), { code: "checkpoint-invalid" });
  });
  for (const name of [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "",
    "a/b.safetensors",
    "a\\b.safetensors",
    ".safetensors",
    "x\0.safetensors",
  ])
    refuses(
      `an index that names ${JSON.stringify(name)}`,
      "checkpoint-invalid",
      /which is no weight file/,
      (folder) => editIndex(folder, (map) => (map[NORM] = name)),
      "llama-sharded",
    );
  refuses(
    "an index that names a missing file",
    "model-not-found",
    /is missing/,
    (folder) => editIndex(folder, (map) => (map[NORM] = "model-00009-of-00004.safetensors")),
    "llama-sharded",
  );
  refuses(
    "an index that places a tensor in the wrong file",
    "checkpoint-invalid",
    /no tensor/,
    (folder) => editIndex(folder, (map) => (map[NORM] = map["model.embed_tokens.weight"])),
    "llama-sharded",
  );
  refuses(
    "an index without names",
    "checkpoint-invalid",
    /no file name/,
    (folder) => editIndex(folder, (map) => (map[NORM] = 7)),
    "llama-sharded",
  );
  refuses(
    "an index of 2,000 files",
    "checkpoint-invalid",
    /over 1000 weight files/,
    (folder) =>
      editIndex(folder, (map) => {
        for (let i = 0; i < 2_000; i++) map[`t${i}`] = `m${i}.safetensors`;
      }),
    "llama-sharded",
  );
  for (const content of ["", "{", "null", "[]", '{"weight_map":{}}', '{"weight_map":[]}', '{"weight_map":"x"}'])
    refuses(
      `an index of ${content || "nothing"}`,
      "checkpoint-invalid",
      /not JSON|no weight_map/,
      ({ write }) => write(INDEX, content),
      "llama-sharded",
    );
  refuses(
    "two files with one tensor",
    "checkpoint-invalid",
    /Two weight files/,
    ({ dir, write }) => {
      rmSync(path.join(dir, INDEX));
      write("model-5.safetensors", readFileSync(path.join(dir, "model-00001-of-00004.safetensors")));
    },
    "llama-sharded",
  );

  // G33: such weights load; what they do is judged before a promotion.
  it("is loaded when its weights are not numbers, which its evaluation finds", () => {
    using folder = copyOfFixture("llama");
    rewrite(folder, (tensors) =>
      tensors.set(NORM, { dtype: "F32", shape: [32], bytes: new Uint8Array(new Float32Array(32).fill(NaN).buffer) }),
    );
    assert.ok(Number.isNaN(loadCheckpoint(folder.dir).weights.get(NORM)![0]));
  });
});

describe("a weight file of any bytes", () => {
  it("is judged as it is in memory, and read within its bounds", () => {
    using folder = copyOfFixture("llama-tied-multi-head");
    const file = path.join(folder.dir, "model.safetensors");
    const valid = readFileSync(file);
    const nHeader = Number(valid.readBigUInt64LE(0));
    const change = fc.record({ at: fc.oneof(fc.nat(8), fc.nat(nHeader + 8)), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), fc.option(fc.nat(valid.length)), (changes, cut) => {
        const bytes = Buffer.from(valid.subarray(0, cut ?? valid.length));
        for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
        writeFileSync(file, bytes);
        const inMemory = attempt(() => readSafetensors(bytes));
        const onDisk = attempt(() => openSafetensors(file));
        assert.equal(onDisk.refused, inMemory.refused);
        for (const [name, tensor] of inMemory.value ?? [])
          assert.deepEqual(Buffer.from(readTensor(onDisk.value!, name)!.bytes), Buffer.from(tensor.bytes));
        const loaded = attempt(() => [...loadCheckpoint(folder.dir).weights.values()]);
        assert.ok(inMemory.refused === null || loaded.refused !== null);
      }),
      { numRuns: 150 },
    );
  });
});

/** A result, or the message of the refusal. Any other error is thrown on. */
function attempt<T>(work: () => T): { readonly value?: T; readonly refused: string | null } {
  try {
    return { value: work(), refused: null };
  } catch (error) {
    if ((error as { code?: string }).code !== "checkpoint-invalid") throw error;
    return { refused: (error as Error).message };
  }
}

// G37, G38: what the runtime is told to read, whoever built the graph
describe("external data of a graph", () => {
  const encoded = (data: Partial<ExternalData>) => {
    const graph = createGraph("g");
    addConstant(graph, { file: "/models/a.safetensors", offset: 8, length: 16, type: "float32", ...data }, [2, 2], "w");
    return encodeModel(graph);
  };
  it("is a name in a folder", () => {
    const text = new TextDecoder("latin1").decode(encoded({}));
    assert.match(text, /a\.safetensors/);
    assert.ok(!text.includes("models"), "the folder is no part of the model");
  });
  for (const [what, data] of [
    ["a relative file", { file: "a.safetensors" }],
    ["a path upwards", { file: "/models/../etc/passwd" }],
    ["a name with a zero", { file: "/models/a\0b" }],
    ["a negative offset", { offset: -8 }],
    ["a fractional offset", { offset: 0.5 }],
    ["an offset beyond 2^53", { offset: 2 ** 60 }],
    ["a negative length", { length: -1 }],
    ["a length beyond the shape", { length: 2 ** 50 }],
    ["a length below the shape", { length: 12 }],
    ["a length of another type", { type: "float16" }],
  ] as const)
    it(`is refused: ${what}`, () =>
      assert.throws(
        () => encoded(data),
        (error: { code?: string }) => error.code === "checkpoint-invalid",
      ));
  it("is refused in two folders", () => {
    const graph = createGraph("g");
    for (const file of ["/a/x", "/b/x"]) addConstant(graph, { file, offset: 0, length: 4, type: "float32" }, [1], file);
    assert.throws(() => externalFolder(graph), /2 folders/);
  });
});
