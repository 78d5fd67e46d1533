import { writeSync } from "node:fs";

/** Longest time between two tries while nobody reads, milliseconds. */
const RETRY_MS = 1;

/**
 * Says a line before it returns: what a program promised is out when its power fails a moment later. Waits for
 * whoever listens when the pipe is full.
 */
export function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
