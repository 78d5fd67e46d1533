import { EngineError } from "../engine-error.ts";

/**
 * The safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors'
 * bytes (huggingface/safetensors, README "Format"). Values are converted to float32 on reading.
 */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export type StoredType = "F32" | "F16" | "BF16" | "I8";

const ELEMENT_BYTES: Record<StoredType, number> = { F32: 4, F16: 2, BF16: 2, I8: 1 };

/** A header over 100 MB is refused, as the reference implementation does. */
const MAX_HEADER_BYTES = 100_000_000;

/** Read every tensor. Throws checkpoint-invalid naming the tensor and what is wrong with it. */
export function readSafetensors(file: Uint8Array): Map<string, StoredTensor> {
  const invalid = (message: string) =>
    new EngineError("checkpoint-invalid", `Not a valid safetensors file: ${message}.`);
  if (file.byteLength < 8) throw invalid("it is shorter than its own header");
  const headerBytes = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
  if (headerBytes > BigInt(Math.min(MAX_HEADER_BYTES, file.byteLength - 8)))
    throw invalid("the header is longer than the file or the limit");
  const dataStart = 8 + Number(headerBytes);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(8, dataStart)));
  } catch {
    throw invalid("the header is not JSON");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    throw invalid("the header is not an object");

  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const {
      dtype,
      shape,
      data_offsets: offsets,
    } = entry as { dtype: StoredType; shape: number[]; data_offsets: [number, number] };
    if (!(dtype in ELEMENT_BYTES)) throw invalid(`${name} has the unsupported type ${String(dtype)}`);
    if (!Array.isArray(shape) || !shape.every((n) => Number.isSafeInteger(n) && n >= 0))
      throw invalid(`${name} has no proper shape`);
    if (!Array.isArray(offsets) || !offsets.every((n) => Number.isSafeInteger(n) && n >= 0))
      throw invalid(`${name} has no proper offsets`);
    const [start, end] = offsets;
    const size = shape.reduce((product, n) => product * n, 1) * ELEMENT_BYTES[dtype];
    if (end - start !== size || dataStart + end > file.byteLength)
      throw invalid(`the bytes of ${name} do not fit its shape`);
    tensors.set(name, { dtype, shape, bytes: file.subarray(dataStart + start, dataStart + end) });
  }
  return tensors;
}

/** The bytes of a safetensors file, tensors in the given order, data aligned to 8 bytes. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.byteLength] };
    offset += bytes.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const file = new Uint8Array(8 + padded + offset).fill(0x20, 8, 8 + padded);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.set(json, 8);
  let at = 8 + padded;
  for (const { bytes } of tensors.values()) {
    file.set(bytes, at);
    at += bytes.byteLength;
  }
  return file;
}

export function float32Tensor(data: Float32Array, shape: readonly number[]): StoredTensor {
  return { dtype: "F32", shape, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** The values as float32. An I8 tensor needs its scales; see `checkpoint.ts`. */
export function toFloat32({ dtype, bytes }: StoredTensor): Float32Array {
  // A copy, for alignment; `Buffer.slice` would be a view.
  const copy = new Uint8Array(bytes);
  if (dtype === "F32") return new Float32Array(copy.buffer);
  if (dtype === "I8") return Float32Array.from(new Int8Array(copy.buffer));
  const halves = new Uint16Array(copy.buffer);
  if (dtype === "F16") return Float32Array.from(halves, halfToFloat);
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}

/** IEEE 754 binary16 to a number. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
