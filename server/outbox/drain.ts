import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { OutboxRow } from "../store/outbox-store.ts";
import type { Store } from "../store/store.ts";

/** Sends what waits in the outbox for one destination, one thing after the other. */
export interface Drain extends AsyncDisposable {
  /** Sends what is due now; resolves when that is done, or the destination turned out to be away. */
  look(): Promise<void>;
}

/** Between two looks at the outbox, milliseconds: a curve grows in MLflow a second after it does here. */
const LOOK_MS = 1_000;
/** Things looked at in one go. */
const ROWS_AT_ONCE = 200;
/** After a first failure; twice as long after each that follows, milliseconds. */
const FIRST_WAIT_MS = 1_000;
/** A system that was away for a night is back within five minutes of its return. */
const LONGEST_AWAY_MS = 5 * 60_000;
/** What is refused today may be accepted after an update there; it holds nothing else up. */
const LONGEST_REFUSED_MS = 60 * 60_000;
/** Failures that say something of the whole destination, not of one thing. */
const AWAY = new Set<string>(["integration-unreachable", "integration-unauthorized", "egress-refused"]);

/**
 * Starts to send. Each thing is counted as begun before it is sent and taken off after it was acknowledged, so
 * `deliver` has to look for what an earlier attempt left when `attempts` is above 0. Waits are on the monotonic
 * clock and begin anew with the server.
 */
export function startDrain(parts: {
  readonly store: Store;
  readonly destination: string;
  /** False while nothing may be sent: the integration is off. */
  readonly isOn: () => boolean;
  /** Brings the destination up to the newest state of one thing. `signal` ends with the server. */
  readonly deliver: (row: OutboxRow, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly everyMs?: number | undefined;
}): Drain {
  const { store, destination, clock, log } = parts;
  const stop = new AbortController();
  const dueAt = new Map<number, { attempts: number; at: number }>();
  let away = { until: 0, times: 0 };
  let current: Promise<void> | null = null;
  let lastProblem = "";

  const isDue = (row: OutboxRow): boolean => {
    const wait = dueAt.get(row.position);
    // Someone has asked to try again when the count is below what it was.
    return wait === undefined || row.attempts < wait.attempts || clock.monotonicMs() >= wait.at;
  };
  const tell = (problem: string, row: OutboxRow): void => {
    // Once: a system that is away for a night is one line.
    if (problem !== lastProblem) log.warn({ event: "not-sent", destination, topic: row.topic, problem });
    lastProblem = problem;
  };

  /** False when the destination is away: the rest waits too. */
  const send = async (row: OutboxRow): Promise<boolean> => {
    store.outbox.begin(row);
    try {
      await parts.deliver(row, stop.signal);
    } catch (error) {
      if (stop.signal.aborted) return false;
      const { message } = error as Error;
      store.outbox.failed(row, message);
      tell(message, row);
      if (error instanceof AppError && AWAY.has(error.code)) {
        away = { until: clock.monotonicMs() + waitAfter(away.times + 1, LONGEST_AWAY_MS), times: away.times + 1 };
        return false;
      }
      const attempts = row.attempts + 1;
      dueAt.set(row.position, { attempts, at: clock.monotonicMs() + waitAfter(attempts, LONGEST_REFUSED_MS) });
      return true;
    }
    store.outbox.done(row);
    dueAt.delete(row.position);
    away = { until: 0, times: 0 };
    lastProblem = "";
    return true;
  };

  const drain = async (): Promise<void> => {
    if (!parts.isOn()) return;
    const waiting = store.outbox.waiting(destination, ROWS_AT_ONCE);
    // The oldest has been tried, unless someone asked to try again at once.
    if (clock.monotonicMs() < away.until && waiting[0]?.attempts !== 0) return;
    for (const row of waiting) {
      if (stop.signal.aborted || (isDue(row) && !(await send(row)))) return;
    }
  };
  const look = (): Promise<void> =>
    (current ??= drain()
      .catch((err: unknown) => log.error({ event: "outbox-failed", destination, err }))
      .finally(() => (current = null)));

  const timer = setInterval(() => void look(), parts.everyMs ?? LOOK_MS);
  timer.unref();
  return {
    look,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stop.abort(new Error("The server is stopping."));
      await current;
    },
  };
}

const waitAfter = (times: number, longestMs: number): number => Math.min(FIRST_WAIT_MS * 2 ** (times - 1), longestMs);
