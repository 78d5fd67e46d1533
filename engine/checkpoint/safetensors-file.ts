import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { EngineError } from "../engine-error.ts";
import { headerLength, type StoredTensor, storedType } from "./safetensors.ts";
import { parseHeader, type TensorEntry } from "./safetensors-header.ts";

/** A safetensors file of which only the header was read. */
export interface SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Where the tensors' bytes begin in the file. */
  readonly dataStart: number;
}

/** Read a file's header, whatever the size of the file. Throws checkpoint-invalid. */
export function openSafetensors(path: string): SafetensorsFile {
  return withFile(path, (fd, fileBytes) => {
    const length = readAt(fd, path, 0, Math.min(8, fileBytes));
    const headerBytes = headerLength(length, fileBytes);
    const dataStart = length.byteLength + headerBytes;
    const tensors = parseHeader(readAt(fd, path, length.byteLength, headerBytes), fileBytes - dataStart);
    return { path, tensors, dataStart };
  });
}

/** Read one tensor. Throws checkpoint-invalid for a type that has no values in Kept, and for a file cut short since. */
export function readTensor(file: SafetensorsFile, name: string): StoredTensor | undefined {
  const entry = file.tensors.get(name);
  if (!entry) return undefined;
  const dtype = storedType(name, entry);
  const bytes = withFile(file.path, (fd) =>
    readAt(fd, file.path, file.dataStart + entry.start, entry.end - entry.start),
  );
  return { dtype, shape: entry.shape, bytes };
}

/** The header as it stands in the file, JSON and padding. */
export function readHeader(file: SafetensorsFile): Uint8Array {
  return withFile(file.path, (fd) => readAt(fd, file.path, 8, file.dataStart - 8));
}

/** Bytes of a small file, such as `config.json`. Throws checkpoint-invalid above `limitBytes`. */
export function readSmallFile(path: string, limitBytes: number): Uint8Array {
  return withFile(path, (fd, fileBytes) => {
    if (fileBytes > limitBytes) throw new EngineError("checkpoint-invalid", `${path} is over ${limitBytes} bytes.`);
    return readAt(fd, path, 0, fileBytes);
  });
}

/** Pass every byte to `consume`, in pieces of at most 1 MiB. */
export function streamFile(path: string, consume: (piece: Uint8Array) => void): void {
  const buffer = new Uint8Array(2 ** 20);
  withFile(path, (fd) => {
    for (let n = readSync(fd, buffer); n > 0; n = readSync(fd, buffer)) consume(buffer.subarray(0, n));
  });
}

/** Opening without waiting keeps a pipe in the place of a file from holding the process for ever. */
function withFile<T>(path: string, work: (fd: number, fileBytes: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new EngineError("checkpoint-invalid", `${path} is not a file.`);
    return work(fd, stat.size);
  } finally {
    closeSync(fd);
  }
}

function readAt(fd: number, path: string, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  // One read is at most 2 GiB on Linux.
  const pieceBytes = 2 ** 30;
  let done = 0;
  while (done < length) {
    const n = readSync(fd, bytes, done, Math.min(pieceBytes, length - done), position + done);
    if (n === 0) throw new EngineError("checkpoint-invalid", `${path} ended while it was read.`);
    done += n;
  }
  return bytes;
}
