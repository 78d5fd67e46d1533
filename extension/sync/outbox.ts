import type { KeptEvent } from "../../protocol/events.ts";
import { claimOrphans } from "./orphans.ts";
import { openSpoolFile, type SpoolFile, type SpoolRead } from "./spool-file.ts";
import { appendFile, mkdir, rm, stat } from "node:fs/promises";
import path from "node:path";

/**
 * Durable queue of events on their way to the server: one append-only file a window, so that windows
 * never write to each other's, and what windows that are gone have left. An event is safe once it was
 * synced, at most FLUSH_MS after `append`; only the unsynced ones stand in memory.
 */
export interface Outbox {
  /** Takes an event without waiting. False when the outbox is full: the event is dropped and counted. */
  append(event: KeptEvent): boolean;
  /** The oldest events, as JSON texts, within the limits of one batch; synced before they are given. */
  peek(maxEvents: number, maxBytes: number): Promise<Batch>;
  /** Forget a batch: the server has answered for all of it. */
  acknowledge(batch: Batch): Promise<void>;
  /** Write and sync what was appended. */
  flush(): Promise<void>;
  /** Resolves when there may be an event to send, or the signal fires. */
  waitForEvents(signal: AbortSignal): Promise<void>;
  /**
   * Takes events out, from memory and from the files, sent or not; resolves with them when no byte of
   * them is left. An answer for a batch that held some of them counts for the others.
   */
  remove(isGone: (event: KeptEvent) => boolean): Promise<readonly KeptEvent[]>;
  /** How many of the events that wait are such. */
  count(isSuch: (event: KeptEvent) => boolean): Promise<number>;
  /** Nothing is handed out to be sent until the returned function was called. */
  hold(): () => void;
  /** Resolves when the files of windows that are gone were taken over. */
  readonly recovered: Promise<void>;
  stats(): OutboxStats;
  close(): Promise<void>;
}

/** Opaque but for its lines: hand it to `acknowledge`. */
export interface Batch {
  readonly lines: readonly string[];
  readonly spool: SpoolFile | null;
  readonly read: SpoolRead;
}

export interface OutboxStats {
  readonly waiting: number;
  readonly bytes: number;
  /** Events that were not taken since the window opened, because the outbox was full. */
  readonly dropped: number;
  /** Lines that were no events; they are moved to `damaged.txt`. */
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
/** While the disk takes nothing, no more than this is held in memory, bytes. */
const MAX_UNWRITTEN_BYTES = 8 * 1024 * 1024;
/** Enough to see what went wrong; beyond it damaged lines are only counted, bytes. */
const MAX_QUARANTINE_BYTES = 1024 * 1024;
const QUARANTINE = "damaged.txt";

export interface OutboxOptions {
  readonly isAlive?: (pid: number) => boolean;
  readonly limits?: OutboxLimits;
}

/** Opens the file `<pid>-<name>.jsonl` in `dir`. Nothing is waited for: disk work happens in turn, behind. */
export function openOutbox(dir: string, name: string, options: OutboxOptions = {}): Outbox {
  const limits = options.limits ?? OUTBOX_LIMITS;
  const file = path.join(dir, `${process.pid}-${name}.jsonl`);
  /** Oldest first; the last is this window's own, once it is open. */
  let spools: SpoolFile[] = [];
  let own: SpoolFile | null = null;
  let unwritten: string[] = [];
  let unwrittenBytes = 0;
  let dropped = 0;
  let damaged = 0;
  let problem: string | null = null;
  let nHolds = 0;
  let flushTimer: NodeJS.Timeout | null = null;
  let working: Promise<unknown> = Promise.resolve();
  const waiters = new Set<() => void>();

  const waiting = () => spools.reduce((sum, { lines }) => sum + lines, unwritten.length);
  const bytes = () => spools.reduce((sum, spool) => sum + spool.bytes - spool.offset, unwrittenBytes);
  const wakeAll = () => {
    for (const wake of waiters) wake();
  };

  /** One disk operation at a time, in order. A failure is a state, told by `stats`. */
  const inTurn = <T>(operation: () => Promise<T>, otherwise: T): Promise<T> => {
    const turn = working.then(operation).then(
      (value) => value,
      (error: NodeJS.ErrnoException) => {
        problem = error.code ?? error.message;
        return otherwise;
      },
    );
    working = turn;
    return turn;
  };

  const openOwn = async (): Promise<SpoolFile> => {
    if (own) return own;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    own = await openSpoolFile(file);
    spools.push(own);
    return own;
  };

  const recover = async () => {
    await openOwn();
    const found: SpoolFile[] = [];
    for (const orphan of await claimOrphans(dir, file, options.isAlive)) found.push(await openSpoolFile(orphan));
    spools = [...found, ...spools];
    if (found.some(({ lines }) => lines > 0)) wakeAll();
    for (const spool of found.filter(({ lines }) => lines === 0)) await retire(spool);
  };

  const retire = async (spool: SpoolFile) => {
    if (spool === own) return;
    spools = spools.filter((one) => one !== spool);
    await spool.remove();
  };

  const write = async () => {
    if (unwritten.length === 0) return;
    const lines = [...unwritten];
    const size = unwrittenBytes;
    const spool = await openOwn();
    // A failed write leaves them in memory, and the next one writes them again: their ids make that harmless.
    await spool.append(lines);
    unwritten = unwritten.slice(lines.length);
    unwrittenBytes -= size;
    problem = null;
  };
  const flush = () => inTurn(write, undefined);

  const quarantine = async (lines: readonly string[]) => {
    if (lines.length === 0) return;
    damaged += lines.length;
    const target = path.join(dir, QUARANTINE);
    const held = await stat(target).then(
      ({ size }) => size,
      () => 0,
    );
    const text = `${lines.join("\n")}\n`;
    if (held + text.length <= MAX_QUARANTINE_BYTES) await appendFile(target, text, { mode: 0o600 });
  };

  const recovered = inTurn(recover, undefined);

  return {
    recovered,
    append(event) {
      const line = JSON.stringify(event);
      const size = Buffer.byteLength(line) + 1;
      const isFull = waiting() >= limits.maxEvents || bytes() + size > limits.maxBytes;
      if (isFull || unwrittenBytes + size > MAX_UNWRITTEN_BYTES) {
        dropped += 1;
        return false;
      }
      unwritten.push(line);
      unwrittenBytes += size;
      flushTimer ??= setTimeout(() => {
        flushTimer = null;
        void flush();
      }, FLUSH_MS);
      wakeAll();
      return true;
    },
    async peek(maxEvents, maxBytes) {
      await flush();
      if (nHolds > 0) return memoryBatch([], 0, 0);
      return inTurn(
        async () => {
          for (const spool of spools) {
            while (spool.lines > 0) {
              const read = await spool.read(maxEvents, maxBytes);
              if (read.lines.length > 0) return { lines: read.lines, spool, read };
              // Nothing but damage here: set it aside and look on.
              await quarantine(read.damaged);
              await spool.advance(read);
              if (read.bytes === 0) break;
            }
          }
          // The disk takes nothing: what stands in memory is sent from there.
          return memoryBatch(unwritten, maxEvents, maxBytes);
        },
        memoryBatch(unwritten, maxEvents, maxBytes),
      );
    },
    acknowledge: ({ spool, read, lines }) =>
      inTurn(async () => {
        if (spool === null) {
          // A write may have succeeded meanwhile: only what still stands at the head is dropped.
          for (const line of lines) {
            if (unwritten[0] !== line) break;
            unwritten.shift();
            unwrittenBytes -= Buffer.byteLength(line) + 1;
          }
          return;
        }
        await quarantine(read.damaged);
        await spool.advance(read);
        if (spool.lines === 0) await retire(spool);
      }, undefined),
    flush,
    waitForEvents(signal) {
      const isReady = () => waiting() > 0 && nHolds === 0;
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
    async remove(isGone) {
      // What windows that are gone left behind is part of what is removed from.
      await inTurn(recover, undefined);
      await flush();
      const gone: KeptEvent[] = [];
      const stays = (line: string): boolean => {
        const event = parsed(line);
        if (event === null) return false;
        if (isGone(event)) gone.push(event);
        return !isGone(event);
      };
      const done = await inTurn(async () => {
        for (const spool of spools) await spool.filter(stays);
        unwritten = unwritten.filter(stays);
        unwrittenBytes = unwritten.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
        // Nobody can tell whose the damaged lines are: they go with whatever is removed.
        await rm(path.join(dir, QUARANTINE), { force: true });
        return true;
      }, false);
      if (!done) throw new Error(`The outbox could not be rewritten: ${problem}`);
      return gone;
    },
    async count(isSuch) {
      await flush();
      return inTurn(async () => {
        let n = 0;
        const look = (line: string) => {
          const event = parsed(line);
          if (event !== null && isSuch(event)) n += 1;
        };
        for (const spool of spools) await spool.scan(look);
        unwritten.forEach(look);
        return n;
      }, 0);
    },
    hold() {
      nHolds += 1;
      let isHeld = true;
      return () => {
        if (isHeld) nHolds -= 1;
        isHeld = false;
        wakeAll();
      };
    },
    stats: () => ({ waiting: waiting(), bytes: bytes(), dropped, damaged, problem }),
    async close() {
      if (flushTimer) clearTimeout(flushTimer);
      await flush();
      await inTurn(async () => {
        for (const spool of spools) await (spool.lines === 0 ? spool.remove() : spool.close());
      }, undefined);
    },
  };
}

function memoryBatch(unwritten: readonly string[], maxEvents: number, maxBytes: number): Batch {
  const lines: string[] = [];
  let size = 0;
  for (const line of unwritten) {
    size += Buffer.byteLength(line) + 1;
    if (lines.length >= maxEvents || (lines.length > 0 && size > maxBytes)) break;
    lines.push(line);
  }
  return { lines, spool: null, read: { lines, damaged: [], bytes: size, revision: 0 } };
}

function parsed(line: string): KeptEvent | null {
  try {
    return JSON.parse(line) as KeptEvent;
  } catch {
    return null;
  }
}
