import { v7 } from "uuid";
import type { EventKind, EventOf, KeptEvent, SuggestionContext } from "../../../protocol/events.ts";

/** Events of one suggestion in short form: `shown` comes first by itself. */
export interface Feedback {
  readonly path?: string;
  readonly language?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly completion: string;
  readonly adapter?: string | null;
  readonly examples?: SuggestionContext["examples"];
  readonly source?: "editor" | "replay";
  /** Milliseconds since 1970; now when absent. */
  readonly atMs?: number;
  readonly then?: readonly FollowUp[];
}

type Envelope = "id" | "v" | "suggestionId" | "sessionId" | "sequence" | "wallMs" | "monotonicMs";
export type FollowUp = { [K in EventKind]: { readonly kind: K } & Omit<EventOf<K>, Envelope | "kind"> }[EventKind];

export interface FeedbackEvents {
  readonly suggestionId: string;
  readonly events: readonly KeptEvent[];
}

/** Milliseconds between a suggestion's events. */
const EVENT_GAP_MS = 900;

export function feedbackEvents(feedback: Feedback): FeedbackEvents {
  const suggestionId = v7();
  const sessionId = v7();
  const startMs = feedback.atMs ?? Date.now();
  const envelope = (sequence: number) => ({
    id: v7(),
    v: 1 as const,
    suggestionId,
    sessionId,
    sequence,
    wallMs: startMs + sequence * EVENT_GAP_MS,
    monotonicMs: 1_000 + sequence * EVENT_GAP_MS,
  });
  const shown: KeptEvent = {
    ...envelope(0),
    kind: "shown",
    context: {
      root: "/home/dev/orders",
      path: feedback.path ?? "src/orders/total.ts",
      language: feedback.language ?? "typescript",
      line: 11,
      column: 2,
      prefix: feedback.prefix ?? "export function total(order: Order): number {\n  ",
      suffix: feedback.suffix ?? "\n}\n",
      examples: [...(feedback.examples ?? [])],
    },
    completion: feedback.completion,
    model: { base: "b".repeat(64), adapter: feedback.adapter ?? null },
    latencyMs: 84,
    source: feedback.source ?? "editor",
  };
  const rest = (feedback.then ?? []).map((event, index) => ({ ...envelope(index + 1), ...event }) as KeptEvent);
  return { suggestionId, events: [shown, ...rest] };
}
