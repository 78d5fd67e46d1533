import { stricterLevel, type CaptureLevel } from "../../core/capture-level.ts";
import { EVENT_SCHEMA_VERSION, type EventKind, type EventOf, type KeptEvent } from "../../protocol/events.ts";
import { outcomeFields, redactedFields, type Fields } from "./event-redaction.ts";
import type { PlaceKey } from "./place-key.ts";
import type { SecretScan } from "./secret-scan.ts";
import { v7 as uuidv7 } from "uuid";

type Envelope = "id" | "v" | "suggestionId" | "sessionId" | "sequence" | "wallMs" | "monotonicMs" | "origin" | "kind";
/** What an event of one kind says beside its envelope. */
export type EventFields<K extends EventKind> = Omit<EventOf<K>, Envelope>;

/** Where a suggestion stood, and the code around it when this window still knows. */
export interface RecordedPlace {
  readonly root: string;
  /** Relative to `root`, with forward slashes. */
  readonly path: string;
  readonly context?: { readonly prefix: string; readonly suffix: string };
}

/**
 * Turns facts into events of this session. `record` only takes the time and the place: levels, ignore
 * rules and secrets are looked at later, off the handler that told the fact, and before the event is
 * given to the outbox, which is the first to write it.
 */
export interface EventRecorder {
  readonly sessionId: string;
  /** Events given to the outbox. */
  readonly recorded: number;
  /** `place` where the window no longer remembers the suggestion, as after a restart. */
  record<K extends EventKind>(kind: K, suggestionId: string, fields: EventFields<K>, place?: RecordedPlace): void;
  /** Resolves when everything told so far was recorded or left out. */
  settled(): Promise<void>;
}

export interface RecorderOptions {
  append(event: KeptEvent): void;
  placeOf(suggestionId: string): RecordedPlace | null;
  /** What may be recorded of a folder now. */
  levelOf(root: string): CaptureLevel;
  /** False for a file that Kept leaves alone; waits until its rules are known. */
  mayRecord(root: string, path: string): Promise<boolean>;
  isForgotten(suggestion: { readonly id: string; readonly root: string; readonly path: string }): boolean;
  readonly scan: SecretScan;
  readonly hidden: PlaceKey;
  log(message: string): void;
}

export function createEventRecorder(options: RecorderOptions): EventRecorder {
  const sessionId = uuidv7();
  let sequence = 0;
  let recorded = 0;
  let working: Promise<void> = Promise.resolve();

  const write = async (kind: EventKind, envelope: Fields, fields: Fields, place: RecordedPlace, told: CaptureLevel) => {
    const suggestionId = String(envelope["suggestionId"]);
    // After the handler that told it: nothing below costs a key.
    await new Promise((resolve) => setImmediate(resolve));
    if (!(await options.mayRecord(place.root, place.path))) return;
    const allowed = await withAllowedExamples(fields, place.root, options);
    const clean = told === "code" ? await redactedFields(kind, allowed, place.context ?? null, options.scan) : null;
    // What was allowed when it happened may have been withdrawn meanwhile, and the stricter holds.
    const level = stricterLevel(told, options.levelOf(place.root));
    if (level === "off" || options.isForgotten({ id: suggestionId, root: place.root, path: place.path })) return;
    const origin = { folder: options.hidden(place.root), file: options.hidden(`${place.root}\n${place.path}`) };
    const said = level === "code" && clean ? clean : outcomeFields(kind, allowed, options.hidden);
    recorded += 1;
    options.append({ ...envelope, origin, kind, ...said } as unknown as KeptEvent);
  };

  return {
    sessionId,
    get recorded() {
      return recorded;
    },
    record(kind, suggestionId, fields, named) {
      const place = named ?? options.placeOf(suggestionId);
      const level = place ? options.levelOf(place.root) : "off";
      if (!place || level === "off") return;
      const envelope = {
        id: uuidv7(),
        v: EVENT_SCHEMA_VERSION,
        suggestionId,
        sessionId,
        sequence: sequence++,
        wallMs: Date.now(),
        monotonicMs: performance.now(),
      };
      // In the order told, one at a time; an event that cannot be cleaned is not recorded.
      working = working
        .then(() => write(kind, envelope, fields, place, level))
        .catch((error: Error) => options.log(`An event was not recorded (${kind}): ${error.message}`));
    },
    settled: () => working,
  };
}

/** The fields without excerpts of files that Kept leaves alone. */
async function withAllowedExamples(fields: Fields, root: string, options: RecorderOptions): Promise<Fields> {
  const context = fields["context"] as { examples?: readonly { path: string }[] } | undefined;
  if (!context?.examples || context.examples.length === 0) return fields;
  const examples = [];
  for (const example of context.examples) {
    if (await options.mayRecord(root, example.path)) examples.push(example);
  }
  return { ...fields, context: { ...context, examples } };
}
