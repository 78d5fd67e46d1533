import envPaths from "env-paths";
import { createHash } from "node:crypto";
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { EngineError } from "../engine-error.ts";
import { blockWriter, type FiledBlocks, type Int8Store } from "./int8-store.ts";

/**
 * Quantised matrices that outlive the process, so that a large model is quantised once. A file holds those
 * of one graph in the order in which the graph asks for them, then a JSON index and its length (4 bytes,
 * little-endian). Its name is the hash of everything that decides what is in it, and its bytes are hashed
 * again before they are used: a file that is not whole is made anew.
 */
export interface CachedStore extends Int8Store {
  /** Keeps what was written. Once the graph is compiled, and never where the file was there already. */
  commit(): void;
}

export interface Int8CacheOptions {
  readonly folder?: string;
  /** Least recently used files go when all of them are larger, bytes. */
  readonly maxBytes?: number;
}

/** Changes when the layout of the file or of its blocks does. */
const FORMAT = 1;

/** Three or four models of 0.5 B parameters, with and without adapters. */
const MAX_CACHE_BYTES = 4 * 2 ** 30;

/** A file that is being written for longer was left by a process that ended, milliseconds. */
const MAX_WRITING_MS = 24 * 3_600_000;

/** An index is some 100 bytes a matrix. */
const MAX_INDEX_BYTES = 8 * 2 ** 20;

const PIECE_BYTES = 2 ** 20;

interface Index {
  readonly key: string;
  readonly sha256: string;
  /** Of each matrix its rows, where its values begin, and where its scales begin and end. */
  readonly matrices: readonly (readonly [rows: number, values: number, scales: number, end: number])[];
}

/** The platform's folder for caches. */
const cacheFolder = (): string => path.join(envPaths("kept", { suffix: "" }).cache, "int8");

/** Name of what is quantised from `parts`: JSON values that decide all of it, the hash of the weights among them. */
export const int8Key = (...parts: readonly unknown[]): string =>
  createHash("sha256")
    .update(JSON.stringify([FORMAT, ...parts]))
    .digest("hex");

/**
 * The store of a graph: reads the file of that key where there is a whole one, else writes it. Throws
 * quantised-cache-unavailable, also from `keep`, where the folder cannot be written.
 */
export function cachedStore(key: string, options: Int8CacheOptions = {}): CachedStore {
  try {
    const folder = options.folder ?? cacheFolder();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // ONNX Runtime maps no file through a link.
    const file = path.join(realpathSync(folder), `${key}.int8`);
    return openStore(file, key) ?? createStore(file, key, options.maxBytes ?? MAX_CACHE_BYTES);
  } catch (error) {
    throw unavailable(error);
  }
}

function openStore(file: string, key: string): CachedStore | null {
  const index = readIndex(file, key);
  if (!index) return null;
  utimesSync(file, new Date(), new Date());
  let next = 0;
  return {
    // The slabs are not looked at, so nothing is quantised.
    keep() {
      const matrix = index.matrices[next++];
      if (!matrix) throw new Error(`${file} has only ${index.matrices.length} matrices`);
      const [rows, values, scales, end] = matrix;
      return {
        rows,
        values: { file, offset: values, length: scales - values, type: "uint8" },
        scales: { file, offset: scales, length: end - scales, type: "float32" },
      };
    },
    commit() {},
    [Symbol.dispose]() {},
  };
}

function createStore(file: string, key: string, maxBytes: number): CachedStore {
  const partial = `${file}.${process.pid}.partial`;
  rmSync(partial, { force: true });
  const fd = openSync(partial, "wx+", 0o600);
  const write = blockWriter(fd, partial);
  const matrices: FiledBlocks[] = [];
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  return {
    keep(slabs) {
      try {
        const blocks = write(slabs);
        matrices.push(blocks);
        return blocks;
      } catch (error) {
        throw error instanceof EngineError ? error : unavailable(error);
      }
    },
    commit() {
      try {
        const dataBytes = fstatSync(fd).size;
        const index: Index = {
          key,
          sha256: hashOf(fd, dataBytes),
          matrices: matrices.map(({ rows, values, scales }) => [
            rows,
            values.offset,
            scales.offset,
            scales.offset + scales.length,
          ]),
        };
        const json = Buffer.from(JSON.stringify(index));
        const length = Buffer.alloc(4);
        length.writeUInt32LE(json.length);
        writeSync(fd, Buffer.concat([json, length]), 0, json.length + 4, dataBytes);
        close();
        if (dataBytes <= maxBytes) renameSync(partial, file);
        prune(path.dirname(file), maxBytes);
      } catch {
        // The model runs from what is mapped; the next start quantises again.
      }
    },
    [Symbol.dispose]() {
      close();
      rmSync(partial, { force: true, maxRetries: 0 });
    },
  };
}

/** The index of a whole file; null for one that is not there, is of another key, or does not have its hash. */
function readIndex(file: string, key: string): Index | null {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return null;
  }
  try {
    const { size } = fstatSync(fd);
    const length = Buffer.alloc(4);
    readSync(fd, length, 0, 4, size - 4);
    const indexBytes = length.readUInt32LE();
    const dataBytes = size - 4 - indexBytes;
    if (dataBytes < 0 || indexBytes > MAX_INDEX_BYTES) return null;
    const json = Buffer.alloc(indexBytes);
    readSync(fd, json, 0, indexBytes, dataBytes);
    const index = JSON.parse(json.toString()) as Index;
    return index.key === key && index.sha256 === hashOf(fd, dataBytes) ? index : null;
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

function hashOf(fd: number, nBytes: number): string {
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE_BYTES);
  for (let at = 0; at < nBytes;) {
    const n = readSync(fd, piece, 0, Math.min(PIECE_BYTES, nBytes - at), at);
    if (n === 0) throw new Error("The file ended while it was read");
    hash.update(piece.subarray(0, n));
    at += n;
  }
  return hash.digest("hex");
}

/** Removes what was left half written, and the least recently used files that are too much. */
function prune(folder: string, maxBytes: number): void {
  const files = readdirSync(folder)
    .map((name) => ({ file: path.join(folder, name), stats: statSync(path.join(folder, name)) }))
    .filter(({ file, stats }) => stats.isFile() && /\.(int8|partial)$/.test(file))
    .toSorted((a, b) => b.stats.mtimeMs - a.stats.mtimeMs);
  let total = 0;
  for (const { file, stats } of files) {
    const isWriting = file.endsWith(".partial");
    if (!isWriting) total += stats.size;
    if (isWriting ? Date.now() - stats.mtimeMs > MAX_WRITING_MS : total > maxBytes) rmSync(file, { force: true });
  }
}

const unavailable = (cause: unknown): EngineError =>
  new EngineError(
    "quantised-cache-unavailable",
    `Quantised weights cannot be kept, and are made at every start: ${(cause as Error).message}.`,
    { cause },
  );
