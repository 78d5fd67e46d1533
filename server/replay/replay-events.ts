import type { HistoryPoint } from "../../core/history-point.ts";
import { acceptedAtLine } from "../../core/evaluation/similarity.ts";
import type { HeadSurvival } from "../../tracker/head-survival.ts";
import {
  EVENT_SCHEMA_VERSION,
  type EventKind,
  type InContextExample,
  type KeptEvent,
  type ModelVersion,
} from "../../protocol/events.ts";

/** What a developer who wanted exactly what was written would have done with a suggestion. */
export type ReplayOutcome = "accepted" | "partially-accepted" | "rejected";

/**
 * `accepted`: the whole suggestion is what was written, white space at line ends aside. `partially-accepted`:
 * its first line is, and more came that was not. Everything else is rejected.
 */
export function judge(completion: string, target: string): ReplayOutcome {
  if (trimmed(completion) === trimmed(target)) return "accepted";
  if (!acceptedAtLine(completion, target)) return "rejected";
  return lineCount(completion) > 1 ? "partially-accepted" : "accepted";
}

export interface ReplayedSuggestion {
  readonly suggestionId: string;
  readonly root: string;
  readonly point: HistoryPoint;
  readonly completion: string;
  readonly outcome: ReplayOutcome;
  readonly examples: readonly InContextExample[];
  readonly model: ModelVersion;
  readonly latencyMs: number;
}

/** Counts the events of one session and makes their ids. */
export interface EventSession {
  readonly sessionId: string;
  nextSequence(): number;
  newId(wallMs: number): string;
}

/** How long a replayed developer looks before acting, milliseconds: above the 750 that count as read. */
export const REPLAYED_READ_MS = 1_500;

/** Fields of one kind of event beside the envelope. */
type Fields<K extends EventKind> = Omit<
  Extract<KeptEvent, { kind: K }>,
  "id" | "v" | "suggestionId" | "sessionId" | "sequence" | "wallMs" | "monotonicMs" | "kind"
>;

/** The events that an editor would have sent, at the time when the code was written. */
export function replayEvents(suggestion: ReplayedSuggestion, session: EventSession): KeptEvent[] {
  const { point, completion, outcome } = suggestion;
  const add = eventList(suggestion.suggestionId, session);
  const shownAt = point.writtenAt;
  const decidedAt = shownAt + REPLAYED_READ_MS;
  add.push("shown", shownAt, {
    context: {
      root: suggestion.root,
      path: point.path,
      language: point.language,
      line: point.line,
      column: point.column,
      prefix: point.prefix,
      suffix: point.suffix,
      examples: [...suggestion.examples],
    },
    completion,
    model: suggestion.model,
    latencyMs: suggestion.latencyMs,
    source: "replay",
  });
  add.push("read", decidedAt, { visibleMs: REPLAYED_READ_MS });
  if (outcome === "accepted") {
    add.push("accepted", decidedAt, { visibleMs: REPLAYED_READ_MS });
    return add.events;
  }
  if (outcome === "partially-accepted") {
    const characters = firstLineEnd(completion);
    add.push("partially-accepted", decidedAt, { characters, fraction: characters / completion.length });
  } else add.push("rejected", decidedAt, { visibleMs: REPLAYED_READ_MS });
  add.push("typed-instead", decidedAt, { text: point.target });
  return add.events;
}

/** What an accepted suggestion's later life was found to be. */
export interface LaterLife {
  readonly suggestionId: string;
  readonly point: HistoryPoint;
  readonly found: HeadSurvival;
  /** Author time of the commit that was looked at, milliseconds since 1970. */
  readonly headAt: number;
}

/**
 * The events that a git watcher would have sent: the code whole in its own commit, then as it was found
 * later. None when nothing later is known.
 */
export function survivalEvents({ suggestionId, point, found, headAt }: LaterLife, session: EventSession): KeptEvent[] {
  if (found.commit === null || found.commit === point.commit) return [];
  const add = eventList(suggestionId, session);
  const { commit, tokens, place } = found;
  const afterMs = Math.max(0, headAt - point.writtenAt);
  add.push("survived", point.writtenAt, { commit: point.commit, afterMs: 0, tokens: 1, place: "head" });
  add.push("survived", point.writtenAt + afterMs, { commit, afterMs, tokens, place });
  return add.events;
}

function eventList(suggestionId: string, session: EventSession) {
  const events: KeptEvent[] = [];
  return {
    events,
    push<K extends EventKind>(kind: K, wallMs: number, fields: Fields<K>): void {
      const sequence = session.nextSequence();
      const times = { id: session.newId(wallMs), sequence, wallMs, monotonicMs: sequence };
      const envelope = { v: EVENT_SCHEMA_VERSION, suggestionId, sessionId: session.sessionId };
      events.push({ ...envelope, ...times, kind, ...fields } as unknown as KeptEvent);
    },
  };
}

const trimmed = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trim();

const lineCount = (text: string): number => text.trim().split("\n").length;

/** Characters up to the end of the first line that is not blank. */
function firstLineEnd(text: string): number {
  const start = text.search(/\S/);
  const end = text.indexOf("\n", Math.max(0, start));
  return end < 0 ? text.length : end;
}
