import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const MB = 1024 * 1024;

let collect: (() => void) | null = null;

/** Heap and buffers in use after collections, 2^20 bytes. */
export function heapMb(): number {
  if (collect === null) {
    setFlagsFromString("--expose_gc");
    collect = runInNewContext("gc") as () => void;
  }
  for (let n = 0; n < 3; n += 1) collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MB;
}
