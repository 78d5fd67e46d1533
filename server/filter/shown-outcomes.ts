import { featuresOf } from "../../core/filter/features.ts";
import type { ShownOutcome } from "../../core/filter/show-filter.ts";
import { shownEvent } from "../../core/labels/kept-text.ts";
import { inSessionOrder } from "../../core/labels/session-order.ts";
import { summariseSignals } from "../../core/labels/signals.ts";
import type { Store } from "../store/store.ts";

/** Newest suggestions that a filter is fitted to: what a developer took long ago says little of now. */
const MAX_OUTCOMES = 4_000;
/** A part at least this large counts as taken. */
const TAKEN_FRACTION = 0.5;

/**
 * What came of the editor's suggestions, in the order of time. Those without a confidence, without text or
 * without an end are left out. What was shown although the filter would have held it back stands for all that it held back.
 */
export function shownOutcomes(store: Store): ShownOutcome[] {
  return store.suggestions.newestOfEditor(MAX_OUTCOMES).flatMap((id): ShownOutcome[] => {
    const events = inSessionOrder(store.events.ofSuggestion(id));
    const shown = shownEvent(events);
    if (!shown?.confidence || shown.withheld !== undefined) return [];
    const { outcome, fraction } = summariseSignals(events);
    if (outcome === "open") return [];
    const isTaken = outcome === "accepted" || outcome === "partially-accepted" || outcome === "typed-through";
    const { confidence, completion, context } = shown;
    return [
      {
        features: featuresOf({ completion, prefix: context.prefix, suffix: context.suffix, ...confidence }),
        accepted: isTaken && fraction >= TAKEN_FRACTION,
        weight: 1 / (confidence.shownOdds ?? 1),
      },
    ];
  });
}
