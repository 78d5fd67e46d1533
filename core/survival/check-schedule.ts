/** Accepted code on its way through the checks; times on one clock, milliseconds. */
export interface ScheduledCode {
  readonly acceptedAt: number;
  /** Index of the next check in the schedule. */
  readonly nextIdx: number;
}

export interface DueChecks {
  /** Checks of the schedule, milliseconds after the accept, whose time passed while nobody looked: censored. */
  readonly missed: readonly number[];
  /** The check whose time is now, or null. */
  readonly look: number | null;
  readonly nextIdx: number;
}

/** A look this late, as a part of the time since the accept, is still that check's; and at least this many ms. */
const LATE_PART = 0.5;
const LATE_MS = 15_000;

/** The schedule's checks that are due at `now`: at most one is looked at, and only near its time. */
export const dueChecks = (code: ScheduledCode, scheduleMs: readonly number[], now: number): DueChecks => {
  const age = now - code.acceptedAt;
  let nextIdx = code.nextIdx;
  while (nextIdx < scheduleMs.length && (scheduleMs[nextIdx] as number) <= age) nextIdx += 1;
  const due = scheduleMs.slice(code.nextIdx, nextIdx);
  const last = due.at(-1);
  const isInTime = last !== undefined && age <= last + Math.max(LATE_MS, last * LATE_PART);
  return { missed: isInTime ? due.slice(0, -1) : due, look: isInTime ? last : null, nextIdx };
};

/** When the next check is due, on the same clock, or null when all are done. */
export const nextDueAt = (code: ScheduledCode, scheduleMs: readonly number[]): number | null => {
  const after = scheduleMs[code.nextIdx];
  return after === undefined ? null : code.acceptedAt + after;
};
