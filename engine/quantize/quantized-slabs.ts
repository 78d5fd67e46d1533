import { closeSync, openSync, readSync } from "node:fs";
import type { StoredWeights, Weights } from "../architectures/weights.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../checkpoint/float-conversion.ts";
import { EngineError } from "../engine-error.ts";
import type { ExternalData } from "../graph/graph.ts";
import { blocksOfRows, quantizeBlocks, type Int8Blocks } from "./int8-blocks.ts";

/** Values that are converted at once: the embedding of a 0.5 B model is half a gigabyte in float32. */
const SLAB_VALUES = 2 ** 20;

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
  const slabRows = Math.max(1, Math.floor(SLAB_VALUES / columns));
  const fd = openSync(file, "r");
  try {
    for (let row = 0; row < rows; row += slabRows) {
      const nRows = Math.min(slabRows, rows - row);
      const bytes = new Uint8Array(nRows * rowBytes);
      for (let done = 0; done < bytes.length;) {
        const n = readSync(fd, bytes, done, bytes.length - done, offset + row * rowBytes + done);
        if (n === 0) throw new EngineError("checkpoint-invalid", `${file} ended while it was read.`);
        done += n;
      }
      yield quantizeBlocks(floatsOf(bytes, type), nRows, columns);
    }
  } finally {
    closeSync(fd);
  }
}

function floatsOf({ buffer }: Uint8Array, type: ExternalData["type"]): Float32Array {
  if (type === "float16") return float16ToFloat32(new Uint16Array(buffer));
  if (type === "bfloat16") return bfloat16ToFloat32(new Uint16Array(buffer));
  return new Float32Array(buffer);
}
