import { isoTime } from "../clock.ts";
import type { Db } from "./database.ts";

/** What one sweep deleted, or would delete. */
export interface SweepReport {
  readonly at: string;
  readonly suggestions: number;
  readonly events: number;
  /** Events out of which code was taken. */
  readonly stripped: number;
  readonly datasets: number;
  /** Folders of runs and of unpacked adapters. */
  readonly folders: number;
  /** Bytes of files and of the store that were given back. */
  readonly freedBytes: number;
}

/**
 * What is over its time. The order is the server's own: something is old when everything that came after
 * it in the last `ageMs` says so, never by its own time alone, which a clock that was wrong may have given it.
 */
export interface Expiry {
  /** Suggestions that were shown before, at most `limit`, oldest first. */
  suggestions(before: number, limit: number): string[];
  /** Events before, of suggestions that are not there: what comes late for one that was deleted. */
  strayEvents(before: number, limit: number): string[];
  countBefore(before: number): { suggestions: number; events: number };
  /** Sequences from `from` on and before `before` of events that may have code in them. */
  withCode(from: number, before: number): number[];
  /** The body of an event; null when it is gone. */
  bodyAt(sequence: number): string | null;
  countWithCode(before: number): number;
  /** The first event from `from` on and before `before` that is not older than `cutoffMs`, or null. */
  firstSince(cutoffMs: number, from: number, before: number): number | null;
  /** Sequences of the first and behind the last event; equal when there is none. */
  eventRange(): { first: number; end: number };
  /** Datasets older than `cutoffMs` whose rows are there, but for the newest and those of `kept` versions. */
  datasets(cutoffMs: number): { id: string; sha256: string }[];
  expireDataset(id: string, at: number): void;
  /** Runs that ended before `cutoffMs`. */
  endedRuns(cutoffMs: number): string[];
  /** Versions made before `cutoffMs` that no alias names. */
  idleVersions(cutoffMs: number): string[];
  dropCode(suggestionIds: readonly string[]): void;
  lastReceivedAt(): number | null;
  remember(finishedAt: number, report: SweepReport): void;
  /** Newest first. */
  sweeps(limit: number): SweepReport[];
  lastSweepAt(): number | null;
  /** Gives back pages that nothing uses, at most so many; how many there are still. */
  vacuum(pages: number): number;
  pageBytes(): number;
}

/** Sweeps that are remembered. */
const MAX_SWEEPS = 100;

/** Events that hold code, as canonical JSON writes them: no more than a filter, the event itself decides. */
const HAS_CODE = `(
  (kind = 'shown' AND instr(body, '"withheld":') = 0)
  OR (kind = 'typed-instead' AND instr(body, '"withheldCharacters":') = 0)
  OR (kind = 'rated' AND instr(body, '"comment":') > 0))`;

export function openExpiry(db: Db): Expiry {
  const number = (sql: string, ...bound: unknown[]): number =>
    (db
      .prepare(sql)
      .pluck()
      .get(...bound) as number | null) ?? 0;
  const names = (sql: string, ...bound: unknown[]): string[] =>
    db
      .prepare(sql)
      .pluck()
      .all(...bound) as string[];
  const STRAY = `sequence < ? AND NOT EXISTS (SELECT 1 FROM suggestions s WHERE s.id = events.suggestion_id)
    AND NOT EXISTS (SELECT 1 FROM derivations d WHERE d.suggestion_id = events.suggestion_id)`;
  return {
    suggestions: (before, limit) =>
      names("SELECT id FROM suggestions WHERE sequence < ? ORDER BY sequence LIMIT ?", before, limit),
    strayEvents: (before, limit) =>
      names(`SELECT id FROM events WHERE ${STRAY} ORDER BY sequence LIMIT ?`, before, limit),
    countBefore: (before) => ({
      suggestions: number("SELECT count(*) FROM suggestions WHERE sequence < ?", before),
      events:
        number(
          "SELECT count(*) FROM events e JOIN suggestions s ON s.id = e.suggestion_id WHERE s.sequence < ?",
          before,
        ) + number(`SELECT count(*) FROM events WHERE ${STRAY}`, before),
    }),
    withCode: (from, before) =>
      db
        .prepare(`SELECT sequence FROM events WHERE sequence >= ? AND sequence < ? AND ${HAS_CODE} ORDER BY sequence`)
        .pluck()
        .all(from, before) as number[],
    bodyAt: (sequence) =>
      (db.prepare("SELECT body FROM events WHERE sequence = ?").pluck().get(sequence) as string | undefined) ?? null,
    countWithCode: (before) => number(`SELECT count(*) FROM events WHERE sequence < ? AND ${HAS_CODE}`, before),
    firstSince: (cutoffMs, from, before) =>
      db
        .prepare("SELECT min(sequence) FROM events WHERE sequence >= ? AND sequence < ? AND received_at >= ?")
        .pluck()
        .get(from, before, cutoffMs) as number | null,
    eventRange: () =>
      db
        .prepare("SELECT coalesce(min(sequence), 0) AS first, coalesce(max(sequence) + 1, 0) AS end FROM events")
        .get() as {
        first: number;
        end: number;
      },
    datasets: (cutoffMs) =>
      db
        .prepare(
          `SELECT id, sha256 FROM datasets
           WHERE expired_at IS NULL AND id NOT IN (SELECT dataset_id FROM invalid_datasets)
             AND rowid < coalesce((SELECT min(rowid) FROM datasets WHERE created_at >= @cutoffMs), 9e18)
             AND rowid < (SELECT max(rowid) FROM datasets)
             AND id NOT IN (SELECT v.dataset_id FROM versions v JOIN aliases a ON a.version_id = v.id)
             AND id NOT IN (SELECT dataset_id FROM runs WHERE state IN ('queued', 'running') AND dataset_id IS NOT NULL)
           ORDER BY rowid`,
        )
        .all({ cutoffMs }) as { id: string; sha256: string }[],
    expireDataset: (id, at) => void db.prepare("UPDATE datasets SET expired_at = ? WHERE id = ?").run(at, id),
    endedRuns: (cutoffMs) =>
      names(
        `SELECT id FROM runs WHERE finished_at < @cutoffMs AND state IN ('succeeded', 'failed', 'cancelled')
           AND rowid < coalesce((SELECT min(rowid) FROM runs WHERE finished_at >= @cutoffMs OR finished_at IS NULL), 9e18)`,
        { cutoffMs },
      ),
    idleVersions: (cutoffMs) =>
      names(
        `SELECT id FROM versions WHERE created_at < @cutoffMs
           AND rowid < coalesce((SELECT min(rowid) FROM versions WHERE created_at >= @cutoffMs), 9e18)
           AND id NOT IN (SELECT version_id FROM aliases WHERE version_id IS NOT NULL)
           AND run_id NOT IN (SELECT id FROM runs WHERE state IN ('queued', 'running'))`,
        { cutoffMs },
      ),
    dropCode(suggestionIds) {
      const drop = db.prepare("UPDATE suggestions SET completion = '' WHERE id = ?");
      for (const id of suggestionIds) drop.run(id);
    },
    lastReceivedAt: () =>
      (db.prepare("SELECT received_at FROM events ORDER BY sequence DESC LIMIT 1").pluck().get() as
        | number
        | undefined) ?? null,
    remember(finishedAt, report) {
      db.prepare("INSERT INTO sweeps (finished_at, report) VALUES (?, ?)").run(finishedAt, JSON.stringify(report));
      db.prepare("DELETE FROM sweeps WHERE id <= (SELECT max(id) FROM sweeps) - ?").run(MAX_SWEEPS);
    },
    sweeps: (limit) =>
      names("SELECT report FROM sweeps ORDER BY id DESC LIMIT ?", limit).map((text) => JSON.parse(text) as SweepReport),
    lastSweepAt: () =>
      (db.prepare("SELECT finished_at FROM sweeps ORDER BY id DESC LIMIT 1").pluck().get() as number | undefined) ??
      null,
    vacuum(pages) {
      db.exec(`PRAGMA incremental_vacuum(${Math.floor(pages)})`);
      return db.pragma("auto_vacuum", { simple: true }) === 2
        ? (db.pragma("freelist_count", { simple: true }) as number)
        : 0;
    },
    pageBytes: () => db.pragma("page_size", { simple: true }) as number,
  };
}

/** A report of nothing. */
export const emptySweep = (atMs: number): SweepReport => ({
  at: isoTime(atMs),
  suggestions: 0,
  events: 0,
  stripped: 0,
  datasets: 0,
  folders: 0,
  freedBytes: 0,
});
