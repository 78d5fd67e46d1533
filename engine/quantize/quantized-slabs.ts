import { closeSync, openSync, readSync } from "node:fs";
import type { StoredWeights, Weights } from "../architectures/weights.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../checkpoint/float-conversion.ts";
import { EngineError } from "../engine-error.ts";
import type { ExternalData } from "../graph/graph.ts";
import { BLOCK, blocksOfRows, nBlocks, quantizeBlocks, type Int8Blocks } from "./int8-blocks.ts";

/** Values that are converted at once: the embedding of a 0.5 B model is half a gigabyte in float32. */
const SLAB_VALUES = 2 ** 16;

/**
 * Arrays that slabs are made in, used again for every one: the collector is slow to see how much memory is
 * behind an array.
 */
export interface SlabArrays {
  /** The array of a purpose, of so many bytes; what it held is lost. */
  take(purpose: "stored" | "floats" | "values" | "scales", nBytes: number): ArrayBuffer;
}

export function createSlabArrays(): SlabArrays {
  const arrays = new Map<string, ArrayBuffer>();
  return {
    take(purpose, nBytes) {
      const known = arrays.get(purpose);
      if (known && known.byteLength >= nBytes) return known;
      const made = new ArrayBuffer(nBytes);
      arrays.set(purpose, made);
      return made;
    },
  };
}

/**
 * A matrix of the weights in blocks, some rows at a time; a slab is there until the next one is taken. One
 * that is stored in int8 keeps its values.
 */
export function* quantizedSlabs(
  weights: Weights,
  name: string,
  rows: number,
  columns: number,
  arrays: SlabArrays = createSlabArrays(),
): Generator<Int8Blocks> {
  const stored = "external" in weights ? (weights as StoredWeights) : null;
  const int8 = stored?.int8(name);
  const external = stored?.external(name);
  if (int8) yield blocksOfRows(int8, rows, columns);
  else if (external) yield* slabsOf(external, rows, columns, arrays);
  else {
    const data = weights.get(name);
    if (!data) throw new Error(`The checkpoint has no tensor ${name}`);
    yield quantizeBlocks(data, rows, columns);
  }
}

function* slabsOf(
  { file, offset, length, type }: ExternalData,
  rows: number,
  columns: number,
  arrays: SlabArrays,
): Generator<Int8Blocks> {
  const rowBytes = length / rows;
  const slabRows = Math.min(rows, Math.max(1, Math.floor(SLAB_VALUES / columns)));
  const stored = arrays.take("stored", slabRows * rowBytes);
  const floats = type === "float32" ? stored : arrays.take("floats", 4 * slabRows * columns);
  const blocks = slabRows * nBlocks(columns);
  const values = arrays.take("values", blocks * BLOCK);
  const scales = arrays.take("scales", 4 * blocks);
  const fd = openSync(file, "r");
  try {
    for (let row = 0; row < rows; row += slabRows) {
      const nRows = Math.min(slabRows, rows - row);
      readAt(fd, file, new Uint8Array(stored, 0, nRows * rowBytes), offset + row * rowBytes);
      const slab = new Float32Array(floats, 0, nRows * columns);
      if (type === "float16") float16ToFloat32(new Uint16Array(stored, 0, slab.length), slab);
      if (type === "bfloat16") bfloat16ToFloat32(new Uint16Array(stored, 0, slab.length), slab);
      const nSlab = nRows * nBlocks(columns);
      const into = { values: new Uint8Array(values, 0, nSlab * BLOCK), scales: new Float32Array(scales, 0, nSlab) };
      yield quantizeBlocks(slab, nRows, columns, into);
    }
  } finally {
    closeSync(fd);
  }
}

function readAt(fd: number, file: string, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    const n = readSync(fd, bytes, done, bytes.length - done, position + done);
    if (n === 0) throw new EngineError("checkpoint-invalid", `${file} ended while it was read.`);
    done += n;
  }
}
