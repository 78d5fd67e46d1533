import assert from "node:assert/strict";
import fc from "fast-check";
import {
  float32Tensor,
  readSafetensors,
  toFloat32,
  writeSafetensors,
  type StoredTensor,
} from "../../../engine/checkpoint/safetensors.ts";
import { headerEntry as entry, safetensorsBytes as fileWith } from "../../support/safetensors-bytes.ts";

describe("safetensors", () => {
  it("reads what it wrote", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "grapheme", maxLength: 12 }), fc.float32Array({ noNaN: true, maxLength: 20 })),
        (values) => {
          const tensors = new Map(
            Object.entries(values)
              .filter(([name]) => name !== "__metadata__" && name.isWellFormed())
              .map(([name, data]) => [name, float32Tensor(data, [data.length])]),
          );
          const read = readSafetensors(writeSafetensors(tensors, { format: "pt" }));
          assert.deepEqual([...read.keys()], [...tensors.keys()]);
          for (const [name, tensor] of read) assert.deepEqual(toFloat32(tensor), values[name]);
        },
      ),
    );
  });

  it("aligns the data to eight bytes", () => {
    const file = writeSafetensors(new Map([["x", float32Tensor(new Float32Array(1), [1])]]));
    assert.equal(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8, 0);
  });

  it("reads float16, with subnormal and infinite values", () => {
    const bytes = new Uint8Array(Uint16Array.from([0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555]).buffer);
    const values = toFloat32({ dtype: "F16", shape: [5], bytes });
    assert.deepEqual([...values.subarray(0, 4)], [1, -2, 2 ** -24, Infinity]);
    assert.ok(Math.abs(values[4]! - 1 / 3) < 1e-3);
  });

  it("reads bfloat16", () => {
    const bytes = new Uint8Array(Uint16Array.from([0x3f80, 0xc040]).buffer);
    assert.deepEqual([...toFloat32({ dtype: "BF16", shape: [2], bytes })], [1, -3]);
  });

  it("reads names with escapes, and one that every object has", () => {
    const names = ['a"b', "back\\slash", "\\", "é\u2028", "__proto__", "constructor"];
    const header = names
      .map((name, i) => `${JSON.stringify(name)}:{"dtype":"F32","shape":[],"data_offsets":[${4 * i},${4 * i + 4}]}`)
      .join(" ,\n");
    assert.deepEqual([...readSafetensors(fileWith(`{${header}}  `, 4 * names.length)).keys()], names);
  });

  it("reads tensors without values, and tensors in any order of the header", () => {
    const header = {
      late: { dtype: "F16", shape: [2], data_offsets: [4, 8] },
      none: { dtype: "F32", shape: [0, 3], data_offsets: [4, 4] },
      early: { dtype: "BF16", shape: [2, 1], data_offsets: [0, 4] },
    };
    const sizes = [...readSafetensors(fileWith(header))].map(([name, { bytes }]) => [name, bytes.byteLength]);
    assert.deepEqual(sizes, [
      ["late", 4],
      ["none", 0],
      ["early", 4],
    ]);
  });

  it("accepts the entry that the refused ones are made from", () =>
    assert.equal(readSafetensors(fileWith(entry({}))).size, 1));
});

describe("a hostile safetensors file", () => {
  const refuses = (what: string, file: Uint8Array, message: RegExp) =>
    it(`is refused: ${what}`, () =>
      assert.throws(
        () => readSafetensors(file),
        (error: Error & { code?: string }) => error.code === "checkpoint-invalid" && message.test(error.message),
      ));
  const claiming = (length: bigint) => {
    const file = fileWith(entry({}));
    new DataView(file.buffer).setBigUint64(0, length, true);
    return file;
  };
  const two = (first: object, second: object) =>
    fileWith({ a: { dtype: "F32", shape: [1], ...first }, b: { dtype: "F32", shape: [1], ...second } });

  // G27
  for (const length of [1n << 63n, (1n << 64n) - 1n, 1n << 33n, 200n])
    refuses(`a header length of ${length}`, claiming(length), /longer than the file or the limit/);
  // G28
  for (const size of [0, 7]) refuses(`${size} bytes`, new Uint8Array(size), /shorter than its own header/);
  refuses("8 bytes without a header", new Uint8Array(8), /does not start with \{/);
  refuses("a header that is not UTF-8", fileWith(Uint8Array.from([0x7b, 0xff, 0x7d])), /not UTF-8/);
  refuses("a byte order mark", fileWith(Uint8Array.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), 0), /start with \{/);
  refuses("a header that is not JSON", fileWith("{nope"), /not JSON/);
  refuses("a header cut short", fileWith('{"x":{"dtype":"F32","shape":[2],"data_off'), /not JSON/);
  refuses("a name without an end", fileWith(`{"${"x".repeat(100_000)}`), /not JSON/);
  refuses("a name of backslashes without an end", fileWith(`{"${'\\"'.repeat(50_000)}`), /not JSON/);
  refuses("a line end in a name", fileWith('{"a\nb":{}}'), /not JSON/);
  refuses("a header that is an array", fileWith("[1]"), /start with \{/);
  refuses("a space before the header", fileWith(` ${JSON.stringify(entry({}))}`), /start with \{/);
  refuses("text after the header", fileWith(`${JSON.stringify(entry({}))}{}`), /not JSON/);
  refuses("a trailing comma", fileWith('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},}'), /not JSON/);
  // G29
  refuses("an end before its start", fileWith(entry({ data_offsets: [8, 4] })), /do not fit/);
  refuses("a negative offset", fileWith(entry({ data_offsets: [-1, 4] })), /no proper offsets/);
  refuses("offsets that are no numbers", fileWith(entry({ data_offsets: ["0", 8] })), /no proper offsets/);
  refuses("three offsets", fileWith(entry({ data_offsets: [0, 4, 8] })), /no proper offsets/);
  refuses("one offset", fileWith(entry({ data_offsets: [8] })), /lacks its type, shape or offsets/);
  refuses("an offset that is rounded", fileWith(entry({ data_offsets: [0, 2 ** 63] })), /no proper offsets/);
  refuses(
    "an offset with an exponent",
    fileWith('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8e0]}}'),
    /offsets/,
  );
  refuses("data beyond the file", fileWith(entry({ shape: [4], data_offsets: [0, 16] })), /ends beyond the file/);
  refuses("a hole before the first tensor", fileWith(entry({ shape: [1], data_offsets: [4, 8] })), /follows a hole/);
  refuses("bytes after the last tensor", fileWith(entry({}), 9), /bytes follow/);
  refuses("two tensors of the same bytes", two({ data_offsets: [0, 4] }, { data_offsets: [0, 4] }), /overlaps/);
  refuses("bytes that do not fit the shape", fileWith(entry({ shape: [3] })), /do not fit/);
  // G30
  refuses("a shape whose size overflows", fileWith(entry({ shape: [2 ** 32 - 1, 2 ** 32 - 1] })), /beyond any file/);
  refuses("an overflow that would wrap to 8 bytes", fileWith(entry({ shape: [2 ** 31, 2 ** 31] })), /beyond any file/);
  refuses("a negative shape", fileWith(entry({ shape: [-1] })), /no proper shape/);
  refuses("a fraction in a shape", fileWith(entry({ shape: [2.5] })), /no proper shape/);
  refuses("a shape of 1,000 axes", fileWith(entry({ shape: Array(1000).fill(1) })), /no proper shape/);
  refuses("a shape that is no array", fileWith(entry({ shape: { 0: 2 } })), /no proper shape/);
  // G31
  refuses("two bytes of float32", fileWith(entry({ shape: [1], data_offsets: [0, 2] }), 2), /do not fit/);
  refuses("an unknown type", fileWith(entry({ dtype: "X9" })), /unsupported type X9/);
  refuses("a type that every object has", fileWith(entry({ dtype: "constructor" })), /unsupported type/);
  refuses("a type without values in Kept", fileWith(entry({ dtype: "I64", shape: [1] })), /unsupported type I64/);
  refuses(
    "half bytes to an odd number",
    fileWith(entry({ dtype: "F4", shape: [3], data_offsets: [0, 1] })),
    /within a byte/,
  );
  // G32
  const many = Array.from({ length: 100_000 }, (_, i) => `"t${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`);
  refuses("100,000 tensors", fileWith(`{${many.join(",")}}`, 0), /more than 20000 tensors/);
  const keys = Array.from({ length: 2_000 }, (_, i) => `"k${i}":""`).join(",");
  refuses("metadata of 2,000 entries", fileWith(`{"__metadata__":{${keys}}}`, 0), /more than 1000 entries/);
  refuses("metadata with an object in it", fileWith('{"__metadata__":{"a":{"b":"c"}}}', 0), /not JSON/);
  refuses("metadata twice", fileWith('{"__metadata__":{},"__metadata__":{}}', 0), /twice/);
  refuses("a key of the metadata twice", fileWith('{"__metadata__":{"a":"","a":""}}', 0), /twice/);
  refuses("a nesting of 100,000", fileWith(`{"x":${"[".repeat(100_000)}`), /not JSON/);
  const same =
    '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0078":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}';
  refuses("a name twice, once escaped", fileWith(same), /x is there twice/);
  refuses("a field twice", fileWith('{"x":{"dtype":"F32","dtype":"F16"}}'), /twice or beyond/);
  refuses("an unknown field", fileWith(entry({ extra: 1 })), /field extra/);

  it("is refused or read within its bounds whatever bytes change", () => {
    const valid = writeSafetensors(
      new Map<string, StoredTensor>([
        ["model.a", float32Tensor(Float32Array.from([1, 2, 3, 4, 5, 6]), [2, 3])],
        ["model.b", { dtype: "BF16", shape: [4], bytes: new Uint8Array(8) }],
        ["model.c", { dtype: "I8", shape: [3, 1], bytes: new Uint8Array(3) }],
      ]),
      { format: "pt" },
    );
    const change = fc.record({
      at: fc.oneof(fc.nat(8), fc.nat(valid.length - 1)),
      byte: fc.oneof(fc.nat(255), fc.constantFrom(...'"{}[],:\\0123456789 '.split("").map((c) => c.charCodeAt(0)))),
    });
    let nRead = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(valid.length), (changes, cut) => {
        const file = valid.slice(0, cut < 8 ? cut : valid.length);
        for (const { at, byte } of changes) if (at < file.length) file[at] = byte;
        try {
          const tensors = readSafetensors(file);
          nRead++;
          let total = 0;
          for (const [, tensor] of tensors) {
            total += tensor.bytes.byteLength;
            assert.ok(tensor.bytes.byteOffset >= 8 && tensor.bytes.byteOffset + tensor.bytes.byteLength <= file.length);
            assert.equal(
              toFloat32(tensor).length,
              tensor.shape.reduce((product, n) => product * n, 1),
            );
          }
          assert.ok(total < file.length);
        } catch (error) {
          if ((error as { code?: string }).code !== "checkpoint-invalid") throw error;
        }
      }),
      { numRuns: 3_000 },
    );
    assert.ok(nRead > 0, "changes of values alone are read");
  });
});
