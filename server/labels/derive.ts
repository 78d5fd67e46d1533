import type { LabelRow } from "../../protocol/api.ts";
import type { EventOf, KeptEvent } from "../../protocol/events.ts";
import { keptText, shownEvent } from "../../core/labels/kept-text.ts";
import { labelSuggestion } from "../../core/labels/label.ts";
import { inSessionOrder } from "../../core/labels/session-order.ts";
import { summariseSignals, type SuggestionSignals } from "../../core/labels/signals.ts";
import { labelTableInUse } from "../store/label-table.ts";
import type { ExampleRecord } from "../store/example-store.ts";
import type { Store } from "../store/store.ts";
import type { SuggestionRecord } from "../store/suggestion-store.ts";

export interface Derived {
  /** Ids whose row or label was computed anew. */
  readonly suggestions: readonly string[];
  /** The revision of the example index when it changed, otherwise null. */
  readonly examplesRevision: number | null;
}

/**
 * Computes rows, labels and in-context examples of suggestions anew from their events. A pure function
 * of the events: running it for every suggestion rebuilds the derived tables.
 */
export function deriveSuggestions(store: Store, suggestionIds: Iterable<string>): Derived {
  const suggestions: string[] = [];
  const before = store.examples.revision();
  const watermark = store.events.watermark();
  const table = labelTableInUse(store.settings);
  for (const id of suggestionIds) {
    const events = inSessionOrder(store.events.ofSuggestion(id));
    const shown = shownEvent(events);
    const sequence = store.events.shownSequence(id);
    // Until its `shown` event is here, nothing is known of a suggestion; its other events wait in the log.
    if (shown === null || sequence === null) continue;
    const signals = summariseSignals(events);
    const label: LabelRow = { suggestionId: id, ...mutableLabel(labelSuggestion(signals, table)) };
    store.suggestions.put(suggestionRecord(shown, sequence, signals));
    store.labels.put(label, watermark);
    const example = store.imports.isHeld(id) ? null : exampleOf(events, shown, signals, label);
    if (example === null) store.examples.remove(id);
    else store.examples.put(example);
    suggestions.push(id);
  }
  const after = store.examples.revision();
  return { suggestions, examplesRevision: after === before ? null : after };
}

/**
 * Takes the next suggestions off the outbox and derives them, in one transaction. One that cannot be
 * derived is taken off alone and named in `failed`: it waits for its next event and holds nobody up.
 */
export function derivePending(
  store: Store,
  limit: number,
): Derived & { readonly failed: readonly string[]; readonly pending: boolean } {
  const ids = store.derivations.next(limit);
  const failed: string[] = [];
  const derive = (some: readonly string[]): Derived =>
    store.derivedTransaction(() => {
      const derived = deriveSuggestions(store, some);
      store.derivations.remove(some);
      return derived;
    });
  const deriveAlone = (id: string): Derived => {
    try {
      return derive([id]);
    } catch {
      store.derivations.remove([id]);
      failed.push(id);
      return { suggestions: [], examplesRevision: null };
    }
  };
  let parts: Derived[];
  try {
    parts = [derive(ids)];
  } catch (error) {
    // The disk's failure is not this suggestion's.
    if (String((error as { code?: unknown }).code ?? "").startsWith("SQLITE_")) throw error;
    parts = ids.map(deriveAlone);
  }
  return {
    suggestions: parts.flatMap(({ suggestions }) => suggestions),
    examplesRevision: parts.findLast(({ examplesRevision }) => examplesRevision !== null)?.examplesRevision ?? null,
    failed,
    pending: store.derivations.count() > 0,
  };
}

function suggestionRecord(shown: EventOf<"shown">, sequence: number, signals: SuggestionSignals): SuggestionRecord {
  const { context, model } = shown;
  return {
    id: shown.suggestionId,
    sequence,
    shownAt: clampToDateRange(shown.wallMs),
    source: shown.source,
    root: context.root,
    path: context.path,
    language: context.language,
    line: context.line,
    completion: shown.completion,
    base: model.base,
    adapter: model.adapter,
    outcome: signals.outcome,
    rating: signals.rating,
    retained: signals.survival.findLast(({ place }) => place === "buffer")?.tokens ?? null,
    survived: signals.survival.findLast(({ place }) => place !== "buffer")?.tokens ?? null,
  };
}

/** End of the year 9999: later times have no four-digit year and are a broken clock. */
const LAST_TIME_MS = 253_402_300_799_999;
const clampToDateRange = (wallMs: number): number => Math.round(Math.min(Math.max(wallMs, 0), LAST_TIME_MS));

const mutableLabel = (label: ReturnType<typeof labelSuggestion>): Omit<LabelRow, "suggestionId"> => ({
  ...label,
  reasons: label.reasons.map((reason) => ({ ...reason })),
});

/** Lines before the cursor that an example shows, so that a reader of the prompt sees where the text belongs. */
const EXAMPLE_LINES_BEFORE = 6;
/** Longest text of one example, characters: a prompt has room for a few. */
export const MAX_EXAMPLE_CHARS = 1_600;

function exampleOf(
  events: readonly KeptEvent[],
  shown: EventOf<"shown">,
  signals: SuggestionSignals,
  label: LabelRow,
): ExampleRecord | null {
  const kept = keptText(events, signals, label);
  if (kept === null) return null;
  const { root, path, language, prefix } = shown.context;
  const before = prefix
    .split("\n")
    .slice(-EXAMPLE_LINES_BEFORE - 1)
    .join("\n");
  const room = Math.max(0, MAX_EXAMPLE_CHARS - kept.text.length);
  const lead = room === 0 ? "" : before.slice(-room);
  return {
    suggestionId: shown.suggestionId,
    root,
    path,
    language,
    text: (lead + kept.text).slice(0, MAX_EXAMPLE_CHARS),
  };
}
