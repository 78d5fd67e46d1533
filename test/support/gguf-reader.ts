import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** A GGUF file read by the specification (ggml, docs/gguf.md), with nothing shared with the writer. */
export interface GgufFile {
  readonly metadata: ReadonlyMap<string, unknown>;
  /** Dimensions as stored: innermost first. Values are dequantised. */
  readonly tensors: ReadonlyMap<
    string,
    { readonly type: number; readonly dimensions: number[]; readonly values: number[] }
  >;
}

export function readGguf(file: string): GgufFile {
  const bytes = readFileSync(file);
  let at = 0;
  const take = (n: number): number => {
    assert.ok(at + n <= bytes.length, "the file ends early");
    at += n;
    return at - n;
  };
  const u32 = (): number => bytes.readUInt32LE(take(4));
  const u64 = (): number => Number(bytes.readBigUInt64LE(take(8)));
  const text = (): string => {
    const length = u64();
    const start = take(length);
    return bytes.toString("utf8", start, start + length);
  };
  const value = (type: number): unknown => {
    if (type === 4) return u32();
    if (type === 5) return bytes.readInt32LE(take(4));
    if (type === 6) return bytes.readFloatLE(take(4));
    if (type === 7) return bytes[take(1)] === 1;
    if (type === 8) return text();
    assert.equal(type, 9, "a value type that no writer of ours uses");
    const inner = u32();
    return Array.from({ length: u64() }, () => value(inner));
  };

  assert.equal(bytes.toString("latin1", take(4), 4), "GGUF");
  assert.equal(u32(), 3);
  const nTensors = u64();
  const nPairs = u64();
  const metadata = new Map(Array.from({ length: nPairs }, () => [text(), value(u32())]));
  const infos = Array.from({ length: nTensors }, () => ({
    name: text(),
    dimensions: Array.from({ length: u32() }, u64),
    type: u32(),
    offset: u64(),
  }));
  const dataStart = Math.ceil(at / 32) * 32;
  const tensors = new Map(
    infos.map(({ name, dimensions, type, offset }) => {
      assert.equal(offset % 32, 0, `${name} is not aligned`);
      const n = dimensions.reduce((product, size) => product * size, 1);
      return [name, { type, dimensions, values: decode(bytes, dataStart + offset, type, n) }];
    }),
  );
  return { metadata, tensors };
}

function decode(bytes: Buffer, start: number, type: number, n: number): number[] {
  if (type === 0) return Array.from({ length: n }, (_, i) => bytes.readFloatLE(start + 4 * i));
  if (type === 1) return Array.from({ length: n }, (_, i) => half(bytes.readUInt16LE(start + 2 * i)));
  assert.equal(type, 8);
  return Array.from({ length: n }, (_, i) => {
    const block = start + 34 * Math.floor(i / 32);
    return half(bytes.readUInt16LE(block)) * bytes.readInt8(block + 2 + (i % 32));
  });
}

export function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  const value = exponent === 31 ? (fraction === 0 ? Infinity : NaN) : magnitude;
  return bits & 0x8000 ? -value : value;
}
