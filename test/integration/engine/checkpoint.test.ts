import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { weightShapes } from "../../../engine/architectures/decoder-config.ts";
import { parseDecoderConfig } from "../../../engine/architectures/families.ts";
import { buildInferenceGraph } from "../../../engine/architectures/inference-graph.ts";
import { loadCheckpoint } from "../../../engine/checkpoint/checkpoint.ts";
import { float32Tensor, writeSafetensors } from "../../../engine/checkpoint/safetensors.ts";
import { encodeModel } from "../../../engine/graph/encode.ts";
import { sizeOf } from "../../../engine/graph/graph.ts";
import { compileGraph } from "../../../engine/graph/session.ts";
import { checkpointFixture, worstDifference } from "../../support/checkpoint-fixture.ts";
import { inferenceLogits } from "../../support/inference-run.ts";
import type { LoadReport } from "../../support/load-under-watch.ts";
import { copyOfFixture, type ModelFolder } from "../../support/model-folder.ts";

const MIB = 2 ** 20;

async function logitsOff(dir: string, fixture: string): Promise<number> {
  const { ids, logits } = checkpointFixture(fixture);
  const { config, weights } = loadCheckpoint(dir);
  const session = await compileGraph(buildInferenceGraph(config, weights), { threads: 1, prepack: false });
  const actual = await inferenceLogits(config, session, ids, [ids.length]);
  await session.release();
  return worstDifference(actual, logits);
}

/** Loads the folder in a process of its own. */
async function loadUnderWatch(dir: string, ...what: "compile"[]): Promise<LoadReport> {
  const script = fileURLToPath(new URL("../../support/load-under-watch.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, dir, ...what], { timeout: 60_000 });
  return JSON.parse(stdout) as LoadReport;
}

describe("weights in their file", () => {
  for (const name of ["llama", "llama-tied-multi-head", "llama-sharded"]) {
    it(`are no part of the graph's own bytes, and compute the same: ${name}`, async () => {
      const { dir } = checkpointFixture(name);
      const { config, weights } = loadCheckpoint(dir);
      const encoded = encodeModel(buildInferenceGraph({ ...config, contextTokens: 1 }, weights));
      // Two layers of names and nodes; the smallest of these weights takes 40 kB.
      assert.ok(encoded.byteLength < 24_000, `${encoded.byteLength} bytes`);
      assert.ok((await logitsOff(dir, name)) < 1e-3);
    });
  }

  it("compute the same at an odd place in the file", async () => {
    using folder = copyOfFixture("llama");
    const file = readFileSync(path.join(folder.dir, "model.safetensors"));
    const headerBytes = Number(file.readBigUInt64LE(0));
    const header = Buffer.from(
      `${file
        .subarray(8, 8 + headerBytes)
        .toString()
        .trimEnd()} `,
    );
    const odd = header.length % 2 === 1 ? header : Buffer.concat([header, Buffer.from(" ")]);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(odd.length));
    folder.write("model.safetensors", Buffer.concat([length, odd, file.subarray(8 + headerBytes)]));
    assert.equal(loadCheckpoint(folder.dir).weights.external("model.norm.weight")!.offset % 2, 1);
    assert.ok((await logitsOff(folder.dir, "llama")) < 1e-3);
  });

  it("compute the same through the links of a hub's cache", async () => {
    using folder = copyOfFixture("llama-sharded");
    const [blobs, snapshot] = [path.join(folder.outside, "blobs"), path.join(folder.outside, "snapshots", "0f1e2d")];
    cpSync(folder.dir, blobs, { recursive: true });
    mkdirSync(snapshot, { recursive: true });
    for (const name of [
      "config.json",
      "model.safetensors.index.json",
      ...[1, 2, 3, 4].map((i) => `model-0000${i}-of-00004.safetensors`),
    ])
      symlinkSync(path.join("../../blobs", name), path.join(snapshot, name));
    assert.ok((await logitsOff(snapshot, "llama-sharded")) < 1e-3);
  });

  it("take no memory of the process's own", async () => {
    using folder = copyOfFixture("llama");
    const raw = JSON.parse(readFileSync(path.join(folder.dir, "config.json"), "utf8")) as Record<string, unknown>;
    const wide = { ...raw, hidden_size: 512, intermediate_size: 8_192 };
    folder.write("config.json", JSON.stringify(wide));
    const shapes = weightShapes(parseDecoderConfig(wide));
    const tensors = [...shapes].map(([name, shape]) => {
      return [name, float32Tensor(new Float32Array(sizeOf(shape)).fill(0.01), shape)] as const;
    });
    const file = writeSafetensors(new Map(tensors));
    folder.write("model.safetensors", file);
    assert.ok(file.byteLength > 96 * MIB);
    const { code, ownBytes } = await loadUnderWatch(folder.dir, "compile");
    assert.equal(code, null);
    // A copy in JavaScript, one in the encoded graph and one in the runtime would be 300 MiB.
    assert.ok(ownBytes < 48 * MIB, `${ownBytes / MIB} MiB for ${file.byteLength / MIB} MiB of weights`);
  });
});

// The promise of the documentation: refused in 256 MiB, whatever a file claims or holds.
describe("the memory that refusing a checkpoint takes", () => {
  /** A file whose header has the given length and begins with the text. */
  const withHeader = (text: string, length = text.length) => {
    const bytes = Buffer.alloc(8 + text.length);
    bytes.writeBigUInt64LE(BigInt(length));
    bytes.write(text, 8, "latin1");
    return bytes;
  };
  const repeated = (n: number, member: (i: number) => string) =>
    Array.from({ length: n }, (_, i) => member(i)).join(",");
  const entry = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
  const FILES: readonly [string, string, (folder: ModelFolder) => void][] = [
    [
      "100,000 tensors",
      "checkpoint-invalid",
      ({ write }) => write("model.safetensors", withHeader(`{${repeated(100_000, (i) => `"t${i}":${entry}`)}}`)),
    ],
    [
      "20,000 tensors that the model does not have",
      "checkpoint-invalid",
      ({ write }) => write("model.safetensors", withHeader(`{${repeated(20_000, (i) => `"t${i}":${entry}`)}}`)),
    ],
    [
      "half a million entries of metadata",
      "checkpoint-invalid",
      ({ write }) =>
        write("model.safetensors", withHeader(`{"__metadata__":{${repeated(500_000, (i) => `"${i}":""`)}}`)),
    ],
    [
      "a name of 8 MB",
      "checkpoint-invalid",
      ({ write }) => write("model.safetensors", withHeader(`{"${"\\u0041".repeat(1_390_000)}":{}`)),
    ],
    [
      "a header of 2^40 bytes in a file as long",
      "checkpoint-invalid",
      ({ dir, write }) => {
        write("model.safetensors", withHeader("{}", 2 ** 40));
        truncateSync(path.join(dir, "model.safetensors"), 2 ** 40 + 8);
      },
    ],
    [
      "a tensor of 2^39 bytes in a file as long",
      "checkpoint-invalid",
      ({ dir, write }) => {
        const header = `{"model.embed_tokens.weight":{"dtype":"F32","shape":[${2 ** 37}],"data_offsets":[0,${2 ** 39}]}}`;
        write("model.safetensors", withHeader(header));
        truncateSync(path.join(dir, "model.safetensors"), 8 + header.length + 2 ** 39);
      },
    ],
    [
      "a hundred files of 10,000 tensors",
      "checkpoint-invalid",
      ({ dir, write }) => {
        rmSync(path.join(dir, "model.safetensors"));
        for (let n = 0; n < 100; n++)
          write(`m${n}.safetensors`, withHeader(`{${repeated(10_000, (i) => `"t${n}.${i}":${entry}`)}}`));
      },
    ],
    [
      "an index of a gigabyte",
      "checkpoint-invalid",
      ({ dir, write }) => {
        rmSync(path.join(dir, "model.safetensors"));
        write("model.safetensors.index.json", "{");
        truncateSync(path.join(dir, "model.safetensors.index.json"), 2 ** 30);
      },
    ],
    [
      "a configuration of a gigabyte",
      "checkpoint-invalid",
      ({ dir }) => truncateSync(path.join(dir, "config.json"), 2 ** 30),
    ],
    [
      "a configuration of the largest numbers",
      "checkpoint-invalid",
      ({ dir }) => {
        const file = path.join(dir, "config.json");
        const config = JSON.parse(readFileSync(file, "utf8")) as object;
        const largest = {
          num_hidden_layers: 512,
          hidden_size: 2 ** 20,
          intermediate_size: 2 ** 20,
          vocab_size: 2 ** 22,
        };
        writeFileSync(file, JSON.stringify({ ...config, ...largest, max_position_embeddings: 2 ** 30 }));
      },
    ],
  ];
  for (const [what, expected, damage] of FILES) {
    it(`is bounded: ${what}`, async () => {
      using folder = copyOfFixture("llama");
      damage(folder);
      const { code, peakBytes } = await loadUnderWatch(folder.dir);
      assert.equal(code, expected);
      assert.ok(peakBytes < 256 * MIB, `${peakBytes / MIB} MiB`);
    });
  }
});
