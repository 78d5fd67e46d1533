import { closeSync, openSync, writeSync } from "node:fs";
import { EngineError } from "../engine-error.ts";
import { floatToHalf } from "./half.ts";

/** A value of GGUF's metadata, under the type that llama.cpp expects for its key. */
export type GgufValue =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "uint32" | "float32"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "int32s"; readonly value: readonly number[] };

/** Element types that are written. Q8_0 holds blocks of 32 values of a row: one half, 32 signed bytes. */
export type GgufType = "F32" | "F16" | "Q8_0";

export interface GgufTensor {
  readonly name: string;
  /** Outermost axis first, as in a checkpoint; the file has them the other way round. */
  readonly shape: readonly number[];
  readonly type: GgufType;
  /** Asked for once, when the tensor is written: a large model is never held twice. */
  readonly values: () => Float32Array;
}

/** Numbers of the specification (ggml, docs/gguf.md). */
const VERSION = 3;
const ALIGNMENT = 32;
const TENSOR_TYPES = { F32: 0, F16: 1, Q8_0: 8 } as const;
const VALUE_TYPES = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

/** Values of a Q8_0 block, and its bytes. */
export const Q8_BLOCK = 32;
const Q8_BLOCK_BYTES = 2 + Q8_BLOCK;

/** A tensor's name may have at most this many bytes. */
const MAX_NAME_BYTES = 64;

/** Write a GGUF v3 file, little-endian, data aligned to 32 bytes. Throws export-unsupported for what the format cannot hold. */
export function writeGguf(
  file: string,
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
): void {
  const out: Buffer[] = [
    Buffer.from("GGUF"),
    uint32(VERSION),
    uint64(tensors.length),
    uint64(metadata.size),
    ...[...metadata].flatMap(([key, value]) => [string(key), ...typedValue(value)]),
  ];
  let offset = 0;
  for (const tensor of tensors) {
    if (Buffer.byteLength(tensor.name) > MAX_NAME_BYTES)
      throw new EngineError("export-unsupported", `The tensor name ${tensor.name} is longer than GGUF allows.`);
    out.push(
      string(tensor.name),
      uint32(tensor.shape.length),
      ...tensor.shape.toReversed().map(uint64),
      uint32(TENSOR_TYPES[tensor.type]),
      uint64(offset),
    );
    offset += aligned(storedBytes(tensor));
  }
  const header = Buffer.concat(out);
  const fd = openSync(file, "wx");
  try {
    writeAll(fd, header);
    writeAll(fd, Buffer.alloc(aligned(header.length) - header.length));
    for (const tensor of tensors) {
      const bytes = encodeValues(tensor);
      writeAll(fd, bytes);
      writeAll(fd, Buffer.alloc(aligned(bytes.length) - bytes.length));
    }
  } finally {
    closeSync(fd);
  }
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
const nValues = (tensor: GgufTensor): number => tensor.shape.reduce((product, n) => product * n, 1);

function storedBytes(tensor: GgufTensor): number {
  const n = nValues(tensor);
  if (tensor.type === "F32") return 4 * n;
  if (tensor.type === "F16") return 2 * n;
  if (tensor.shape.at(-1)! % Q8_BLOCK !== 0)
    throw new EngineError("export-unsupported", `${tensor.name} cannot be Q8_0: its rows are no multiple of 32.`);
  return (n / Q8_BLOCK) * Q8_BLOCK_BYTES;
}

function encodeValues(tensor: GgufTensor): Uint8Array {
  const values = tensor.values();
  if (values.length !== nValues(tensor))
    throw new Error(`${tensor.name} has ${values.length} values for the shape ${tensor.shape.join("x")}`);
  if (tensor.type === "Q8_0") return quantizeQ8(values);
  if (tensor.type === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) halves[i] = floatToHalf(values[i]!);
  return new Uint8Array(halves.buffer);
}

/** Blocks of a scale (half) and 32 signed bytes; the largest magnitude of a block becomes 127. */
function quantizeQ8(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / Q8_BLOCK) * Q8_BLOCK_BYTES);
  for (let start = 0, at = 0; start < values.length; start += Q8_BLOCK, at += Q8_BLOCK_BYTES) {
    let largest = 0;
    for (let i = start; i < start + Q8_BLOCK; i++) largest = Math.max(largest, Math.abs(values[i]!));
    const scale = largest / 127;
    const inverse = scale === 0 ? 0 : 1 / scale;
    const half = floatToHalf(scale);
    bytes[at] = half & 0xff;
    bytes[at + 1] = half >> 8;
    for (let i = 0; i < Q8_BLOCK; i++) bytes[at + 2 + i] = Math.round(values[start + i]! * inverse);
  }
  return bytes;
}

function typedValue(value: GgufValue): Buffer[] {
  switch (value.kind) {
    case "string":
      return [uint32(VALUE_TYPES.string), string(value.value)];
    case "uint32":
      return [uint32(VALUE_TYPES.uint32), uint32(value.value)];
    case "float32":
      return [uint32(VALUE_TYPES.float32), float32(value.value)];
    case "bool":
      return [uint32(VALUE_TYPES.bool), Buffer.from([value.value ? 1 : 0])];
    case "strings":
      return [...arrayOf(VALUE_TYPES.string, value.value.length), ...value.value.map(string)];
    case "int32s":
      return [...arrayOf(VALUE_TYPES.int32, value.value.length), ...value.value.map(int32)];
  }
}

const arrayOf = (type: number, length: number): Buffer[] => [uint32(VALUE_TYPES.array), uint32(type), uint64(length)];

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, Math.min(bytes.length - at, WRITE_BYTES));
}

/** One write call moves at most 2 GiB on Linux; smaller pieces cost nothing. */
const WRITE_BYTES = 64 * 2 ** 20;
