import type { HistoryPoint } from "../../core/history-point.ts";
import { acceptedAtLine } from "../../core/evaluation/similarity.ts";
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

/** Share of an accepted suggestion that stands in a later commit. */
export interface LaterSurvival {
  readonly commit: string;
  readonly afterMs: number;
  /** 0 to 1; null when the file is gone. */
  readonly tokens: number | null;
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
  readonly survival: LaterSurvival | null;
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
  const { point, completion, outcome, survival } = suggestion;
  const events: KeptEvent[] = [];
  const add = <K extends EventKind>(kind: K, wallMs: number, fields: Fields<K>): void => {
    const sequence = session.nextSequence();
    const envelope = { v: EVENT_SCHEMA_VERSION, suggestionId: suggestion.suggestionId, sessionId: session.sessionId };
    const times = { id: session.newId(wallMs), sequence, wallMs, monotonicMs: sequence };
    events.push({ ...envelope, ...times, kind, ...fields } as unknown as KeptEvent);
  };
  const shownAt = point.writtenAt;
  const decidedAt = shownAt + REPLAYED_READ_MS;
  add("shown", shownAt, {
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
  add("read", decidedAt, { visibleMs: REPLAYED_READ_MS });
  if (outcome === "accepted") {
    add("accepted", decidedAt, { visibleMs: REPLAYED_READ_MS });
    if (survival) {
      const { commit, afterMs, tokens } = survival;
      const place = tokens === null ? "unknown" : tokens > 0 ? "head" : "nowhere";
      add("survived", shownAt + afterMs, { commit, afterMs, tokens, place });
    }
    return events;
  }
  if (outcome === "partially-accepted") {
    const characters = firstLineEnd(completion);
    add("partially-accepted", decidedAt, { characters, fraction: characters / completion.length });
  } else add("rejected", decidedAt, { visibleMs: REPLAYED_READ_MS });
  add("typed-instead", decidedAt, { text: point.target });
  return events;
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
