import pino from "pino";
import { openSync } from "node:fs";

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
    pino.destination({ fd, sync: true }),
  );
}
