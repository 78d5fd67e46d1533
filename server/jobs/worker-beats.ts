import { fstatSync } from "node:fs";
import { Worker } from "node:worker_threads";

/** The pipe to the server, by its place among the open files that `runWorker` hands on. */
export const BEATS_FD = 4;
/** Between two beats, milliseconds: ten in the silence that ends a worker. */
export const BEAT_MS = 2_000;

/**
 * Beats on a thread of its own, because training and tokenising hold the main one up for longer than a live
 * worker may be silent. When the server is gone nobody reads the pipe: the process ends at once, in whatever
 * it is, so that it does not train beside the worker of the next server.
 */
export function startBeating(): void {
  if (!isPipe(BEATS_FD)) return;
  const beat = `
    const { writeSync } = require("node:fs");
    const beat = () => {
      try { writeSync(${BEATS_FD}, "."); }
      catch (error) { if (error.code !== "EAGAIN") process.kill(process.pid, "SIGKILL"); }
    };
    beat();
    setInterval(beat, ${BEAT_MS});`;
  new Worker(beat, { eval: true, execArgv: [], stdout: false, stderr: false }).unref();
}

/** A worker that somebody starts by hand has no such pipe. */
function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return false;
  }
}
