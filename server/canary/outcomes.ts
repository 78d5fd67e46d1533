import type { CanaryOutcome } from "../../core/evaluation/canary.ts";
import { REFERENCE } from "../../core/evaluation/drift.ts";
import { shownEvent } from "../../core/labels/kept-text.ts";
import { inSessionOrder } from "../../core/labels/session-order.ts";
import { summariseSignals } from "../../core/labels/signals.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import type { CanaryRecord, DrawnSuggestion } from "../store/canary-store.ts";
import type { Store } from "../store/store.ts";

/** The look at accepted code that counts: the first one at least this long after the accept, milliseconds. */
const SETTLED_MS = 120_000;

/** What came of the suggestions that were drawn for a canary; those that are still open are left out. */
export function canaryOutcomes(store: Store, canary: CanaryRecord, limit: number): CanaryOutcome[] {
  return store.canaries.drawn(canary.afterSequence, limit).flatMap((drawn): CanaryOutcome[] => {
    const isCandidate = drawn.adapter === canary.version;
    // An editor that had not heard of this canary yet drew from another.
    if (!isCandidate && drawn.adapter !== canary.champion) return [];
    const characters = takenIn(store, drawn);
    return characters === null ? [] : [{ arm: isCandidate ? "candidate" : "champion", characters }];
  });
}

/** Suggestions in which a lasting fall is looked for: the newest. */
const WATCHED = 1_600;

/**
 * Accepted and retained characters of suggestions that one version made, in the order of time: of the first, which
 * say what is usual, and of the newest.
 */
export function servedCharacters(store: Store, adapter: string | null, after: number): number[] {
  return store.canaries
    .shownWith(adapter, after, REFERENCE, WATCHED)
    .map((shown) => takenIn(store, shown))
    .filter((characters) => characters !== null);
}

/** Outcomes that are none yet: it may still be accepted, or was withdrawn by the editor. */
const OPEN = "open";
const TAKEN = new Set(["accepted", "partially-accepted"]);

/** Accepted and retained characters of a suggestion; null while nobody has looked whether they stay. */
function takenIn(store: Store, { id, outcome }: DrawnSuggestion): number | null {
  if (outcome === OPEN) return null;
  if (!TAKEN.has(outcome)) return 0;
  return retainedCharacters(inSessionOrder(store.events.ofSuggestion(id)));
}

/** The same from the events of an accepted suggestion. */
export function retainedCharacters(events: readonly KeptEvent[]): number | null {
  const shown = shownEvent(events);
  if (shown === null) return null;
  const { fraction, undoneAfterMs } = summariseSignals(events);
  if (undoneAfterMs !== null) return 0;
  const looks = events.filter((event) => event.kind === "retained").sort((a, b) => a.afterMs - b.afterMs);
  const deciding = looks.find(({ afterMs }) => afterMs >= SETTLED_MS);
  if (deciding === undefined) return null;
  // A look that could not be taken says nothing: what was seen before it counts, else that it was accepted.
  const seen = looks.findLast(({ afterMs, tokens }) => afterMs <= deciding.afterMs && tokens !== null);
  const length = shown.withheld?.characters ?? shown.completion.length;
  return length * fraction * (seen?.tokens ?? 1);
}
