import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Bench } from "./harness/report.ts";
import { median } from "./engine/medians.ts";
import { closedLoop, openLoop, type LoadResult } from "./ingest/load.ts";
import { startMeasuredServer } from "./ingest/measured-server.ts";

/** Rounds of every load, each on a fresh store; the medians are reported. */
const ROUNDS = 3;
const SINGLES_PER_CONNECTION_RUN = 3_000;
const BATCHES = 2_500;
const EVENTS_PER_BATCH = 20;
const PACED = { perSecond: 200, seconds: 10 };
/** Appends of the reference: what the disk alone takes for one durable write. */
const REFERENCE_WRITES = 300;
const REFERENCE_BYTES = 4_096;

export const bench: Bench = {
  about: "durable events of the server: fsyncs per acknowledged event, events per second, latency, stalls",
  async run({ signal, say }) {
    const rounds: Record<string, number>[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      signal.throwIfAborted();
      rounds.push(await measure((line) => say(`round ${round} of ${ROUNDS}: ${line}`)));
    }
    const names = Object.keys(rounds[0]!);
    const metrics = Object.fromEntries(names.map((name) => [name, median(rounds.map((one) => one[name]!))]));
    const of = (name: string): number => metrics[name]!;
    return {
      metrics,
      bars: [
        { name: "fsyncs per batch at 1 connection", value: of("syncsPerBatch1"), target: 1, want: "at-least" },
        { name: "fsyncs per event at 16 connections", value: of("syncsPerEvent16"), target: 0.25, want: "at-most" },
        { name: "fsyncs per event at 64 connections", value: of("syncsPerEvent64"), target: 0.1, want: "at-most" },
        { name: "durable events per second", value: of("eventsPerSecond"), target: 10_000, want: "at-least" },
        { name: "p99 of single events at 200/s, ms", value: of("pacedP99Ms"), target: 10, want: "at-most" },
        { name: "longest stall of the main thread, ms", value: of("stallMaxMs"), target: 20, want: "at-most" },
      ],
    };
  },
};

async function measure(say: (line: string) => void): Promise<Record<string, number>> {
  await using server = await startMeasuredServer();
  const diskWriteMs = durableWriteMs();
  const counted = async (run: () => Promise<LoadResult>): Promise<LoadResult & { nSyncs: number }> => {
    const before = server.nSyncs();
    const result = await run();
    return { ...result, nSyncs: server.nSyncs() - before };
  };
  say("single events, 1, 16 and 64 connections");
  const singles = { perBatch: 1, requests: SINGLES_PER_CONNECTION_RUN };
  const one = await counted(() => closedLoop(server, { ...singles, connections: 1, requests: 500 }));
  const sixteen = await counted(() => closedLoop(server, { ...singles, connections: 16 }));
  const sixtyFour = await counted(() => closedLoop(server, { ...singles, connections: 64 }));
  say(`batches of ${EVENTS_PER_BATCH}, 16 connections`);
  const batches = await closedLoop(server, { connections: 16, perBatch: EVENTS_PER_BATCH, requests: BATCHES });
  say(`${PACED.perSecond} single events a second`);
  const paced = await openLoop(server, PACED);
  const stall = await server.stop();
  return {
    syncsPerBatch1: one.nSyncs / one.nRequests,
    syncsPerEvent16: sixteen.nSyncs / sixteen.nEvents,
    syncsPerEvent64: sixtyFour.nSyncs / sixtyFour.nEvents,
    singlesPerSecond1: one.nEvents / one.seconds,
    singlesPerSecond16: sixteen.nEvents / sixteen.seconds,
    singlesPerSecond64: sixtyFour.nEvents / sixtyFour.seconds,
    eventsPerSecond: batches.nEvents / batches.seconds,
    batchP99Ms: batches.p99Ms,
    pacedP50Ms: paced.p50Ms,
    pacedP99Ms: paced.p99Ms,
    pacedP50OverDiskWrite: paced.p50Ms / diskWriteMs,
    diskWriteMs,
    stallMaxMs: stall.maxMs,
    stallP999Ms: stall.p999Ms,
  };
}

/** The reference: median milliseconds of one append that is made durable, on the same disk. */
function durableWriteMs(): number {
  const dir = mkdtempSync(path.join(tmpdir(), "kept-disk-"));
  const file = openSync(path.join(dir, "append"), "a");
  const page = Buffer.alloc(REFERENCE_BYTES, 1);
  const times = Array.from({ length: REFERENCE_WRITES }, () => {
    const began = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - began;
  });
  closeSync(file);
  rmSync(dir, { recursive: true, force: true });
  return median(times);
}
