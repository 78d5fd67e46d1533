import assert from "node:assert/strict";
import path from "node:path";
import { createJobRunner, LEASE_MS, type JobHandler } from "../../../server/jobs/runner.ts";
import { createLog } from "../../../server/log.ts";
import { MAX_ATTEMPTS, type JobStore } from "../../../server/store/job-store.ts";
import { openStore } from "../../../server/store/store.ts";
import { tempFolder } from "../../server/temp-folder.ts";

async function check(body: (jobs: JobStore, add: (id: string) => void, dir: string) => unknown): Promise<void> {
  await using folder = await tempFolder();
  using store = openStore(path.join(folder.dir, "kept.db"));
  let createdAt = 0;
  const add = (id: string) =>
    store.jobs.enqueue({ id, kind: "training", subject: `run-${id}`, createdAt: createdAt++ });
  await body(store.jobs, add, folder.dir);
}

describe("job leases", () => {
  it("hands a job to one claimer", () =>
    check((jobs, add) => {
      add("a");
      assert.equal(jobs.claim(0, 20)?.id, "a");
      assert.equal(jobs.claim(0, 20), null);
    }));

  it("hands jobs out oldest first", () =>
    check((jobs, add) => {
      for (const id of ["c", "a", "b"]) add(id);
      assert.deepEqual(
        [0, 1, 2].map(() => jobs.claim(0, 20)?.id),
        ["c", "a", "b"],
      );
    }));

  it("hands a job out again when its lease has run out, and fences the first claimer", () =>
    check((jobs, add) => {
      add("a");
      const first = jobs.claim(0, 20)!;
      assert.equal(jobs.claim(20, 20), null);
      const second = jobs.claim(21, 20)!;
      assert.equal(second.attempts, 2);
      assert.deepEqual(
        [jobs.heartbeat(first, 22, 20), jobs.holds(first), jobs.settle(first, "succeeded", null), jobs.release(first)],
        [false, false, false, false],
      );
      assert.equal(jobs.settle(second, "succeeded", null), true);
      assert.equal(jobs.state("a"), "succeeded");
    }));

  it("keeps a job whose holder is heard of", () =>
    check((jobs, add) => {
      add("a");
      const job = jobs.claim(0, 20)!;
      for (let now = 5; now < 200; now += 5) {
        assert.equal(jobs.heartbeat(job, now, 20), true);
        assert.equal(jobs.claim(now + 1, 20), null);
      }
    }));

  it("gives up after the last attempt", () =>
    check((jobs, add) => {
      add("a");
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) jobs.retry(jobs.claim(attempt, 20)!, "it died");
      assert.equal(jobs.claim(99, 20), null);
      assert.equal(jobs.state("a"), "dead");
      assert.deepEqual(jobs.dead(), [{ id: "a", subject: "run-a", error: "it died" }]);
    }));

  it("does not give up on a job that gets further each time", () =>
    check((jobs, add) => {
      add("a");
      for (let attempt = 0; attempt < 10; attempt++) {
        const job = jobs.claim(attempt, 20)!;
        jobs.progressed(job);
        jobs.retry(job, "it died");
      }
      assert.equal(jobs.state("a"), "queued");
    }));

  it("does not count a stop of the server as an attempt", () =>
    check((jobs, add) => {
      add("a");
      for (let stop = 0; stop < 10; stop++) jobs.release(jobs.claim(stop, 20)!);
      assert.equal(jobs.claim(99, 20)?.attempts, 1);
    }));

  it("cancels what waits and what runs", () =>
    check((jobs, add) => {
      add("a");
      add("b");
      const running = jobs.claim(0, 20)!;
      assert.deepEqual([jobs.cancel("run-a"), jobs.cancel("run-b"), jobs.cancel("run-b")], [true, true, false]);
      assert.equal(jobs.heartbeat(running, 1, 20), false);
      assert.equal(jobs.claim(99, 20), null);
    }));

  it("puts everything back when a server starts after a kill", () =>
    check((jobs, add) => {
      add("a");
      const before = jobs.claim(1_000_000, 20)!;
      assert.equal(jobs.requeueAll(), 1);
      const after = jobs.claim(0, 20)!;
      assert.equal(after.id, "a");
      assert.equal(jobs.settle(before, "succeeded", null), false);
    }));
});

describe("job runner", () => {
  /** A clock that the test moves. */
  const clockAt = (state: { now: number }) => ({ wallMs: () => state.now, monotonicMs: () => state.now });
  const runnerOf = (jobs: JobStore, dir: string, handle: JobHandler, time = { now: 0 }, dead: string[] = []) =>
    createJobRunner({
      jobs,
      clock: clockAt(time),
      log: createLog({ level: "silent", destination: path.join(dir, "log") }),
      handle,
      onDead: (subject) => dead.push(subject),
      heartbeatMs: 5,
    });

  it("runs jobs one after the other", () =>
    check(async (jobs, add, dir) => {
      const seen: string[] = [];
      let nAtOnce = 0;
      await using runner = runnerOf(jobs, dir, async (job) => {
        assert.equal(++nAtOnce, 1);
        await new Promise(setImmediate);
        nAtOnce--;
        seen.push(job.id);
        return { kind: "succeeded" };
      });
      for (const id of ["a", "b", "c"]) add(id);
      runner.wake();
      runner.wake();
      await runner.idle();
      assert.deepEqual(seen, ["a", "b", "c"]);
    }));

  it("aborts the work when the lease is lost, and what it says then is not written", () =>
    check(async (jobs, add, dir) => {
      const time = { now: 0 };
      let nRuns = 0;
      await using runner = runnerOf(
        jobs,
        dir,
        async (_job, signal) => {
          if (++nRuns > 1) return { kind: "failed", error: "the second claimer's word" };
          time.now += LEASE_MS + 1;
          // Somebody else takes the job over and gives it back.
          jobs.release(jobs.claim(time.now, LEASE_MS)!);
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          return { kind: "succeeded" };
        },
        time,
      );
      add("a");
      runner.wake();
      await runner.idle();
      assert.equal(jobs.state("a"), "failed");
      assert.equal(nRuns, 2);
    }));

  it("tries again after a death and reports the end of all attempts", () =>
    check(async (jobs, add, dir) => {
      const dead: string[] = [];
      let nRuns = 0;
      await using runner = runnerOf(
        jobs,
        dir,
        async () => {
          nRuns++;
          return { kind: "retry", error: "died" };
        },
        { now: 0 },
        dead,
      );
      add("a");
      runner.wake();
      await runner.idle();
      assert.equal(nRuns, MAX_ATTEMPTS);
      assert.deepEqual(dead, ["run-a"]);
    }));

  it("calls a handler that throws a failure", () =>
    check(async (jobs, add, dir) => {
      await using runner = runnerOf(jobs, dir, async () => {
        throw new Error("a bug");
      });
      add("a");
      runner.wake();
      await runner.idle();
      assert.equal(jobs.state("a"), "failed");
    }));

  it("puts the job back when the server stops", () =>
    check(async (jobs, add, dir) => {
      const runner = runnerOf(jobs, dir, async (_job, signal) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return { kind: "cancelled" };
      });
      add("a");
      runner.wake();
      await runner[Symbol.asyncDispose]();
      assert.equal(jobs.state("a"), "queued");
    }));

  it("interrupts only the named subject", () =>
    check(async (jobs, add, dir) => {
      await using runner = runnerOf(jobs, dir, async (_job, signal) => {
        runner.interrupt("run-other");
        assert.equal(signal.aborted, false);
        jobs.cancel("run-a");
        runner.interrupt("run-a");
        assert.equal(signal.aborted, true);
        return { kind: "cancelled" };
      });
      add("a");
      runner.wake();
      await runner.idle();
      assert.equal(jobs.state("a"), "cancelled");
    }));
});
