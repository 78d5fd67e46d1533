import Database from "better-sqlite3";
import { existsSync } from "node:fs";
import { inSessionOrder } from "../../core/labels/session-order.ts";
import { keptEvent, type KeptEvent } from "../../protocol/events.ts";
import { AppError } from "../errors.ts";
import { dataPlaces } from "../places.ts";
import { MIGRATIONS } from "../store/migrations.ts";

/** One suggestion with its events in the order of their session. */
export interface ReadSuggestion {
  readonly id: string;
  readonly events: readonly KeptEvent[];
}

/** The events of a data folder, read beside a running server or without one. Nothing is changed. */
export interface Reading extends Disposable {
  suggestion(id: string): ReadSuggestion | null;
  /** Suggestions that were accepted, wholly or in part; of one folder when it is named. Oldest first. */
  accepted(root: string | null): Generator<ReadSuggestion>;
  /** Suggestions that were accepted by events after a place in the log, and the place that was read up to. */
  acceptedAfter(sequence: number): { readonly sequence: number; readonly suggestions: readonly ReadSuggestion[] };
  /** Wall clock of the last event that tells of a folder, milliseconds since 1970, by folder. */
  lastSeen(): Map<string, number>;
}

/** How long another process may hold the store, milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

/** @throws AppError `not-found` without a store, `newer-schema`, `corrupt-store` */
export function openReading(dataDir: string): Reading {
  const file = dataPlaces(dataDir).database;
  if (!existsSync(file)) {
    throw new AppError("not-found", `There is nothing in ${dataDir} yet.`, {
      hint: "Accept suggestions in the editor, or import what other tools recorded.",
    });
  }
  let db: Database.Database;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  } catch (cause) {
    throw new AppError("corrupt-store", `The store cannot be read: ${(cause as Error).message}`, { cause });
  }
  if ((db.pragma("user_version", { simple: true }) as number) > MIGRATIONS.length) {
    db.close();
    throw new AppError("newer-schema", "A newer Kept wrote the store.", { hint: "Update Kept." });
  }
  const ofSuggestion = db.prepare("SELECT body FROM events WHERE suggestion_id = ? ORDER BY sequence").pluck();
  const accepted = db
    .prepare(
      `SELECT suggestion_id FROM events WHERE kind IN ('accepted', 'partially-accepted')
       GROUP BY suggestion_id ORDER BY min(sequence)`,
    )
    .pluck();
  const acceptedAfter = db
    .prepare(
      `SELECT DISTINCT suggestion_id FROM events
       WHERE sequence > ? AND sequence <= ? AND kind IN ('accepted', 'partially-accepted')`,
    )
    .pluck();
  const watermark = db.prepare("SELECT coalesce(max(sequence), 0) FROM events").pluck();
  const lastSeen = db.prepare(`
    SELECT json_extract(shown.body, '$.context.root') AS root, max(json_extract(later.body, '$.wallMs')) AS seenAt
    FROM events shown JOIN events later ON later.suggestion_id = shown.suggestion_id
    WHERE shown.kind = 'shown' GROUP BY root`);

  const read = (id: string): ReadSuggestion | null => {
    const events = (ofSuggestion.all(id) as string[]).flatMap((body) => {
      const parsed = keptEvent.safeParse(JSON.parse(body));
      return parsed.success ? [parsed.data] : [];
    });
    return events.length === 0 ? null : { id, events: inSessionOrder(events) };
  };
  return {
    suggestion: read,
    *accepted(root) {
      for (const id of accepted.all() as string[]) {
        const suggestion = read(id);
        const shown = suggestion?.events.find((event) => event.kind === "shown");
        if (suggestion !== null && shown !== undefined && (root === null || shown.context.root === root))
          yield suggestion;
      }
    },
    acceptedAfter(sequence) {
      const until = watermark.get() as number;
      const ids = acceptedAfter.all(sequence, until) as string[];
      return { sequence: until, suggestions: ids.map(read).filter((one) => one !== null) };
    },
    lastSeen: () =>
      new Map((lastSeen.all() as { root: string; seenAt: number }[]).map(({ root, seenAt }) => [root, seenAt])),
    [Symbol.dispose]: () => void db.close(),
  };
}
