import { type IngestResponse, MAX_BATCH_BYTES } from "../../protocol/api.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import {
  type Generation,
  generationResponse,
  type GenerationResult,
  MAX_GENERATIONS_PER_REQUEST,
} from "../../protocol/generations.ts";
import type { ImportOrigin } from "../../protocol/imports.ts";
import { connectToServer, type ServerClient } from "../cli/client.ts";
import { systemClock } from "../clock.ts";
import { prepareDataDir } from "../data-dir.ts";
import { AppError } from "../errors.ts";
import { commitGroup } from "../ingest/group-commit.ts";
import { createIngestQuota } from "../ingest/quota.ts";
import { acquireInstanceLock } from "../instance-lock.ts";
import { derivePending } from "../labels/derive.ts";
import { batches, sendEvents } from "../replay/event-batches.ts";
import { openStore, type Store } from "../store/store.ts";
import { takeGenerations } from "./take-generations.ts";

/** Where the command line puts what it has found: the running server, or the data folder itself. */
export interface Sink extends Disposable {
  takeGenerations(generations: readonly Generation[], origin?: ImportOrigin): Promise<GenerationResult[]>;
  takeEvents(events: readonly KeptEvent[]): Promise<void>;
}

/**
 * The server's own doors when one runs; else its data folder, locked for as long as the sink is open.
 * @throws AppError `impostor`, `already-running`, and what opening a store throws
 */
export async function openSink(dataDir: string): Promise<Sink> {
  const server = await runningServer(dataDir);
  return server === null ? storeSink(dataDir) : serverSink(server);
}

/** The server of a data folder, or null when none runs. @throws AppError `impostor` */
export async function runningServer(dataDir: string): Promise<ServerClient | null> {
  try {
    return await connectToServer(dataDir);
  } catch (error) {
    if (error instanceof AppError && error.code === "not-running") return null;
    throw error;
  }
}

const serverSink = (server: ServerClient): Sink => ({
  async takeGenerations(generations, origin) {
    const results: GenerationResult[] = [];
    for (const batch of generationBatches(generations)) {
      const answer = await server.send(
        "POST",
        "/v1/generations",
        { generations: batch, import: origin },
        generationResponse,
      );
      results.push(...answer.results);
    }
    return results;
  },
  takeEvents: (events) => sendEvents(server, events),
  [Symbol.dispose]() {},
});

/** Room for what stands around the generations in a body. */
const ENVELOPE_BYTES = 1_024;

function generationBatches(generations: readonly Generation[]): Generation[][] {
  const all: Generation[][] = [];
  let bytes = 0;
  for (const generation of generations) {
    const size = Buffer.byteLength(JSON.stringify(generation)) + 1;
    const current = all.at(-1);
    if (current && current.length < MAX_GENERATIONS_PER_REQUEST && bytes + size <= MAX_BATCH_BYTES - ENVELOPE_BYTES) {
      current.push(generation);
      bytes += size;
    } else {
      all.push([generation]);
      bytes = size;
    }
  }
  return all;
}

/** Suggestions derived in one transaction. */
const DERIVED_AT_ONCE = 64;

function storeSink(dataDir: string): Sink {
  const places = prepareDataDir(dataDir);
  const lock = acquireInstanceLock(places.lock);
  let store: Store;
  try {
    store = openStore(places.database);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  const quota = createIngestQuota(() => systemClock.monotonicMs());
  const ingest = async (json: string): Promise<IngestResponse> => {
    const [answer] = commitGroup([json], { store, clock: systemClock, quota }).answers;
    if (answer?.ok !== true) throw new AppError(answer?.code ?? "internal", answer?.message ?? "Nothing was stored.");
    while (derivePending(store, DERIVED_AT_ONCE).pending);
    return answer.response;
  };
  return {
    takeGenerations: (generations, origin) =>
      takeGenerations(generations, null, { store, clock: systemClock, ingest, origin: origin ?? null }),
    async takeEvents(events) {
      for (const batch of batches(events)) {
        const { results } = await ingest(JSON.stringify({ events: batch }));
        const refused = results.find(({ status }) => status === "rejected");
        if (refused) throw new AppError("invalid", `An event was refused: ${refused.reason ?? "no reason"}`);
      }
    },
    [Symbol.dispose]() {
      store[Symbol.dispose]();
      lock[Symbol.dispose]();
    },
  };
}
