import { redactSecrets } from "../../core/redaction.ts";
import { EVENT_SCHEMA_VERSION, type EventKind, type EventOf } from "../../protocol/events.ts";
import type { Outbox } from "../sync/outbox.ts";
import { v7 as uuidv7 } from "uuid";

type Envelope = "id" | "v" | "suggestionId" | "sessionId" | "sequence" | "wallMs" | "monotonicMs" | "kind";
/** What an event of one kind says beside its envelope. */
export type EventFields<K extends EventKind> = Omit<EventOf<K>, Envelope>;

/** Turns facts into events of this session and puts them into the outbox. Nothing is awaited. */
export interface EventRecorder {
  readonly sessionId: string;
  readonly recorded: number;
  record<K extends EventKind>(kind: K, suggestionId: string, fields: EventFields<K>): void;
}

export function createEventRecorder(outbox: Outbox, mayCapture: (suggestionId: string) => boolean): EventRecorder {
  const sessionId = uuidv7();
  let sequence = 0;
  return {
    sessionId,
    get recorded() {
      return sequence;
    },
    record(kind, suggestionId, fields) {
      if (!mayCapture(suggestionId)) return;
      const event = {
        id: uuidv7(),
        v: EVENT_SCHEMA_VERSION,
        suggestionId,
        sessionId,
        sequence: sequence++,
        wallMs: Date.now(),
        monotonicMs: performance.now(),
        kind,
        ...withoutSecrets(fields),
      };
      outbox.append(event as unknown as EventOf<typeof kind>);
    },
  };
}

/** Every text of an event passes here before it is first written anywhere. */
function withoutSecrets<T>(value: T): T {
  if (typeof value === "string") return redactSecrets(value) as T;
  if (Array.isArray(value)) return value.map(withoutSecrets) as T;
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, VERBATIM.has(key) ? inner : withoutSecrets(inner)]),
    ) as T;
  }
  return value;
}

/** Identifiers and hashes: no text of a person, and they must stay what they are. */
const VERBATIM = new Set(["id", "base", "adapter", "commit", "suggestionId", "root", "path", "language"]);
