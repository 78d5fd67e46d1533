import { closeSync, openSync, readSync } from "node:fs";
import type { StoredWeights, Weights } from "../architectures/weights.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../checkpoint/float-conversion.ts";
import { EngineError } from "../engine-error.ts";
import type { ExternalData } from "../graph/graph.ts";
import { blocksOfRows, quantizeBlocks, type Int8Blocks } from "./int8-blocks.ts";

/** Values that are converted at once: the embedding of a 0.5 B model is half a gigabyte in float32. */
const SLAB_VALUES = 2 ** 16;

/** A matrix of the weights in blocks, some rows at a time. One that is stored in int8 keeps its values. */
export function* quantizedSlabs(weights: Weights, name: string, rows: number, columns: number): Generator<Int8Blocks> {
  const stored = "external" in weights ? (weights as StoredWeights) : null;
  const int8 = stored?.int8(name);
  const external = stored?.external(name);
  if (int8) yield blocksOfRows(int8, rows, columns);
  else if (external) yield* slabsOf(external, rows, columns);
  else {
    const data = weights.get(name);
    if (!data) throw new Error(`The checkpoint has no tensor ${name}`);
    yield quantizeBlocks(data, rows, columns);
  }
}

function* slabsOf({ file, offset, length, type }: ExternalData, rows: number, columns: number): Generator<Int8Blocks> {
  const rowBytes = length / rows;
  const slabRows = Math.min(rows, Math.max(1, Math.floor(SLAB_VALUES / columns)));
  // Used again for every slab: the collector is slow to see how much memory is behind an array.
  const bytes = new Uint8Array(slabRows * rowBytes);
  const floats = type === "float32" ? new Float32Array(bytes.buffer) : new Float32Array(slabRows * columns);
  const halves = new Uint16Array(bytes.buffer);
  const fd = openSync(file, "r");
  try {
    for (let row = 0; row < rows; row += slabRows) {
      const nRows = Math.min(slabRows, rows - row);
      readAt(fd, file, bytes.subarray(0, nRows * rowBytes), offset + row * rowBytes);
      const size = nRows * columns;
      const slab = floats.subarray(0, size);
      if (type === "float16") float16ToFloat32(halves.subarray(0, size), slab);
      if (type === "bfloat16") bfloat16ToFloat32(halves.subarray(0, size), slab);
      yield quantizeBlocks(slab, nRows, columns);
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
