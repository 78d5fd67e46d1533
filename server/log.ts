import pino from "pino";
import { openSync, writeSync } from "node:fs";

export type Log = pino.Logger;

/**
 * Structured events with fields. Source text never enters at info level, and neither tokens nor
 * query strings enter at any. `destination` is a file, or `stderr`.
 */
export function createLog(options: { level: string; destination: string | "stderr" }): Log {
  const fd = options.destination === "stderr" ? 2 : openSync(options.destination, "a", 0o600);
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ["token", "*.token", "authorization", "*.authorization"], remove: true },
    },
    options.destination === "stderr" ? pino.destination({ fd, sync: true }) : { write: (line) => writeLine(fd, line) },
  );
}

/** A line that has no room on a full disk is lost; the request that it is about goes on. */
function writeLine(fd: number, line: string): void {
  try {
    writeSync(fd, line);
  } catch {
    // There is nowhere to say so.
  }
}
