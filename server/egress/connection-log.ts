import type { EgressPurpose } from "./permit.ts";
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

/** One connection. Neither path nor query of a URL, nor any header or body, is in it. */
export const connectionRecord = z.object({
  at: z.string(),
  purpose: z.string(),
  method: z.string(),
  /** Scheme, host and port; for a program that connects by itself, its name. */
  to: z.string(),
  /** The address that was connected to; null when none was. */
  address: z.string().nullable(),
  outcome: z.enum(["answered", "refused", "failed"]),
  /** HTTP status of the answer. */
  status: z.int().nullable(),
  sentBytes: z.int(),
  receivedBytes: z.int(),
  ms: z.number(),
});
export type ConnectionRecord = z.infer<typeof connectionRecord> & { readonly purpose: EgressPurpose };

/** Where connections are written down before anybody can have forgotten them. */
export interface ConnectionLog {
  add(record: ConnectionRecord): void;
}

/** The log begins anew at this size, and the one before is kept: the last ten thousand connections, bytes. */
const MAX_LOG_BYTES = 2 ** 20;

/** `egress.jsonl` of a data folder. Several processes may write to it: each line is one write. */
export function openConnectionLog(file: string): ConnectionLog {
  return {
    add(record) {
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_LOG_BYTES) renameSync(file, `${file}.1`);
      appendFileSync(file, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    },
  };
}

/** The last connections, newest first. A line that a kill cut off is left out. */
export function readConnections(file: string, limit: number): z.infer<typeof connectionRecord>[] {
  const lines = [`${file}.1`, file].flatMap((name) =>
    statSync(name, { throwIfNoEntry: false }) === undefined ? [] : readFileSync(name, "utf8").split("\n"),
  );
  return lines
    .flatMap((line) => {
      try {
        return [connectionRecord.parse(JSON.parse(line))];
      } catch {
        return [];
      }
    })
    .slice(-limit)
    .toReversed();
}
