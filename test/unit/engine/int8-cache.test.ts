import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { openDecoderSessions } from "../../../engine/generate/decoder-sessions.ts";
import { createTokenReader } from "../../../engine/generate/token-reader.ts";
import type { ExternalData } from "../../../engine/graph/graph.ts";
import { quantizeBlocks, type Int8Blocks } from "../../../engine/quantize/int8-blocks.ts";
import { cachedStore, int8Key } from "../../../engine/quantize/int8-cache.ts";
import type { StoredBlocks } from "../../../engine/quantize/int8-store.ts";
import { normal, randomWeights, TINY } from "../../support/tiny-decoder.ts";

describe("the cache of quantised weights", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), "kept-int8-cache-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const random = normal(3);
  const matrices = [40, 64].map((rows) =>
    quantizeBlocks(
      Float32Array.from({ length: rows * 96 }, () => random()),
      rows,
      96,
    ),
  );
  const bytesOf = (data: StoredBlocks["values"]): Uint8Array => {
    const { file, offset, length } = data as ExternalData;
    return readFileSync(file).subarray(offset, offset + length);
  };
  /** Bytes of both matrices as the store gives them, and how many slabs it asked for. */
  function use(key: string, maxBytes?: number): { kept: Uint8Array[]; nSlabs: number } {
    using store = cachedStore(key, { folder, ...(maxBytes === undefined ? {} : { maxBytes }) });
    let nSlabs = 0;
    function* slabs(matrix: Int8Blocks) {
      nSlabs++;
      yield matrix;
    }
    const kept = matrices.flatMap((matrix) => {
      const stored = store.keep(slabs(matrix));
      assert.equal(stored.rows, matrix.rows);
      return [bytesOf(stored.values), bytesOf(stored.scales)];
    });
    store.commit();
    return { kept, nSlabs };
  }
  const expected = matrices.flatMap(({ values, scales }) => [
    Buffer.from(values),
    Buffer.from(scales.buffer, scales.byteOffset, scales.byteLength),
  ]);

  it("quantises once, and gives back the same bytes", () => {
    const key = int8Key("weights", TINY);
    assert.deepEqual(use(key), { kept: expected, nSlabs: 2 });
    assert.deepEqual(use(key), { kept: expected, nSlabs: 0 });
    assert.equal(use(int8Key("weights", { ...TINY, tiedHead: false })).nSlabs, 2);
    assert.equal(readdirSync(folder).length, 2);
    if (process.platform !== "win32")
      assert.ok(readdirSync(folder).every((name) => (statSync(path.join(folder, name)).mode & 0o077) === 0));
  });

  it("makes a file anew that is not whole", () => {
    const key = int8Key("weights");
    use(key);
    const file = path.join(folder, `${key}.int8`);
    const whole = readFileSync(file);
    const damaged = Buffer.from(whole);
    damaged[100]! ^= 1;
    const huge = Buffer.from(whole);
    huge.writeUInt32LE(0xffff_ffff, huge.length - 4);
    for (const bytes of [
      damaged,
      huge,
      whole.subarray(0, -1),
      whole.subarray(0, 50),
      Buffer.alloc(3),
      Buffer.alloc(0),
    ]) {
      writeFileSync(file, bytes);
      assert.deepEqual(use(key), { kept: expected, nSlabs: 2 });
      assert.deepEqual(readFileSync(file), whole);
    }
  });

  it("leaves nothing of a model that could not be compiled", () => {
    const store = cachedStore(int8Key("weights"), { folder });
    store.keep([matrices[0]!]);
    store[Symbol.dispose]();
    assert.deepEqual(readdirSync(folder), []);
  });

  it("is bounded: what was used longest ago goes first", () => {
    const keys = ["a", "b", "c"].map((name) => int8Key(name));
    use(keys[0]!);
    const size = statSync(path.join(folder, `${keys[0]}.int8`)).size;
    const maxBytes = 2 * size;
    use(keys[1]!, maxBytes);
    const used = (key: string, at: number) => utimesSync(path.join(folder, `${key}.int8`), at, at);
    used(keys[0]!, 2_000);
    used(keys[1]!, 1_000);
    writeFileSync(path.join(folder, "left.int8.1.partial"), "");
    utimesSync(path.join(folder, "left.int8.1.partial"), 0, 0);
    writeFileSync(path.join(folder, "other"), "not ours");
    use(keys[2]!, maxBytes);
    assert.deepEqual(readdirSync(folder).sort(), ["other", `${keys[0]}.int8`, `${keys[2]}.int8`].sort());
    // One that alone is too large is used, and not kept.
    assert.equal(use(int8Key("d"), 10).nSlabs, 2);
    assert.ok(!readdirSync(folder).includes(`${int8Key("d")}.int8`));
  });

  const CONFIG = { ...TINY, headDim: 16, hiddenSize: 32, ffnSize: 64, attentionBias: false };
  async function logits(cacheFolder: string): Promise<Float32Array> {
    await using sessions = await openDecoderSessions(CONFIG, randomWeights(CONFIG), {
      threads: 1,
      precision: "int8",
      nParameters: 1_000_000_000,
      sha256: "weights",
      cache: { folder: cacheFolder },
    });
    const reader = createTokenReader(CONFIG, await sessions.decoderFor(null));
    return (await reader.readAll([3, 1, 4, 1, 5], 1))[0]!;
  }

  it("serves a model from what the last process quantised", async () => {
    const first = await logits(folder);
    const [name] = readdirSync(folder);
    const before = statSync(path.join(folder, name!)).ino;
    assert.deepEqual(await logits(folder), first);
    assert.deepEqual([readdirSync(folder).length, statSync(path.join(folder, name!)).ino], [1, before]);
  });

  it("is done without where it cannot be written, and that is said", async () => {
    const told: unknown[] = [];
    const listen = (warning: Error & { code?: string }) => told.push(warning.code);
    process.on("warning", listen);
    const file = path.join(folder, "file");
    writeFileSync(file, "");
    const expectedLogits = await logits(path.join(folder, "good"));
    assert.deepEqual(await logits(path.join(file, "below")), expectedLogits);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", listen);
    assert.deepEqual(told, ["quantised-cache-unavailable"]);
  });
});
