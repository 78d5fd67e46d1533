import type { Db } from "./database.ts";
import { randomUUID } from "node:crypto";

export interface Job {
  readonly id: string;
  readonly kind: string;
  /** What the job is about: the id of a run. */
  readonly subject: string;
  readonly attempts: number;
  /** Names this claim. Every write of the claimer carries it; a stale one changes nothing. */
  readonly leaseToken: string;
}

export type JobState = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "dead";

/** A queue with leases. Times are whatever clock the caller uses, milliseconds. */
export interface JobStore {
  enqueue(job: { id: string; kind: string; subject: string; createdAt: number }): void;
  /** Takes the oldest job that waits or whose lease ran out; jobs out of attempts become `dead`. */
  claim(now: number, leaseMs: number): Job | null;
  /** Extends the lease; false when it was lost. */
  heartbeat(job: Job, now: number, leaseMs: number): boolean;
  /** The job got further than before, so earlier ends of its worker no longer count against it. */
  progressed(job: Job): boolean;
  /** True while the claim still holds the job. */
  holds(job: Job): boolean;
  /** Ends the job; false when the lease was lost. */
  settle(job: Job, state: "succeeded" | "failed" | "cancelled", error: string | null): boolean;
  /** Gives the job back unharmed, as on shutdown: the attempt does not count. */
  release(job: Job): boolean;
  /** Puts the job back after its worker died: the attempt counts. */
  retry(job: Job, error: string): boolean;
  /** Cancels whatever of a subject waits or runs; the holder finds out by its next heartbeat. */
  cancel(subject: string): boolean;
  /** On start no worker of an earlier server is left: its leases end now. Answers how many. */
  requeueAll(): number;
  /** Jobs that ran out of attempts. */
  dead(): { id: string; subject: string; error: string | null }[];
  state(id: string): JobState | null;
  /** How many there are in each state. */
  counts(): Record<string, number>;
}

/** A job that was started this often without an end kills its worker; it is not tried again. */
export const MAX_ATTEMPTS = 3;

export function openJobStore(db: Db): JobStore {
  const enqueue = db.prepare(`
    INSERT INTO jobs (id, kind, subject, state, created_at) VALUES (@id, @kind, @subject, 'queued', @createdAt)`);
  const bury = db.prepare(`
    UPDATE jobs SET state = 'dead', lease_token = NULL, lease_until = NULL,
      error = coalesce(error, 'The worker ended ' || attempts || ' times without a result.')
    WHERE attempts >= ? AND (state = 'queued' OR (state = 'running' AND lease_until < ?))`);
  const claim = db.prepare(`
    UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_token = @token, lease_until = @until
    WHERE id = (SELECT id FROM jobs WHERE state = 'queued' OR (state = 'running' AND lease_until < @now)
                ORDER BY created_at, id LIMIT 1)
    RETURNING id, kind, subject, attempts, lease_token AS leaseToken`);
  const held = "id = @id AND lease_token = @leaseToken AND state = 'running'";
  const heartbeat = db.prepare(`UPDATE jobs SET lease_until = @until WHERE ${held}`);
  const progressed = db.prepare(`UPDATE jobs SET attempts = 1 WHERE ${held}`);
  const holds = db.prepare(`SELECT 1 FROM jobs WHERE ${held}`).pluck();
  const settle = db.prepare(`
    UPDATE jobs SET state = @state, error = @error, lease_token = NULL, lease_until = NULL WHERE ${held}`);
  const release = db.prepare(`
    UPDATE jobs SET state = 'queued', attempts = attempts - 1, lease_token = NULL, lease_until = NULL WHERE ${held}`);
  const retry = db.prepare(`
    UPDATE jobs SET state = 'queued', error = @error, lease_token = NULL, lease_until = NULL WHERE ${held}`);
  const cancel = db.prepare(`
    UPDATE jobs SET state = 'cancelled', lease_token = NULL, lease_until = NULL
    WHERE subject = ? AND state IN ('queued', 'running')`);
  const requeueAll = db.prepare(`
    UPDATE jobs SET state = 'queued', lease_token = NULL, lease_until = NULL WHERE state = 'running'`);
  const changed = (result: { changes: number }): boolean => result.changes > 0;
  const key = ({ id, leaseToken }: Job) => ({ id, leaseToken });

  return {
    enqueue: (job) => void enqueue.run(job),
    claim: db.transaction((now: number, leaseMs: number) => {
      bury.run(MAX_ATTEMPTS, now);
      const row = claim.get({ token: randomUUID(), until: now + leaseMs, now }) as Job | undefined;
      return row ?? null;
    }),
    heartbeat: (job, now, leaseMs) => changed(heartbeat.run({ ...key(job), until: now + leaseMs })),
    progressed: (job) => changed(progressed.run(key(job))),
    holds: (job) => holds.get(key(job)) !== undefined,
    settle: (job, state, error) => changed(settle.run({ ...key(job), state, error })),
    release: (job) => changed(release.run(key(job))),
    retry: (job, error) => changed(retry.run({ ...key(job), error })),
    cancel: (subject) => changed(cancel.run(subject)),
    requeueAll: () => requeueAll.run().changes,
    dead: () =>
      db.prepare("SELECT id, subject, error FROM jobs WHERE state = 'dead' ORDER BY created_at").all() as {
        id: string;
        subject: string;
        error: string | null;
      }[],
    state: (id) => (db.prepare("SELECT state FROM jobs WHERE id = ?").pluck().get(id) as JobState | undefined) ?? null,
    counts: () =>
      Object.fromEntries(
        db.prepare("SELECT state, count(*) FROM jobs GROUP BY state").raw().all() as [string, number][],
      ),
  };
}
