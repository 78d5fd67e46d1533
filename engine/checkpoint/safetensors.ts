import { bfloat16ToFloat32, float16ToFloat32 } from "./float-conversion.ts";
import { invalidFile, parseHeader, shown, type TensorEntry } from "./safetensors-header.ts";

/**
 * The safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors'
 * bytes (huggingface/safetensors, README "Format"). Of its types Kept reads and writes these four.
 */
export interface StoredTensor {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export type StoredType = "F32" | "F16" | "BF16" | "I8";

const STORED_TYPES: readonly string[] = ["F32", "F16", "BF16", "I8"] satisfies readonly StoredType[];

/**
 * Longest header. The reference implementation allows 100 MB, which takes seconds and gigabytes to
 * parse; this is room for 400 bytes on each of the most tensors that are read.
 */
const MAX_HEADER_BYTES = 8 * 2 ** 20;

const LENGTH_BYTES = 8;

/** Read every tensor of a file in memory. Throws checkpoint-invalid naming the tensor and what is wrong with it. */
export function readSafetensors(file: Uint8Array): Map<string, StoredTensor> {
  const headerBytes = headerLength(file, file.byteLength);
  const dataStart = LENGTH_BYTES + headerBytes;
  const entries = parseHeader(file.subarray(LENGTH_BYTES, dataStart), file.byteLength - dataStart);
  return new Map(
    [...entries].map(([name, entry]) => [
      name,
      {
        dtype: storedType(name, entry),
        shape: entry.shape,
        bytes: file.subarray(dataStart + entry.start, dataStart + entry.end),
      },
    ]),
  );
}

/**
 * Length of the header, from the first bytes of a file of `fileBytes`. Throws checkpoint-invalid before
 * anything of that length is allocated.
 */
export function headerLength(start: Uint8Array, fileBytes: number): number {
  if (fileBytes < LENGTH_BYTES || start.byteLength < LENGTH_BYTES)
    throw invalidFile("it is shorter than its own header");
  const length = new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER_BYTES, fileBytes - LENGTH_BYTES)))
    throw invalidFile("the header is longer than the file or the limit");
  return Number(length);
}

/** The entry's type if its values can be read. Throws checkpoint-invalid for another type of the format. */
export function storedType(name: string, { dtype }: TensorEntry): StoredType {
  if (!STORED_TYPES.includes(dtype)) throw invalidFile(`${shown(name)} has the unsupported type ${dtype}`);
  return dtype as StoredType;
}

/** The bytes of a safetensors file, tensors in the given order, data aligned to 8 bytes. For small ones: it is in memory. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const planned = [...tensors].map(([name, tensor]) => ({ name, ...tensor, nBytes: tensor.bytes.byteLength }));
  const header = safetensorsHeader(planned, metadata);
  const file = new Uint8Array(planned.reduce((end, { nBytes }) => end + nBytes, header.byteLength));
  file.set(header);
  let at = header.byteLength;
  for (const { bytes } of planned) {
    file.set(bytes, at);
    at += bytes.byteLength;
  }
  return file;
}

/** What stands before the tensors' bytes: the length of the JSON, and the JSON, padded to 8 bytes. */
export function safetensorsHeader(
  tensors: readonly {
    readonly name: string;
    readonly dtype: StoredType;
    readonly shape: readonly number[];
    readonly nBytes: number;
  }[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  // Without a prototype, so that `__proto__` is a name like any other.
  const header = Object.create(null) as Record<string, unknown>;
  if (Object.keys(metadata).length > 0) header["__metadata__"] = metadata;
  let offset = 0;
  for (const { name, dtype, shape, nBytes } of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + nBytes] };
    offset += nBytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const bytes = new Uint8Array(LENGTH_BYTES + padded).fill(0x20, LENGTH_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

export function float32Tensor(data: Float32Array, shape: readonly number[]): StoredTensor {
  return { dtype: "F32", shape, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** The values as float32. An I8 tensor needs its scales; see `checkpoint.ts`. */
export function toFloat32({ dtype, bytes }: StoredTensor): Float32Array {
  // A copy, for alignment; `Buffer.slice` would be a view.
  const copy = new Uint8Array(bytes);
  switch (dtype) {
    case "F32":
      return new Float32Array(copy.buffer);
    case "I8":
      return Float32Array.from(new Int8Array(copy.buffer));
    case "F16":
      return float16ToFloat32(new Uint16Array(copy.buffer));
    case "BF16":
      return bfloat16ToFloat32(new Uint16Array(copy.buffer));
  }
}
