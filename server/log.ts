import pino from "pino";
import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";

export type Log = pino.Logger;

/** A log that would grow beyond this is set aside as `<file>.1`, in place of the one before it, bytes. */
export const MAX_LOG_BYTES = 8 * 1_048_576;

/**
 * Structured events with fields. Source text never enters at info level, and neither tokens nor
 * query strings enter at any. `destination` is a file, or `stderr`.
 */
export function createLog(options: { level: string; destination: string | "stderr"; maxBytes?: number }): Log {
  const { destination, maxBytes = MAX_LOG_BYTES } = options;
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ["token", "*.token", "authorization", "*.authorization"], remove: true },
    },
    destination === "stderr" ? pino.destination({ fd: 2, sync: true }) : { write: lineWriter(destination, maxBytes) },
  );
}

/** A line that has no room on a full disk is lost; the request that it is about goes on. */
function lineWriter(file: string, maxBytes: number): (line: string) => void {
  const open = (): number => openSync(file, "a", 0o600);
  let fd = open();
  let nBytes = fstatSync(fd).size;
  const turn = (): void => {
    const before = fd;
    try {
      renameSync(file, `${file}.1`);
      fd = open();
    } catch {
      // It goes on in the file that is open, and tries again when as much was written once more.
    }
    nBytes = 0;
    if (fd !== before) closeSync(before);
  };
  return (line) => {
    try {
      if (nBytes > 0 && nBytes + line.length > maxBytes) turn();
      nBytes += writeSync(fd, line);
    } catch {
      // There is nowhere to say so.
    }
  };
}
