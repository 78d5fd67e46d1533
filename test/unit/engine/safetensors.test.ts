import assert from "node:assert/strict";
import fc from "fast-check";
import { float32Tensor, readSafetensors, toFloat32, writeSafetensors } from "../../../engine/checkpoint/safetensors.ts";

function fileWith(header: unknown, nDataBytes = 8): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + nDataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

function checkRefused(file: Uint8Array, message: RegExp) {
  assert.throws(
    () => readSafetensors(file),
    (error: Error & { code?: string }) => error.code === "checkpoint-invalid" && message.test(error.message),
  );
}

describe("safetensors", () => {
  it("reads what it wrote", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[a-z.]{1,12}$/), fc.float32Array({ noNaN: true, maxLength: 20 })),
        (values) => {
          const tensors = new Map(
            Object.entries(values).map(([name, data]) => [name, float32Tensor(data, [data.length])]),
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

  const entry = (fields: object) => ({ x: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...fields } });
  it("accepts the entry that the refused ones are made from", () =>
    assert.equal(readSafetensors(fileWith(entry({}))).size, 1));
  it("refuses a file of seven bytes", () => checkRefused(new Uint8Array(7), /shorter/));
  it("refuses a header length beyond the file", () =>
    checkRefused(Uint8Array.from([255, 255, 255, 255, 255, 255, 255, 127, 0]), /longer/));
  it("refuses a header that is not JSON", () => checkRefused(fileWith("{nope"), /not JSON/));
  it("refuses a header that is not an object", () => checkRefused(fileWith("[1]"), /not an object/));
  it("refuses an unknown type", () => checkRefused(fileWith(entry({ dtype: "X9" })), /unsupported type X9/));
  it("refuses a negative shape", () => checkRefused(fileWith(entry({ shape: [-1] })), /no proper shape/));
  it("refuses offsets that are no numbers", () =>
    checkRefused(fileWith(entry({ data_offsets: ["0", 8] })), /no proper offsets/));
  it("refuses bytes that do not fit the shape", () => checkRefused(fileWith(entry({ shape: [3] })), /do not fit/));
  it("refuses data beyond the file", () =>
    checkRefused(fileWith(entry({ shape: [4], data_offsets: [0, 16] })), /do not fit/));
});
