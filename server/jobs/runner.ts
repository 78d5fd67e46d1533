import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Job, JobStore } from "../store/job-store.ts";

/** A claim is lost when nothing was heard of it for this long, milliseconds. */
export const LEASE_MS = 20_000;
const HEARTBEAT_MS = 5_000;

/** How a job ended: `retry` when its process died and another attempt may do better. */
export type JobEnd =
  | { readonly kind: "succeeded" | "cancelled" }
  | { readonly kind: "failed" | "retry"; readonly error: string };

/** Does one job. The signal fires when the lease is lost, the job is cancelled or the server stops. */
export type JobHandler = (job: Job, signal: AbortSignal) => Promise<JobEnd>;

export interface JobRunner extends AsyncDisposable {
  /** Looks for work now. */
  wake(): void;
  /** Ends what runs for a subject; the caller has already cancelled it in the store. */
  interrupt(subject: string): void;
  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void>;
}

/** Runs jobs one after the other, because they share the machine with an editor. */
export function createJobRunner(parts: {
  jobs: JobStore;
  clock: Clock;
  log: Log;
  handle: JobHandler;
  /** A job ran out of attempts. */
  onDead: (subject: string, error: string) => void;
  heartbeatMs?: number;
}): JobRunner {
  const { jobs, clock, log } = parts;
  const heartbeatMs = parts.heartbeatMs ?? HEARTBEAT_MS;
  let running: { job: Job; controller: AbortController } | null = null;
  let loop: Promise<void> | null = null;
  let stopping = false;

  // Work whose lease ran out is found even when nobody wakes the runner.
  const poll = setInterval(wake, heartbeatMs);
  poll.unref();

  function wake(): void {
    if (stopping || loop !== null) return;
    // Not at once: whoever queued the work answers its client first.
    loop = new Promise<void>((resolve) => setImmediate(resolve)).then(work).finally(() => (loop = null));
  }

  async function work(): Promise<void> {
    for (;;) {
      if (stopping) return;
      const job = jobs.claim(clock.monotonicMs(), LEASE_MS);
      for (const { subject, error } of jobs.dead()) parts.onDead(subject, error ?? "");
      if (job === null) return;
      await run(job);
    }
  }

  async function run(job: Job): Promise<void> {
    const controller = new AbortController();
    running = { job, controller };
    const heartbeat = setInterval(() => {
      if (!jobs.heartbeat(job, clock.monotonicMs(), LEASE_MS)) controller.abort(new Error("The lease was lost."));
    }, heartbeatMs);
    log.info({ event: "job-started", job: job.id, subject: job.subject, attempt: job.attempts });
    const end = await parts.handle(job, controller.signal).catch((error: unknown): JobEnd => {
      log.error({ event: "job-threw", job: job.id, err: error });
      return { kind: "failed", error: (error as Error).message };
    });
    clearInterval(heartbeat);
    running = null;
    if (stopping && end.kind !== "succeeded" && end.kind !== "failed") jobs.release(job);
    else if (end.kind === "retry") jobs.retry(job, end.error);
    else jobs.settle(job, end.kind, end.kind === "failed" ? end.error : null);
    log.info({ event: "job-ended", job: job.id, subject: job.subject, end: end.kind });
  }

  return {
    wake,
    interrupt(subject) {
      if (running?.job.subject === subject) running.controller.abort(new Error("The job was cancelled."));
    },
    async idle() {
      while (loop !== null) await loop;
    },
    async [Symbol.asyncDispose]() {
      stopping = true;
      clearInterval(poll);
      running?.controller.abort(new Error("The server is stopping."));
      await loop;
    },
  };
}
