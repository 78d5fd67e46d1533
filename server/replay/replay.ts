import type { HistoryPoint } from "../../core/history-point.ts";
import { createExampleIndex } from "../../engine/retrieve/example-index.ts";
import { startEngineProcess, type EngineProcess } from "../../engine/process/host.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { mineHistory } from "../../tracker/history.ts";
import { summarise, type AcceptanceReport, type ReplayCase } from "./acceptance.ts";
import { survivalAtHead } from "./later-survival.ts";
import { readPointsFile } from "./points-file.ts";
import type { EventSession } from "./replay-events.ts";
import type { ServerConnection } from "./server-connection.ts";
import { walkHistory } from "./walk.ts";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

/** Where the points come from: a git work tree, or a file in the points format. */
export type ReplaySource =
  | { readonly kind: "repository"; readonly root: string }
  | { readonly kind: "points"; readonly file: string };

export interface ReplayOptions {
  readonly source: ReplaySource;
  /** The newest points of a repository; the last of a file. */
  readonly limit: number;
  readonly engine: EngineProcess;
  readonly server: ServerConnection;
  readonly onPoint: (cases: readonly ReplayCase[]) => void;
  readonly signal: AbortSignal;
}

export interface ReplayResult {
  readonly points: readonly HistoryPoint[];
  readonly cases: readonly ReplayCase[];
  readonly acceptance: AcceptanceReport;
}

/** Suggestions whose events go to the server together. */
const SUGGESTIONS_PER_BATCH = 16;
const NOTHING_LATER = async () => null;

/** Replays a history through a running server, as events of one session. */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { source, engine, server, signal } = options;
  const points = await readPoints(source, options.limit, signal);
  const root = source.kind === "repository" ? source.root : path.resolve(source.file);
  let waiting: KeptEvent[] = [];
  let nWaiting = 0;
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    nWaiting = 0;
    await server.sendEvents(batch, signal);
  };
  const cases = await walkHistory({
    points,
    root,
    repository: path.basename(root).replace(/\.jsonl(\.xz)?$/, ""),
    complete: (request, stop) => engine.complete(request, stop),
    base: engine.model.sha256,
    index: createExampleIndex(),
    survivalOf: source.kind === "repository" ? await survivalAtHead(source.root, signal) : NOTHING_LATER,
    async send(events) {
      waiting.push(...events);
      nWaiting += 1;
      if (nWaiting >= SUGGESTIONS_PER_BATCH) await flush();
    },
    session: newSession(),
    onPoint: options.onPoint,
    signal,
  });
  await flush();
  return { points, cases, acceptance: summarise(cases) };
}

/** Points in time order, at most `limit` of them, the newest ones. */
export async function readPoints(source: ReplaySource, limit: number, signal: AbortSignal): Promise<HistoryPoint[]> {
  const points: HistoryPoint[] = [];
  const from =
    source.kind === "repository"
      ? mineHistory({ repo: source.root, limit, signal })
      : readPointsFile(source.file, signal);
  for await (const point of from) points.push(point);
  return points.slice(-limit);
}

/** A session whose ids carry the time when the code was written. */
export function newSession(): EventSession {
  let sequence = 0;
  return { sessionId: uuidv7(), nextSequence: () => sequence++, newId: (wallMs) => uuidv7({ msecs: wallMs }) };
}

/** The engine as the editor starts it, with as many threads as leave a core for the rest. */
export function startReplayEngine(entry: string, modelDir: string, threads: number): Promise<EngineProcess> {
  return startEngineProcess({ entry, modelDir, threads });
}
