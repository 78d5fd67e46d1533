import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { createHash } from "node:crypto";
import { createRandom } from "../../core/statistics/random.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { sampleSession, shownWith } from "../server/sample-events.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { until } from "../server/server-process.ts";
import { checkAfterwards, markedProcesses } from "./server/afterwards.ts";
import { call, startFaultyServer, type FaultyServer } from "./server/faulty-server.ts";
import { faultSeed, isFullRun } from "./seed.ts";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";

/** Feedback that a dataset can be made of, the same in every call. */
function feedback(n: number): KeptEvent[] {
  return Array.from({ length: n }, (_, i) => {
    const session = sampleSession(1_750_000_000_000 + i * 3_600_000);
    const id = uuidv7();
    const word = createHash("sha256").update(String(i)).digest("hex").slice(0, 24);
    const place = { path: `src/file-${i % 30}.ts`, prefix: `// ${word}\nexport const value = ` };
    const shown = shownWith(session, id, { ...place, completion: `keep(${i});` });
    return [shown, session.of("accepted", id), session.of("retained", id)];
  }).flat();
}

const STEPS = isFullRun ? 300 : 120;

async function begin(server: FaultyServer, events: readonly KeptEvent[]): Promise<string> {
  assert.equal((await call(server, "POST", "/v1/events", { events })).status, 200);
  const { status, body } = await call(server, "POST", "/v1/training/runs", { overrides: { rank: 2, steps: STEPS } });
  assert.equal(status, 202, JSON.stringify(body));
  return body.id as string;
}

const stepsOf = async (server: FaultyServer, run: string): Promise<number[]> =>
  ((await call(server, "GET", `/v1/training/runs/${run}/curve`)).body.points as { step: number }[]).map(
    ({ step }) => step,
  );

/** Waits until the run is at a later step than `from`, or has ended. */
const further = (server: FaultyServer, run: string, from: number): Promise<number> =>
  until(async () => {
    const last = (await stepsOf(server, run)).at(-1) ?? 0;
    const { finishedAt } = (await call(server, "GET", `/v1/training/runs/${run}`)).body;
    return last > from || finishedAt !== null ? last : null;
  }, 60_000);

const finished = (server: FaultyServer, run: string) =>
  until(async () => {
    const { body } = await call(server, "GET", `/v1/training/runs/${run}`);
    return body.finishedAt === null ? null : body;
  }, 120_000);

/** The workers under one server, by their parent or as orphans. */
const workers = (): number[] =>
  markedProcesses().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("worker.ts");
    } catch {
      return false;
    }
  });

/** Hashes of what a run learned. Its README names the run itself. */
async function adapterOf(server: FaultyServer, version: string): Promise<Record<string, string>> {
  const { files } = (await call(server, "GET", `/v1/models/${version}`)).body as {
    files: { name: string; sha256: string }[];
  };
  return Object.fromEntries(files.filter(({ name }) => name !== "README.md").map(({ name, sha256 }) => [name, sha256]));
}

describe("a training run whose processes are taken away", function () {
  this.timeout(300_000);
  const model = createTinyModel();
  after(() => model[Symbol.dispose]());
  const args = ["--model-dir", model.dir];
  const events = feedback(60);

  before(function () {
    // Who is whose child is read from /proc.
    if (process.platform !== "linux") throw new Error("these scenarios need Linux");
  });

  it("F07 the trainer killed again and again: one run, and the adapter of a run that was left alone", async () => {
    const random = createRandom(faultSeed);
    const made: Record<string, string>[] = [];
    for (const nKills of [0, isFullRun ? 10 : 3]) {
      await using folder = await tempFolder();
      const server = await startFaultyServer(folder.dir, { args });
      const run = await begin(server, events);
      let at = 0;
      for (let n = 0; n < nKills; n += 1) {
        at = await further(server, run, at);
        await delay(random() * 100);
        const [worker] = workers();
        if (worker === undefined) break;
        process.kill(worker, "SIGKILL");
      }
      const end = await finished(server, run);
      assert.equal(end.state, "succeeded", JSON.stringify(end.error));
      const steps = await stepsOf(server, run);
      assert.deepEqual(
        steps,
        [...new Set(steps)].toSorted((a, b) => a - b),
      );
      assert.equal((await call(server, "GET", "/v1/models")).body.models.length, 1);
      made.push(await adapterOf(server, end.versionId));
      await server.stop("SIGTERM");
      await checkAfterwards(folder.dir, { sent: events.map(({ id }) => id) });
    }
    assert.deepEqual(made[1], made[0]);
  });

  it("F08 the server killed, and its trainer stopped so that it cannot notice: never two in one folder", async () => {
    await using folder = await tempFolder();
    const first = await startFaultyServer(folder.dir, { args });
    const run = await begin(first, events);
    await further(first, run, 0);
    const [orphan] = workers();
    // It does not see that its server is gone, and would go on where it was.
    process.kill(orphan!, "SIGSTOP");
    await first.stop("SIGKILL");
    const second = await startFaultyServer(folder.dir, { args });
    const successor = await until(() => workers().find((pid) => pid !== orphan) ?? null, 30_000);
    await until(() => (workers().includes(orphan!) ? null : true), 30_000);
    assert.ok(workers().every((pid) => pid === successor));
    const end = await finished(second, run);
    assert.equal(end.state, "succeeded", JSON.stringify(end.error));
    assert.equal((await call(second, "GET", "/v1/models")).body.models.length, 1);
    await second.stop("SIGTERM");
    await checkAfterwards(folder.dir, { sent: events.map(({ id }) => id) });
  });

  it("F08 the server killed: its trainer ends by itself", async () => {
    await using folder = await tempFolder();
    const server = await startFaultyServer(folder.dir, { args });
    await further(server, await begin(server, events), 0);
    assert.equal(workers().length, 1);
    await server.stop("SIGKILL");
    await until(() => (workers().length === 0 ? true : null), 10_000);
    rmSync(folder.dir, { recursive: true });
  });

  it("F09 a trainer that is stopped for longer than its lease is ended, and another finishes the run", async () => {
    await using folder = await tempFolder();
    const env = { KEPT_WORKER_SILENCE_MS: "4000" };
    const server = await startFaultyServer(folder.dir, { args, env });
    const run = await begin(server, events);
    await further(server, run, 0);
    const [stopped] = workers();
    process.kill(stopped!, "SIGSTOP");
    const successor = await until(() => workers().find((pid) => pid !== stopped) ?? null, 30_000);
    assert.ok(!workers().includes(stopped!), "two at once");
    assert.notEqual(successor, stopped);
    const end = await finished(server, run);
    assert.equal(end.state, "succeeded", JSON.stringify(end.error));
    assert.equal((await call(server, "GET", "/v1/models")).body.models.length, 1);
    await server.stop("SIGTERM");
    await checkAfterwards(folder.dir, { sent: events.map(({ id }) => id) });
    assert.deepEqual(readdirSync(path.join(folder.dir, "runs")), [run]);
  });

  it("F14 a trainer that takes too much memory: the run fails and says why, events and answers go on", async () => {
    await using folder = await tempFolder();
    // The runtime alone takes more: the same end as that of a trainer that grows.
    const env = { KEPT_WORKER_MEMORY_MIB: "100" };
    const server = await startFaultyServer(folder.dir, { args, env });
    const run = await begin(server, events);
    const end = await finished(server, run);
    assert.equal(end.state, "failed");
    assert.equal(end.error.code, "worker-memory");
    assert.match(end.error.message, /more than 100 MiB of memory/);
    assert.equal((await call(server, "GET", "/readyz")).status, 200);
    const more = feedback(2);
    assert.equal((await call(server, "POST", "/v1/events", { events: more })).status, 200);
    await server.stop("SIGTERM");
    await checkAfterwards(folder.dir, { sent: [...events, ...more].map(({ id }) => id) });
  });
});
