import type { KeptEvent } from "../../protocol/events.ts";
import { readSpool } from "./spool-file.ts";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { open, rename, writeFile, type FileHandle } from "node:fs/promises";
import path from "node:path";

/**
 * Durable queue of events on their way to the server: one append-only JSONL file a window, so that
 * windows never write to each other's. An event counts as safe once `flush` has synced it, at most
 * FLUSH_MS after `append`. What the server has answered for is forgotten by a cursor beside the file;
 * a cursor lost in a crash only means that events are sent again, and their ids make that harmless.
 */
export interface Outbox {
  /** Takes an event without waiting. False when the outbox is full: the event is dropped and counted. */
  append(event: KeptEvent): boolean;
  /** The oldest events, as JSON texts, within the limits of one batch. */
  peek(maxEvents: number, maxBytes: number): readonly string[];
  /** Forget the `n` oldest: the server has answered for them. */
  acknowledge(n: number): Promise<void>;
  /**
   * Takes events out, from memory and from the file, sent or not; resolves with them when no byte of
   * them is left. An answer for a batch that held some of them counts for the others.
   */
  remove(isGone: (event: KeptEvent) => boolean): Promise<readonly KeptEvent[]>;
  /** How many of the events that wait are such. */
  count(isSuch: (event: KeptEvent) => boolean): number;
  /** Nothing is handed out to be sent until the returned function was called. */
  hold(): () => void;
  /** Write and sync what was appended. */
  flush(): Promise<void>;
  /** Resolves when there is an event to send, or the signal fires. */
  waitForEvents(signal: AbortSignal): Promise<void>;
  stats(): OutboxStats;
  close(): Promise<void>;
}

export interface OutboxStats {
  readonly waiting: number;
  readonly bytes: number;
  readonly dropped: number;
  /** Lines of recovered files that were no events. */
  readonly damaged: number;
  /** Code of the last failed write, until one succeeds. */
  readonly problem: string | null;
}

export interface OutboxLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** A week of heavy use without a server; beyond it the newest events are dropped and counted. */
export const OUTBOX_LIMITS: OutboxLimits = { maxEvents: 20_000, maxBytes: 64 * 1024 * 1024 };
/** Longest time that an event stands in memory only, milliseconds. */
const FLUSH_MS = 250;

/**
 * Opens the file `<pid>-<name>.jsonl` in `dir`, taking over the events of files whose process is gone.
 * `isAlive` tells whether a process still owns its file.
 */
export async function openOutbox(
  dir: string,
  name: string,
  isAlive: (pid: number) => boolean = isProcessAlive,
  limits: OutboxLimits = OUTBOX_LIMITS,
): Promise<Outbox> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = path.join(dir, `${process.pid}-${name}.jsonl`);
  const queue: string[] = [];
  let bytes = 0;
  let dropped = 0;
  let damaged = 0;
  let problem: string | null = null;

  const claimed = claimOrphans(dir, file, isAlive);
  for (const orphan of claimed) {
    const spool = await readSpool(orphan);
    damaged += spool.damaged;
    for (const line of spool.lines) {
      queue.push(line);
      bytes += Buffer.byteLength(line);
    }
  }
  const handle = await open(file, "a", 0o600);
  if (queue.length > 0) {
    await handle.appendFile(queue.join("\n") + "\n");
    await handle.datasync();
  }
  for (const orphan of claimed) forgetFile(orphan);

  let unwritten: string[] = [];
  let isTorn = false;
  let cursor = 0;
  let flushTimer: NodeJS.Timeout | null = null;
  let working: Promise<void> = Promise.resolve();
  const waiters = new Set<() => void>();
  const wakeAll = () => {
    for (const wake of waiters) wake();
  };
  let nHolds = 0;
  /** Lines of the batch that is on its way, and those of them that were removed meanwhile. */
  let nInFlight = 0;
  let nRemovedInFlight = 0;

  /** One disk operation at a time, in order. */
  const inTurn = (operation: () => Promise<void>): Promise<void> => {
    const turn = working.then(operation).then(
      () => {
        problem = null;
      },
      (error: NodeJS.ErrnoException) => {
        problem = error.code ?? error.message;
      },
    );
    working = turn;
    return turn;
  };

  const write = () =>
    inTurn(async () => {
      if (unwritten.length === 0) return;
      const lines = unwritten;
      unwritten = [];
      try {
        await handle.appendFile(`${isTorn ? "\n" : ""}${lines.join("\n")}\n`);
        await handle.datasync();
        isTorn = false;
      } catch (error) {
        // The failed write may have left half a line behind: the next one starts on a line of its own.
        isTorn = true;
        // They stay in the queue, and the next flush writes them again: a repeated line is harmless.
        unwritten = [...lines, ...unwritten];
        throw error;
      }
    });

  /** The file anew, from what is in the queue. A second file holds it meanwhile: a crash repeats, it does not lose. */
  const rewrite = async () => {
    const lines = [...queue];
    const text = lines.length > 0 ? `${lines.join("\n")}\n` : "";
    unwritten = [];
    cursor = 0;
    const aside = file.replace(/\.jsonl$/, ".rewrite.jsonl");
    try {
      if (lines.length > 0) await writeFile(aside, text, { mode: 0o600, flush: true });
      await handle.truncate(0);
      await writeCursor(file, 0);
      await handle.appendFile(text);
      await handle.datasync();
      isTorn = false;
    } catch (error) {
      isTorn = true;
      unwritten = [...lines, ...unwritten];
      throw error;
    }
    forgetFile(aside);
  };

  return {
    append(event) {
      const line = JSON.stringify(event);
      const size = Buffer.byteLength(line);
      if (queue.length >= limits.maxEvents || bytes + size > limits.maxBytes) {
        dropped += 1;
        return false;
      }
      queue.push(line);
      unwritten.push(line);
      bytes += size;
      flushTimer ??= setTimeout(() => {
        flushTimer = null;
        void write();
      }, FLUSH_MS);
      wakeAll();
      return true;
    },
    peek(maxEvents, maxBytes) {
      const batch: string[] = [];
      if (nHolds > 0) return batch;
      let size = 0;
      for (const line of queue) {
        size += Buffer.byteLength(line) + 1;
        if (batch.length >= maxEvents || (batch.length > 0 && size > maxBytes)) break;
        batch.push(line);
      }
      nInFlight = batch.length;
      nRemovedInFlight = 0;
      return batch;
    },
    async acknowledge(n) {
      const gone = queue.splice(0, Math.max(0, n - nRemovedInFlight));
      nInFlight = 0;
      nRemovedInFlight = 0;
      for (const line of gone) bytes -= Buffer.byteLength(line);
      cursor += gone.length;
      await inTurn(async () => {
        if (queue.length === 0) {
          unwritten = [];
          await writeCursor(file, 0);
          await handle.truncate(0);
          cursor = 0;
        } else {
          await writeCursor(file, cursor);
        }
      });
    },
    async remove(isGone) {
      const gone: KeptEvent[] = [];
      const stay: string[] = [];
      const leaving = new Set<string>();
      for (const [at, line] of queue.entries()) {
        const event = JSON.parse(line) as KeptEvent;
        if (!isGone(event)) {
          stay.push(line);
          continue;
        }
        gone.push(event);
        leaving.add(line);
        bytes -= Buffer.byteLength(line);
        if (at < nInFlight) nRemovedInFlight += 1;
      }
      // What was sent may still stand in the file, before the cursor.
      if (gone.length === 0 && cursor === 0) return gone;
      queue.splice(0, queue.length, ...stay);
      unwritten = unwritten.filter((line) => !leaving.has(line));
      await inTurn(() => rewrite());
      if (problem !== null) throw new Error(`The outbox could not be rewritten: ${problem}`);
      return gone;
    },
    count: (isSuch) => queue.filter((line) => isSuch(JSON.parse(line) as KeptEvent)).length,
    hold() {
      nHolds += 1;
      let isHeld = true;
      return () => {
        if (isHeld) nHolds -= 1;
        isHeld = false;
        wakeAll();
      };
    },
    flush: write,
    waitForEvents(signal) {
      const isReady = () => queue.length > 0 && nHolds === 0;
      if (isReady() || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          if (!isReady() && !signal.aborted) return;
          waiters.delete(wake);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        waiters.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    },
    stats: () => ({ waiting: queue.length, bytes, dropped, damaged, problem }),
    async close() {
      if (flushTimer) clearTimeout(flushTimer);
      await write();
      await closeFile(handle);
      if (queue.length === 0) forgetFile(file);
    },
  };
}

/** Takes the files of windows that ended without sending everything. Of two windows one gets each. */
function claimOrphans(dir: string, ownFile: string, isAlive: (pid: number) => boolean): string[] {
  const claimed: string[] = [];
  const names = readdirSync(dir)
    .filter((name) => name.endsWith(".jsonl") && !isAlive(Number.parseInt(name, 10)))
    .filter((name) => name !== path.basename(ownFile))
    .sort();
  for (const name of names) {
    const mine = ownFile.replace(/\.jsonl$/, `.from-${claimed.length}.jsonl`);
    if (!tryRename(path.join(dir, name), mine)) continue;
    // A cursor lost between the two renames only means that events are sent again.
    tryRename(path.join(dir, `${name}.cursor`), `${mine}.cursor`);
    claimed.push(mine);
  }
  return claimed;
}

function tryRename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}

function isProcessAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  // A file of this process that is not ours is from an earlier life of the same pid.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function forgetFile(file: string): void {
  rmSync(file, { force: true });
  rmSync(`${file}.cursor`, { force: true });
}

async function writeCursor(file: string, cursor: number): Promise<void> {
  await writeFile(`${file}.cursor.new`, String(cursor), { mode: 0o600 });
  await rename(`${file}.cursor.new`, `${file}.cursor`);
}

async function closeFile(handle: FileHandle): Promise<void> {
  try {
    await handle.close();
  } catch {
    // Nothing is lost: everything that could be written was synced before.
  }
}
