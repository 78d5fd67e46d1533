import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { safetensorsHeader, type StoredType } from "./safetensors.ts";

/** A tensor that is going to be written: its bytes are asked for when their turn comes. */
export interface WrittenTensor {
  readonly name: string;
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  readonly nBytes: number;
  bytes(): Uint8Array;
}

/**
 * Write a safetensors file tensor by tensor, whatever its size, and flush it: one tensor is in memory at a
 * time, unless the caller has them. An existing file is written over. Throws what the file system says.
 */
export function writeSafetensorsFile(
  file: string,
  tensors: readonly WrittenTensor[],
  metadata: Readonly<Record<string, string>> = {},
): void {
  const fd = openSync(file, "w");
  try {
    writeAll(fd, safetensorsHeader(tensors, metadata));
    for (const { name, nBytes, bytes } of tensors) {
      const data = bytes();
      if (data.byteLength !== nBytes) throw new Error(`${name} has ${data.byteLength} bytes instead of ${nBytes}`);
      writeAll(fd, data);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The bytes of float32 values, not copied. */
export const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, Math.min(bytes.length - at, WRITE_BYTES));
}

/** One write call moves at most 2 GiB on Linux; smaller pieces cost nothing. */
const WRITE_BYTES = 64 * 2 ** 20;
