import type { HistoryPoint } from "../../core/history-point.ts";
import type { EngineProcess } from "../../engine/process/host.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { gitCommand } from "../../tracker/git-command.ts";
import { survivalInHead } from "../../tracker/head-survival.ts";
import { mineHistory } from "../../tracker/history.ts";
import type { ServerClient } from "../cli/client.ts";
import { summarise, type AcceptanceReport, type ReplayCase } from "./acceptance.ts";
import { sendEvents } from "./event-batches.ts";
import { readPointsFile } from "./points-file.ts";
import { survivalEvents, type EventSession, type ReplayedSuggestion } from "./replay-events.ts";
import { walkHistory } from "./walk.ts";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

/** Where the points come from: a git work tree, or a file in the points format. Paths are absolute. */
export type ReplaySource =
  | { readonly kind: "repository"; readonly root: string }
  | { readonly kind: "points"; readonly file: string };

export interface ReplayOptions {
  readonly source: ReplaySource;
  /** In time order. */
  readonly points: readonly HistoryPoint[];
  readonly engine: Pick<EngineProcess, "complete" | "model" | "setExamples" | "addExamples">;
  readonly server: ServerClient;
  readonly session: EventSession;
  readonly onPoint: (cases: readonly ReplayCase[]) => void;
  readonly signal: AbortSignal;
}

export interface ReplayResult {
  readonly cases: readonly ReplayCase[];
  readonly acceptance: AcceptanceReport;
}

/** Suggestions whose events go to the server together. */
const SUGGESTIONS_PER_BATCH = 16;

/** Replays a history through a running server, as the events of one session. */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { source, points, engine, server, session, signal } = options;
  await engine.setExamples([]);
  const accepted: ReplayedSuggestion[] = [];
  let waiting: KeptEvent[] = [];
  let nWaiting = 0;
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    nWaiting = 0;
    await sendEvents(server, batch);
  };
  const cases = await walkHistory({
    points,
    root: rootOf(source),
    repository: repositoryOf(source),
    complete: engine.complete,
    addExamples: engine.addExamples,
    base: engine.model.sha256,
    async send(suggestion, events) {
      if (suggestion.outcome === "accepted") accepted.push(suggestion);
      waiting.push(...events);
      nWaiting += 1;
      if (nWaiting >= SUGGESTIONS_PER_BATCH) await flush();
    },
    session,
    onPoint: options.onPoint,
    signal,
  });
  await flush();
  if (source.kind === "repository") await sendEvents(server, await laterLife(source.root, accepted, session, signal));
  return { cases, acceptance: summarise(cases) };
}

/** Points in time order, at most `limit` of them, the newest ones. */
export async function readPoints(source: ReplaySource, limit: number, signal: AbortSignal): Promise<HistoryPoint[]> {
  const found =
    source.kind === "repository"
      ? mineHistory({ repo: source.root, limit, signal })
      : readPointsFile(source.file, signal);
  const points: HistoryPoint[] = [];
  for await (const point of found) points.push(point);
  return points.slice(-limit);
}

/** Folder that the suggestions belong to. */
export const rootOf = (source: ReplaySource): string => (source.kind === "repository" ? source.root : source.file);

/** Name of the repository as the prompt says it. */
export function repositoryOf(source: ReplaySource): string {
  const name = path.basename(rootOf(source));
  // A file of points is named `owner+name.jsonl.xz`.
  return source.kind === "repository" ? name : name.replace(/\.jsonl(\.xz)?$/, "").replace(/^.*\+/, "");
}

/** A session whose ids carry the time when the code was written. */
export function newSession(): EventSession {
  let sequence = 0;
  return { sessionId: uuidv7(), nextSequence: () => sequence++, newId: (wallMs) => uuidv7({ msecs: wallMs }) };
}

/** What later commits did to what was accepted. */
async function laterLife(
  repo: string,
  accepted: readonly ReplayedSuggestion[],
  session: EventSession,
  signal: AbortSignal,
): Promise<KeptEvent[]> {
  if (accepted.length === 0) return [];
  const headAt = Number(await gitCommand(repo, ["log", "-1", "--format=%at"], signal)) * 1_000;
  const snippets = accepted.map(({ suggestionId, point, completion }) => ({
    id: suggestionId,
    path: point.path,
    text: completion,
  }));
  const found = await survivalInHead({ repo, snippets, signal });
  return accepted.flatMap(({ suggestionId, point }, i) =>
    survivalEvents({ suggestionId, point, found: found[i]!, headAt }, session),
  );
}
