import type { SuggestionLabel } from "./label.ts";
import type { SignalEvent, SuggestionSignals } from "./signals.ts";

/** Text that a developer is known to have wanted at the place of a suggestion. */
export interface KeptText {
  readonly text: string;
  /** `completion`: what was suggested; `typed-instead`: what was written in its place. */
  readonly from: "completion" | "typed-instead";
}

/**
 * What belongs at the cursor, as far as the label and the events say: the completion of a good
 * suggestion (its accepted part when only a part was taken), the developer's own text where a
 * suggestion was not taken, otherwise null.
 */
export function keptText(
  events: readonly SignalEvent[],
  signals: SuggestionSignals,
  label: Pick<SuggestionLabel, "verdict">,
): KeptText | null {
  const shown = shownEvent(events);
  // Recorded without text: there is a label, and nothing to learn from.
  if (shown === null || shown.withheld !== undefined) return null;
  if (label.verdict === "good") {
    const text = acceptedPart(events, signals, shown.completion);
    return text.trim() === "" ? null : { text, from: "completion" };
  }
  const typed = signals.typedInstead;
  if (typed === null || typed.trim() === "" || typed === shown.completion) return null;
  return { text: typed, from: "typed-instead" };
}

/** The event that a suggestion begins with, or null while it has not arrived. */
export function shownEvent<E extends { readonly kind: string }>(
  events: readonly E[],
): Extract<E, { readonly kind: "shown" }> | null {
  return events.find((event): event is Extract<E, { readonly kind: "shown" }> => event.kind === "shown") ?? null;
}

function acceptedPart(events: readonly SignalEvent[], signals: SuggestionSignals, completion: string): string {
  if (signals.outcome !== "partially-accepted") return completion;
  const characters = events.map((event) => (event.kind === "partially-accepted" ? event.characters : 0));
  return completion.slice(0, Math.max(...characters));
}
