import { type CodeFindingSummary, type CodeVerdictSeen, summariseVerdicts } from "./code-findings.ts";
import { countSignificantTokens } from "../survival/tokens.ts";

/** The part of an event that labels need; the wire's events fit it as they are. */
export type SignalEvent =
  | {
      readonly kind: "shown";
      readonly completion: string;
      /** There when the suggestion was recorded without its text. */
      readonly withheld?: { readonly tokens: number } | undefined;
    }
  | { readonly kind: "read" | "accepted" | "typed-over" | "rejected" | "ignored"; readonly visibleMs: number }
  | { readonly kind: "partially-accepted"; readonly characters: number; readonly fraction: number }
  | { readonly kind: "typed-through"; readonly fraction: number }
  | { readonly kind: "superseded" }
  | { readonly kind: "undone" | "redone"; readonly afterMs: number }
  | { readonly kind: "typed-instead"; readonly text: string }
  | { readonly kind: "rated"; readonly verdict: "up" | "down" | "withdrawn"; readonly reason?: string | undefined }
  | {
      readonly kind: "retained";
      readonly afterMs: number;
      readonly tokens: number | null;
      readonly cause?: string | undefined;
    }
  /** Steps between two looks: what they come to is in the next `retained`. */
  | { readonly kind: "loss" | "gain"; readonly fraction: number }
  | { readonly kind: "diagnostics"; readonly introduced: number; readonly left: number }
  | ({ readonly kind: "code-signal" } & CodeVerdictSeen)
  | {
      readonly kind: "survived";
      readonly commit: string;
      readonly afterMs: number;
      readonly tokens: number | null;
      readonly place: "head" | "elsewhere" | "nowhere" | "unknown";
      readonly cause?: string | undefined;
    };

/** How a suggestion ended; `open` while it is neither taken nor refused, or was withdrawn by the editor. */
export type SuggestionOutcome =
  | "accepted"
  | "partially-accepted"
  | "typed-through"
  | "rejected"
  | "typed-over"
  | "ignored"
  | "open";

/** Where the accepted tokens stood a while after the accept. */
export interface SurvivalObservation {
  readonly afterMs: number;
  /** Retained fraction. */
  readonly tokens: number;
  readonly place: "buffer" | "head" | "elsewhere" | "nowhere";
  /** Cause that the tracker gave, or null. */
  readonly cause: string | null;
}

/** Everything that one suggestion's events say about it. */
export interface SuggestionSignals {
  /** Significant tokens of the completion; 0 when the shown event is missing. */
  readonly nTokens: number;
  readonly outcome: SuggestionOutcome;
  /** Fraction accepted or typed through; 1 for an accept. */
  readonly fraction: number;
  /** Visible long enough to be read. */
  readonly read: boolean;
  /** Time from the accept to its undo, milliseconds; null when it was not undone, or was redone. */
  readonly undoneAfterMs: number | null;
  /** Last standing human verdict; a withdrawn one is null. */
  readonly rating: "up" | "down" | null;
  readonly ratingReason: string | null;
  /** What the developer wrote in its place, last report. */
  readonly typedInstead: string | null;
  /** Errors that it introduced and that were still there after two minutes; null when nobody looked. */
  readonly errorsLeft: number | null;
  /** What tests, errors, measurements and reviewers say of its lines now. */
  readonly findings: readonly CodeFindingSummary[];
  /** By time since the accept. Censored observations are left out. */
  readonly survival: readonly SurvivalObservation[];
}

/** A suggestion that stood this long was read: 750 ms, as in the editor's own read signal. */
const READ_MS = 750;

/** Ranks outcomes: a stronger one replaces what was seen before it, whatever the order of arrival. */
const OUTCOME_RANK: Readonly<Record<SuggestionOutcome, number>> = {
  open: 0,
  ignored: 1,
  "typed-over": 2,
  rejected: 3,
  "typed-through": 4,
  "partially-accepted": 5,
  accepted: 6,
};

/** Sums up the events of one suggestion, given in the order in which they happened. */
export const summariseSignals = (events: readonly SignalEvent[]): SuggestionSignals => {
  let nTokens = 0;
  let outcome: SuggestionOutcome = "open";
  let fraction = 0;
  let read = false;
  let undoneAfterMs: number | null = null;
  let rating: "up" | "down" | null = null;
  let ratingReason: string | null = null;
  let typedInstead: string | null = null;
  let errorsLeft: number | null = null;
  const verdicts: CodeVerdictSeen[] = [];
  const survival: SurvivalObservation[] = [];

  const conclude = (next: SuggestionOutcome, nextFraction: number): void => {
    if (OUTCOME_RANK[next] < OUTCOME_RANK[outcome]) return;
    fraction = next === outcome ? Math.max(fraction, nextFraction) : nextFraction;
    outcome = next;
  };

  for (const event of events) {
    if ("visibleMs" in event && event.visibleMs >= READ_MS) read = true;
    switch (event.kind) {
      case "shown":
        nTokens = event.withheld?.tokens ?? countSignificantTokens(event.completion);
        break;
      case "read":
        read = true;
        break;
      case "accepted":
        conclude("accepted", 1);
        break;
      case "rejected":
      case "typed-over":
      case "ignored":
        conclude(event.kind, 0);
        break;
      case "partially-accepted":
      case "typed-through":
        conclude(event.kind, event.fraction);
        break;
      case "undone":
        undoneAfterMs = event.afterMs;
        break;
      case "redone":
        // The accept stands again.
        undoneAfterMs = null;
        break;
      case "typed-instead":
        typedInstead = event.text;
        break;
      case "rated":
        rating = event.verdict === "withdrawn" ? null : event.verdict;
        ratingReason = rating === null ? null : (event.reason ?? null);
        break;
      case "retained":
        if (event.tokens === null) break;
        survival.push({
          afterMs: event.afterMs,
          tokens: event.tokens,
          place: "buffer",
          cause: event.cause ?? null,
        });
        break;
      case "diagnostics":
        errorsLeft = event.left;
        break;
      case "code-signal":
        verdicts.push(event);
        break;
      case "loss":
      case "gain":
        break;
      case "survived":
        if (event.tokens === null || event.place === "unknown") break;
        survival.push({
          afterMs: event.afterMs,
          tokens: event.tokens,
          place: event.place,
          cause: event.cause ?? null,
        });
        break;
      case "superseded":
        break;
    }
  }
  survival.sort((left, right) => left.afterMs - right.afterMs);
  return {
    nTokens,
    outcome,
    fraction,
    read,
    undoneAfterMs,
    rating,
    ratingReason,
    typedInstead,
    errorsLeft,
    findings: summariseVerdicts(verdicts),
    survival,
  };
};
