import { keptText, shownEvent } from "../labels/kept-text.ts";
import type { SignalEvent } from "../labels/signals.ts";
import { summariseSignals, type SurvivalObservation } from "../labels/signals.ts";
import { causeOfObservation, committedObservations } from "../labels/survival-quality.ts";
import type { LossCause } from "./causes.ts";
import { countSignificantTokens } from "./tokens.ts";

/** What is known of the life of accepted code; times in days since the accept. */
export interface ObservedLife {
  readonly nTokens: number;
  /** When less than half of it was left, or when it was last known to be watched. */
  readonly days: number;
  readonly ended: boolean;
  /** Cause of the loss that ended it; "" while it lives. */
  readonly cause: LossCause | "";
}

/** Less than this share left ends a life (survival.md section 2.1). */
export const ENDED_BELOW = 0.5;
const DAY_MS = 86_400_000;

/**
 * The life of accepted code from the events of its suggestion; null when it was not accepted. It ends when less
 * than half of it was first missing for good: what came back, by redo or by a revert of a revert, has not
 * ended. Otherwise it is censored when it, or its folder, was last heard of.
 */
export const lifeOf = (events: readonly SignalEvent[], watchedMs: number): ObservedLife | null => {
  const signals = summariseSignals(events);
  if (signals.outcome !== "accepted" && signals.outcome !== "partially-accepted") return null;
  const shown = shownEvent(events);
  const text = keptText(events, signals, { verdict: "good" })?.text;
  const nTokens = shown?.withheld?.tokens ?? countSignificantTokens(text ?? "");
  if (nTokens === 0) return null;
  const seen = committedObservations(signals.survival);
  const undoneAt = signals.undoneAfterMs;
  const end = endOf(seen);
  // The editor's word for an undo, where no look followed it.
  if (undoneAt !== null && (end === null || undoneAt <= end.afterMs)) {
    return { nTokens, days: undoneAt / DAY_MS, ended: true, cause: "undo" };
  }
  if (end !== null) {
    return { nTokens, days: end.afterMs / DAY_MS, ended: true, cause: causeOfObservation(end, signals) };
  }
  const days = Math.max(0, watchedMs, seen.at(-1)?.afterMs ?? 0) / DAY_MS;
  return { nTokens, days, ended: false, cause: "" };
};

/** First of the observations that close with less than half left. */
const endOf = (seen: readonly SurvivalObservation[]): SurvivalObservation | null => {
  let end: SurvivalObservation | null = null;
  for (const one of seen) {
    if (one.tokens >= ENDED_BELOW) end = null;
    else end ??= one;
  }
  return end;
};

/** Bands of length, in significant tokens. */
export const lengthBand = (nTokens: number): string => {
  const band = LENGTH_BANDS.findLast(([from]) => nTokens >= from);
  return band?.[1] ?? LENGTH_BANDS[0][1];
};
const LENGTH_BANDS = [
  [0, "1–9 tokens"],
  [10, "10–29 tokens"],
  [30, "30–99 tokens"],
  [100, "100+ tokens"],
] as const;
