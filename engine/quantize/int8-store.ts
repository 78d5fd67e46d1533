import { closeSync, mkdtempSync, openSync, realpathSync, rmSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { ConstantData, ExternalData } from "../graph/graph.ts";
import type { Int8Blocks } from "./int8-blocks.ts";

/** Where quantised matrices stand until a graph is compiled from them. */
export interface Int8Store {
  /** One matrix of all the slabs' rows. Slabs are taken one by one, and are not needed after that. */
  keep(slabs: Iterable<Int8Blocks>): StoredBlocks;
  /** Gives the place back; what was compiled goes on. */
  [Symbol.dispose](): void;
}

export interface StoredBlocks {
  readonly rows: number;
  readonly values: ConstantData | ExternalData;
  readonly scales: ConstantData | ExternalData;
}

/** For small models: everything is in memory, and a graph takes a copy. */
export function memoryStore(): Int8Store {
  return {
    keep(slabs) {
      const parts = Array.from(slabs, ({ rows, values, scales }) => ({
        rows,
        values: values.slice(),
        scales: scales.slice(),
      }));
      return {
        rows: parts.reduce((sum, part) => sum + part.rows, 0),
        values: joined(
          Uint8Array,
          parts.map((part) => part.values),
        ),
        scales: joined(
          Float32Array,
          parts.map((part) => part.scales),
        ),
      };
    },
    [Symbol.dispose]() {},
  };
}

/**
 * For large ones: a temporary file that ONNX Runtime maps, so that the weights are in memory once, in the
 * layout that it packs them into.
 */
export function fileStore(): Int8Store {
  const folder = mkdtempSync(path.join(realpathSync(os.tmpdir()), "kept-int8-"));
  const file = path.join(folder, "weights");
  const fd = openSync(file, "w", 0o600);
  return {
    keep: blockWriter(fd, file),
    [Symbol.dispose]() {
      closeSync(fd);
      // Where a mapped file cannot be removed, the system's own clearing of temporary files is left to do it.
      rmSync(folder, { recursive: true, force: true, maxRetries: 0 });
    },
  };
}

/** Blocks in a file, whose name may change once they are mapped. */
export interface FiledBlocks extends StoredBlocks {
  readonly values: ExternalData;
  readonly scales: ExternalData;
}

/** Writes matrices one after the other into an open file: of each its values, then its scales. */
export function blockWriter(fd: number, file: string): (slabs: Iterable<Int8Blocks>) => FiledBlocks {
  let end = 0;
  const append = (data: Uint8Array) => {
    for (let done = 0; done < data.length;) done += writeSync(fd, data, done, data.length - done, end + done);
    end += data.length;
  };
  return (slabs) => {
    let rows = 0;
    const valuesAt = end;
    const scales: Float32Array[] = [];
    for (const slab of slabs) {
      append(slab.values);
      scales.push(slab.scales.slice());
      rows += slab.rows;
    }
    const scalesAt = end;
    for (const part of scales) append(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    return {
      rows,
      values: { file, offset: valuesAt, length: scalesAt - valuesAt, type: "uint8" },
      scales: { file, offset: scalesAt, length: end - scalesAt, type: "float32" },
    };
  };
}

function joined<T extends Uint8Array | Float32Array>(make: new (length: number) => T, parts: readonly T[]): T {
  if (parts.length === 1) return parts[0]!;
  const whole = new make(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
